// The typed configuration of elections: see model.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/location.h"

namespace headgate::config {

// Of one vrrp_instance, beside its priority and preemption.
struct Election {
    Duration preempt_delay{};
    std::uint8_t down_timer_adverts = 3;
    bool higher_prio_send_advert = false;
    bool lower_prio_no_advert = false;
    bool owner_ignore_adverts = false;
    // timer_expired_backup: the highest priority of the other routers; 0: it is not given.
    std::uint8_t late_takeover_priority = 0;
    std::string sync_group;  // its name; empty: in none
    bool operator==(const Election&) const = default;
};

struct SyncGroup {
    std::string name;
    SourceLocation location;
    std::vector<std::string> members;  // names of instances that exist; at least one
    // The members' own trackers keep their weights. What the group tracks is in its members.
    bool tracking_weight = false;
    bool operator==(const SyncGroup&) const = default;
};

// When the instances begin, after a start of the daemon; never after a reload.
struct StartupDelay {
    Duration after_start{};
    Duration after_boot{};
    bool operator==(const StartupDelay&) const = default;
};

}  // namespace headgate::config
