#include "dataplane/core/flow_scan.h"

#include <algorithm>
#include <utility>

namespace headgate::dataplane {

bool FlowFilter::matches(const Connection& connection) const {
    if (masked(connection.client, client_prefix_length) != client)
        return false;
    if (service != 0 && connection.service != service)
        return false;
    if (service_port != Be16() && connection.service_port != service_port)
        return false;
    if (any_destination)
        return true;
    const auto found =
        std::ranges::lower_bound(destinations, connection.destination, {}, &Identity::slot);
    return found != destinations.end() && found->slot == connection.destination &&
           found->generation == connection.destination_generation;
}

FlowScan::FlowScan(FlowFilter filter, std::size_t limit, bool end)
    : filter_(std::move(filter)), end_(end) {
    records_.reserve(limit);
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
