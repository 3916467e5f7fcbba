// Sums the workers' counters for one snapshot. Any thread that may use the snapshot.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/core/core.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

struct TrafficStats {
    std::uint64_t connections = 0;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    std::uint64_t active_connections = 0;
    std::uint64_t inactive_connections = 0;
    bool overloaded = false;  // of a destination: it is over its threshold
};

struct ServiceTrafficStats {
    TrafficStats total;
    std::vector<TrafficStats> destinations;  // in the order of ServiceConfig::destinations
};

struct ForwardingStats {
    std::vector<ServiceTrafficStats> services;  // in the order of ForwardingConfig::services
    std::array<std::uint64_t, reason_count> reasons{};
    std::array<std::uint64_t, event_count> events{};
    std::uint64_t flows = 0;
    std::uint64_t flow_capacity = 0;
};

ForwardingStats collect_stats(const Snapshot& snapshot, std::span<const Core* const> workers);

}  // namespace headgate::dataplane
