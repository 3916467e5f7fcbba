// What the VRRP thread tells the rest of the daemon about its instances: plain values, copied out
// whole, so that no other thread ever looks into a running instance.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/vrrp/lateness.h"

namespace headgate::vrrp {

// RFC 5798 6.3, and keepalived's FAULT: the interface cannot carry adverts.
enum class State : std::uint8_t { init, backup, master, fault };

// keepalived's words: "INIT", "BACKUP", "MASTER", "FAULT".
[[nodiscard]] std::string_view to_string(State state);

struct VipStatus {
    Prefix prefix;
    std::string interface;
    bool present = false;  // the kernel has it
    bool operator==(const VipStatus&) const = default;
};

struct NamedCount {
    std::string_view name;  // lives as long as the program
    std::uint64_t count = 0;
    bool operator==(const NamedCount&) const = default;
};

// Of a vrrp_sync_group.
struct GroupStatus {
    std::string name;
    State state = State::init;
    std::string reason;  // whose reason it is, and what it is
    std::int64_t last_transition_unix_ms = 0;
    std::uint64_t became_master = 0;
    std::vector<std::string> members;
    bool operator==(const GroupStatus&) const = default;
};

struct Transition {
    State from = State::init;
    State to = State::init;
    std::string reason;  // in words
    std::int64_t unix_ms = 0;
    bool operator==(const Transition&) const = default;
};

// The last advert of another router that was not refused.
struct HeardAdvert {
    std::string source;
    std::uint8_t priority = 0;  // before it resigned, if it has
    bool resigned = false;
    std::int64_t unix_ms = 0;
    bool operator==(const HeardAdvert&) const = default;
};

struct RefusedAdvert {
    std::string source;
    std::string_view error;  // its name; lives as long as the program
    std::string detail;      // what is wrong with it, and what to change
    std::int64_t unix_ms = 0;
    bool operator==(const RefusedAdvert&) const = default;
};

// Two masters, for longer than the protocol explains: a split brain is suspected.
struct SecondMaster {
    std::string address;  // of the one with the lower priority
    std::uint8_t priority = 0;
    std::int64_t since_unix_ms = 0;
    bool operator==(const SecondMaster&) const = default;
};

// It was told to step down: it stays BACKUP until then, as long as another router is MASTER.
struct Hold {
    std::int64_t until_unix_ms = 0;
    std::string reason;  // may be empty
    bool operator==(const Hold&) const = default;
};

// What a tracker does to the priority.
struct TrackerStatus {
    std::string kind;  // the keyword that names it: "track_script", ...
    std::string name;
    std::string state;   // "up", "down", "unknown" (no result yet), "disabled", or a file's number
    std::string detail;  // of the last result, in words; may be empty
    int weight = 0;
    bool reverse = false;
    int contribution = 0;  // to the priority: now, while it is up, and while it is down
    int contribution_up = 0;
    int contribution_down = 0;
    bool faults = false;  // whether it keeps the instance in FAULT: likewise
    bool faults_up = false;
    bool faults_down = false;
    bool operator==(const TrackerStatus&) const = default;
};

// As much of an instance as the rest of the daemon acts on.
struct Standing {
    std::string name;
    State state = State::init;
    std::vector<IpAddress> held_vips;  // in the kernel, while MASTER
    std::optional<Hold> hold;
    bool operator==(const Standing&) const = default;
};

struct InstanceStatus {
    std::string name;
    State state = State::init;
    std::string reason;  // of the last transition, in words
    std::int64_t last_transition_unix_ms = 0;
    std::string interface;
    std::uint8_t vrid = 0;
    std::uint8_t version = 2;
    std::uint8_t priority = 0;  // what adverts say
    bool preempt = true;
    Duration advert_interval{};
    Duration skew{};
    Duration master_down_interval{};
    std::string master_address;  // own address while MASTER; empty when no master was heard
    std::uint8_t master_priority = 0;
    std::vector<VipStatus> vips;
    std::uint64_t adverts_sent = 0;
    std::uint64_t adverts_received = 0;  // accepted ones
    std::uint64_t adverts_refused = 0;
    std::uint64_t became_master = 0;
    std::uint64_t vips_restored = 0;        // somebody else removed a VIP and it was put back
    std::vector<NamedCount> advert_errors;  // every name, also those that are zero
    // The longest that a timer of the VRRP thread ever fired after its time.
    Duration timer_lateness_max{};
    std::string warning;  // something the operator should look at; empty when nothing is
    std::optional<GroupStatus> sync_group{};  // that it is a member of

    // Why: see Chronicle.
    std::string own_address;  // adverts are sent from it; empty while there is none
    std::uint8_t base_priority = 0;
    std::vector<TrackerStatus> trackers{};
    std::optional<HeardAdvert> last_heard{};
    std::optional<RefusedAdvert> last_refused{};
    std::vector<Transition> transitions{};  // the last few, the oldest first
    std::vector<NamedCount> events{};  // every reason and note of the state machine, also the zeros
    std::optional<SecondMaster> second_master{};
    Duration preempt_delay{};
    std::optional<std::int64_t> preempt_allowed_unix_ms{};  // while it waits for that delay
    std::optional<Hold> hold{};
    std::optional<std::int64_t> deadline_unix_ms{};  // of its timers, the next one
    std::uint64_t released_master = 0;
    std::uint64_t priority_zero_received = 0;
    std::uint64_t priority_zero_sent = 0;
    AdvertLateness advert_lateness{};
};

}  // namespace headgate::vrrp
