#include "dataplane/core/flow_scan.h"

#include <algorithm>
#include <utility>

#include "dataplane/core/core.h"

namespace headgate::dataplane {

bool FlowFilter::matches(const Connection& connection) const {
    return matches(connection.client, connection.service, connection.service_port,
                   {connection.destination, connection.destination_generation});
}

bool FlowFilter::matches(const WideAddress& from, std::uint32_t of_service, Be16 port,
                         const Identity& destination) const {
    if (masked(from, client_prefix_length) != client)
        return false;
    if (service != 0 && of_service != service)
        return false;
    if (service_port != Be16() && port != service_port)
        return false;
    if (any_destination)
        return true;
    const auto found =
        std::ranges::lower_bound(destinations, destination.slot, {}, &Identity::slot);
    return found != destinations.end() && *found == destination;
}

FlowScan::FlowScan(FlowFilter filter, std::size_t limit, bool end)
    : filter_(std::move(filter)), end_(end) {
    records_.reserve(limit);
}

bool FlowScan::answer_piece(Core& core, const Snapshot& snapshot, Tick now) {
    return core.scan(snapshot, *this, now);
}

void FlowScan::visit(const Connection& connection, Tick now) {
    ++matched_;
    if (records_.size() == records_.capacity())
        return;
    records_.push_back({.client = connection.client,
                        .client_port = connection.client_port,
                        .service_port = connection.service_port,
                        .service = connection.service,
                        .destination = {connection.destination, connection.destination_generation},
                        .state = connection.state,
                        .persistent = connection.binding != no_binding,
                        .expires_s = connection.deadline() - now});
}

}  // namespace headgate::dataplane
