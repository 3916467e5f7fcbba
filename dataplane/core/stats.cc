// Reads relaxed counters only: figures of one call may be a few packets apart.
#include "dataplane/core/stats.h"

#include <cstddef>

namespace headgate::dataplane {
namespace {

void add(TrafficStats& sum, const TrafficCounters* counters) {
    if (counters == nullptr)
        return;
    sum.connections += counters->connections.get();
    sum.packets += counters->packets.get();
    sum.bytes += counters->bytes.get();
    sum.active_connections += counters->active_connections.get();
    sum.inactive_connections += counters->inactive_connections.get();
}

ServiceTrafficStats collect_service(const Snapshot& snapshot, const ServiceSlots& slots,
                                    std::span<const Core* const> workers) {
    ServiceTrafficStats stats;
    for (const Core* worker : workers)
        add(stats.total, worker->counters().find_service(
                             slots.service, snapshot.service(slots.service).generation));
    for (const Slot slot : slots.destinations) {
        TrafficStats& destination = stats.destinations.emplace_back();
        for (const Core* worker : workers)
            add(destination,
                worker->counters().find_destination(slot, snapshot.destination(slot).generation));
        destination.overloaded = snapshot.load(slot).overloaded();
        stats.total.active_connections += destination.active_connections;
        stats.total.inactive_connections += destination.inactive_connections;
    }
    return stats;
}

}  // namespace

ForwardingStats collect_stats(const Snapshot& snapshot, std::span<const Core* const> workers) {
    ForwardingStats stats;
    for (const ServiceSlots& slots : snapshot.slots())
        stats.services.push_back(collect_service(snapshot, slots, workers));
    for (const Core* worker : workers) {
        for (std::size_t index = 0; index < reason_count; ++index)
            stats.reasons[index] += worker->counters().get(static_cast<Reason>(index));
        for (std::size_t index = 0; index < event_count; ++index)
            stats.events[index] += worker->counters().get(static_cast<Event>(index));
        stats.flows += worker->flows();
        stats.flow_capacity += worker->flow_capacity();
    }
    return stats;
}

}  // namespace headgate::dataplane
