// What keepalived.stats counts: the counters of one instance, in keepalived's own terms.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "controlplane/vrrp/status.h"

namespace headgate::dump {

struct Stats {
    std::uint64_t adverts_received = 0;
    std::uint64_t adverts_sent = 0;
    std::uint64_t became_master = 0;
    std::uint64_t released_master = 0;
    std::uint64_t length_errors = 0;
    std::uint64_t ttl_errors = 0;
    std::uint64_t type_errors = 0;
    std::uint64_t interval_errors = 0;
    std::uint64_t address_list_errors = 0;
    std::uint64_t auth_type_invalid = 0;
    std::uint64_t auth_type_mismatch = 0;
    std::uint64_t auth_failures = 0;
    std::uint64_t priority_zero_received = 0;
    std::uint64_t priority_zero_sent = 0;
    bool operator==(const Stats&) const = default;
};

Stats stats_of(const vrrp::InstanceStatus& instance);

// What was counted since `before`; all of it when a counter is smaller than then, since that is an
// instance which has begun anew.
Stats since(const Stats& now, const Stats& before);

// By instance name.
using Baseline = std::map<std::string, Stats, std::less<>>;

Stats stats_since(const vrrp::InstanceStatus& instance, const Baseline& baseline);

// keepalived.stats, byte for byte as keepalived 2.2.7 writes it.
std::string render_stats(const std::vector<vrrp::InstanceStatus>& instances,
                         const Baseline& baseline);

}  // namespace headgate::dump
