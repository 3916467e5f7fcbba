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
    std::uint64_t became_master = 0;
    std::uint64_t vips_restored = 0;        // somebody else removed a VIP and it was put back
    std::vector<NamedCount> advert_errors;  // every name, also those that are zero
    // The longest that a timer of the VRRP thread ever fired after its time.
    Duration timer_lateness_max{};
    std::string warning;  // something the operator should look at; empty when nothing is
    std::optional<GroupStatus> sync_group{};  // that it is a member of
    Duration preempt_delay{};
    std::vector<NamedCount> events{};  // every reason and note of the state machine, also the zeros
};

}  // namespace headgate::vrrp
