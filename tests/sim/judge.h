// The judge: watches the routers in one simulated network and knows what VRRP promises.
//
//  overlap     two masters that can hear each other are so no longer than it takes for one advert
//              to get through
//  no master   where a router is up, there is a master within a master down interval
//  one master  once nothing has happened for long enough, there is exactly one per connected part,
//              and no running router that preempts has a higher priority
//  no flap     from then on nobody changes his state
//  patience    a router with nopreempt takes nothing away from the one master that it hears (of
//              two with different intervals the last one heard decides how long it waits)
//  vips        then the master's kernel has all the VIPs and no other kernel has any; and at no
//              time do two kernels that can hear each other have them longer than a lease
//  repair      a VIP that somebody removes from a master is back within 100 ms
//  alarm       two masters that stay, because one does not hear the other, are suspected
//
// In an incoherent world, where a path works in one direction only or the networks of a sync group
// are split in different ways, nobody promises that there is one master; all else holds.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "tests/sim/network.h"
#include "tests/sim/router.h"

namespace headgate::sim {

struct Bounds {
    Duration masters_overlap_max{};
    Duration vips_overlap_max{};
    Duration masterless_max{};
    Duration settle{};  // after the last disturbance
    // For how long a master must have been heard to be left alone, and when no advert of it can
    // still be on its way.
    Duration heard{};
};

class Judge {
public:
    // `index`: of the network.
    Judge(const std::vector<std::unique_ptr<Router>>& routers, const Network& network,
          std::size_t index, const Bounds& bounds)
        : routers_(routers), network_(network), index_(index), bounds_(bounds) {}

    // A disturbance: from now on changes have a cause.
    void disturbed(Instant now, bool coherent);
    // As it, and who is the stronger, or for how long one waits, may have changed too.
    void rules_changed(Instant now, bool coherent);
    // Everything has been as it is until `now`, when the next event is about to happen.
    void before(Instant now);
    // An event has happened.
    void after(Instant now);

    // The first promise that was broken.
    [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
    // How often all the promises of a quiet network were checked.
    [[nodiscard]] std::uint64_t num_settled_checks() const { return num_settled_checks_; }

private:
    using Pair = std::pair<std::size_t, std::size_t>;
    // Since when a condition has held without a break.
    using Stopwatch = std::map<Pair, Instant>;

    void watch(Stopwatch& stopwatch, Pair pair, bool holds, Instant now);
    void limit(const Stopwatch& stopwatch, Instant now, Duration most, const char* what);
    void check_settled(Instant now);
    void check_part(Instant now, std::size_t member);
    [[nodiscard]] bool is_master(std::size_t router) const;
    void check_patience(Instant now, std::size_t router);
    void check_alarm(Instant now, std::size_t router);
    [[nodiscard]] const Leg& leg(std::size_t router) const { return routers_[router]->leg(index_); }
    // Masters.
    [[nodiscard]] std::size_t num_heard_by(std::size_t member) const;
    void broken(Instant now, const std::string& what);

    const std::vector<std::unique_ptr<Router>>& routers_;
    const Network& network_;
    std::size_t index_;
    Bounds bounds_;
    Instant quiet_since_{};
    bool coherent_ = true;
    Stopwatch masters_;
    Stopwatch vips_;
    Stopwatch followed_;    // (router, master): it is BACKUP and hears that master alone
    Stopwatch beside_;      // (router, other): both are master, and it hears the other in vain
    Stopwatch masterless_;  // (router, itself): it is up, and hears no master
    Stopwatch incomplete_;  // (router, itself): master without all of its VIPs
    std::optional<std::uint64_t> settled_transitions_;
    std::uint64_t num_settled_checks_ = 0;
    std::optional<std::string> violation_;
};

}  // namespace headgate::sim
