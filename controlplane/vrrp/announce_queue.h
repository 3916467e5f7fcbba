// AnnounceQueue: the gratuitous ARPs and Neighbour Advertisements of all instances of a thread, on
// their way out. It sends at once what no limit forbids, and keeps the rest until its time.
//
// Limits are per interface, or shared by the interfaces of a group, and separate for the two kinds
// of frame; each is a lane of its own, which sends one frame per interval. A VMAC counts as the
// interface that it is made on. In a lane instances take
// turns, a round of their addresses each: a hundred repeats of one do not delay the first
// announcement of another. Even without a limit the queue sends a bounded number of frames in one
// go, since the thread has adverts to send, too.
//
// Bounded: an instance has one entry per address. Announcing an address again while it waits
// replaces what is left of it, unless more repeats are left than it asks for.
//
// VRRP thread only. Time is a parameter, and frames go out through each instance's Link.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/model_announce.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

class AnnounceQueue {
public:
    // Identifies who announces.
    using Owner = const void*;

    AnnounceQueue();

    // What waits goes on under the new limits.
    void set_limits(Instant now, const config::AnnounceLimits& limits);

    // A block: all of the addresses, `rounds` times. `link` outlives it, or is dropped first.
    void push(Instant now, Owner owner, Link& link,
              std::span<const config::VirtualAddress> addresses, std::uint32_t rounds);
    // Sends nothing more of this owner.
    void drop(Owner owner);
    // Sends only these of his addresses.
    void retain(Owner owner, const std::vector<config::VirtualAddress>& addresses);

    // Sends what is due.
    void run(Instant now);
    // When run() is due; nothing when nothing waits.
    [[nodiscard]] std::optional<Instant> deadline() const;

private:
    struct Entry {
        config::VirtualAddress address;
        std::uint32_t rounds = 0;
    };
    struct Job {
        Owner owner = nullptr;
        Link* link = nullptr;
        std::vector<Entry> entries;
        std::size_t next = 0;  // of the entries, in this round
    };
    struct Lane {
        Duration interval{};  // 0: no limit
        Instant ready_at{};
        std::list<Job> jobs;  // the first is at work
    };
    using Lanes = std::vector<Lane>;

    [[nodiscard]] std::size_t lane_of(const config::VirtualAddress& address, const Link& link);
    void enqueue(Lane& lane, Owner owner, Link& link, const Entry& entry);
    static void send_next(Lane& lane);
    static void end_round(Lane& lane, std::list<Job>::iterator job);

    config::AnnounceLimits limits_;
    // The first has no limit. A lane of a group or an interface begins with its first use.
    Lanes lanes_;
    std::map<std::pair<std::string, Family>, std::size_t> lane_by_name_;
};

}  // namespace headgate::vrrp
