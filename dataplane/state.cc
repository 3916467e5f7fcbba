// Engine::state(): what the engine knows, as the message that the control plane reads.
#include <algorithm>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "dataplane/engine.h"

namespace headgate::dataplane {

namespace {

// In the order in which names were first added.
class NamedCounts {
public:
    explicit NamedCounts(api::DataplaneState& state) : state_(state) {}

    void add(const std::string& name, std::uint64_t count) {
        const auto [entry, added] = index_.try_emplace(name, state_.reasons_size());
        if (added)
            state_.add_reasons()->set_name(name);
        api::NamedCount* named = state_.mutable_reasons(entry->second);
        named->set_count(named->count() + count);
    }

private:
    api::DataplaneState& state_;
    std::map<std::string, int> index_;
};

void report_port(const std::string& interface, const Attachment* attachment,
                 const AttachmentCounts& counts, const std::string& error, api::PortState& port) {
    port.set_interface(interface);
    if (attachment == nullptr) {
        port.set_mode("not attached");
        port.set_mode_reason(error);
        return;
    }
    port.set_mode(attachment->mode());
    port.set_mode_reason(attachment->mode_reason());
    port.set_queues(static_cast<std::uint32_t>(attachment->workers()));
    port.set_rx_packets(counts.rx_packets);
    port.set_rx_bytes(counts.rx_bytes);
    port.set_tx_packets(counts.tx_packets);
    port.set_tx_dropped(counts.tx_dropped);
    port.set_elsewhere_packets(counts.elsewhere_packets);
    port.set_kernel_packets(counts.kernel_packets);
    port.set_cached_packets(counts.cached_packets);
}

void report_worker(const Worker& worker, const Protection& protection, api::WorkerState& state) {
    const LoopMeter& meter = worker.meter();
    state.set_busy_permille(meter.busy_permille());
    state.set_busy_us(meter.busy_us());
    for (std::size_t bucket = 0; bucket < LoopMeter::buckets; ++bucket) {
        api::WorkerState::Bucket& to = *state.add_bursts();
        const bool bounded = bucket + 1 < LoopMeter::buckets;
        to.set_up_to_us(bounded ? std::int64_t{1} << bucket : -1);
        to.set_bursts(meter.turns(bucket));
    }
    state.set_cached_flows(worker.core().flow_cache().size());
    state.set_cached_flow_capacity(worker.core().flow_cache().capacity());
    const std::uint32_t rate = protection.connection_rate.value_or(worker.core().gate().rate());
    state.set_new_connection_rate(rate == TokenBudget::unlimited ? 0 : rate);
}

void report_workers(const std::string& interface, const Attachment& attachment,
                    const Protection& protection, api::DataplaneState& state) {
    for (std::size_t queue = 0; queue < attachment.workers(); ++queue) {
        api::WorkerState& to = *state.add_worker_states();
        to.set_interface(interface);
        to.set_queue(static_cast<std::uint32_t>(queue));
        report_worker(attachment.worker(queue), protection, to);
    }
}

void report_counts(const AttachmentCounts& counts, const ForwardingStats& stats,
                   NamedCounts& named) {
    for (std::size_t reason = 1; reason < reason_count; ++reason)
        named.add(std::string(reason_infos[reason].name), stats.reasons[reason]);
    for (std::size_t event = 0; event < event_count; ++event)
        named.add(std::string(event_infos[event].name), stats.events[event]);
    for (std::size_t counter = 0; counter < counts.steering.size(); ++counter)
        named.add(steer_counter_name(counter), counts.steering[counter]);
    named.add("socket_rx_ring_full", counts.socket.rx_ring_full);
    named.add("socket_fill_ring_empty", counts.socket.fill_ring_empty);
    named.add("socket_rx_too_long", counts.socket.rx_too_long);
    named.add("egress_no_room", counts.egress_no_room);
    named.add("egress_down", counts.egress_down);
    named.add("egress_too_long", counts.egress_too_long);
    named.add("egress_failed", counts.egress_failed);
    named.add("kernel_over_limit", counts.kernel_over_limit);
    named.add("kernel_failed", counts.kernel_failed);
}

void add_traffic(const TrafficStats& traffic, api::DestinationStats& stats) {
    stats.set_connections(stats.connections() + traffic.connections);
    stats.set_packets(stats.packets() + traffic.packets);
    stats.set_bytes(stats.bytes() + traffic.bytes);
    stats.set_active_connections(stats.active_connections() + traffic.active_connections);
    stats.set_inactive_connections(stats.inactive_connections() + traffic.inactive_connections);
    stats.set_overloaded(stats.overloaded() || traffic.overloaded);
}

// `stats` lists services and destinations in the table's order.
void add_services(const ForwardingStats& stats, api::DataplaneState& state) {
    const std::size_t services =
        std::min(stats.services.size(), static_cast<std::size_t>(state.services_size()));
    for (std::size_t index = 0; index < services; ++index) {
        const ServiceTrafficStats& from = stats.services[index];
        api::ServiceStats& to = *state.mutable_services(static_cast<int>(index));
        to.set_connections(to.connections() + from.total.connections);
        to.set_packets(to.packets() + from.total.packets);
        to.set_bytes(to.bytes() + from.total.bytes);
        for (std::size_t at = 0; at < from.destinations.size(); ++at)
            add_traffic(from.destinations[at], *to.mutable_destinations(static_cast<int>(at)));
    }
}

}  // namespace

api::DataplaneState Engine::state() const {
    api::DataplaneState state;
    state.set_pid(::getpid());
    state.set_generation(table_.generation);
    state.set_flow_cache(options_.cached_flows);
    report_services(state);
    NamedCounts named(state);
    for (const Served& served : served_) {
        const Attachment* attachment = served.attachment.get();
        const AttachmentCounts counts =
            attachment != nullptr ? attachment->counts() : AttachmentCounts{};
        report_port(served.interface, attachment, counts, served.error, *state.add_ports());
        if (attachment == nullptr)
            continue;
        const ForwardingStats stats = attachment->forwarding_stats();
        report_counts(counts, stats, named);
        add_services(stats, state);
        report_workers(served.interface, *attachment, table_.protection, state);
        state.set_workers(state.workers() + static_cast<std::uint32_t>(attachment->workers()));
        state.set_flows(state.flows() + stats.flows);
        state.set_flow_capacity(state.flow_capacity() + stats.flow_capacity);
        state.set_persistence_entries(state.persistence_entries() +
                                      attachment->persistence_entries());
    }
    return state;
}

// By which interface, and why the flow cache cannot, where packets come in on another.
void Engine::report_way(const DestinationConfig& destination, api::DestinationStats& stats) const {
    const IpAddress& address = destination.endpoint.address;
    const std::optional<RoutedHop> hop =
        destination.tunnel ? neighbours_.routed(address) : neighbours_.direct(address);
    if (!hop)
        return;
    const auto is_other = [&hop](const Served& served) {
        return served.attachment && served.attachment->link().ifindex != hop->by.ifindex;
    };
    if (std::ranges::none_of(served_, is_other))
        return;
    stats.set_interface(hop->by.name);
    const bool is_native = std::ranges::any_of(served_, [&](const Served& served) {
        return is_other(served) && !served.attachment->generic();
    });
    if (!is_native || destination.tunnel || hop->by.takes_redirects || options_.cached_flows == 0)
        return;
    const bool is_known =
        neighbours_.interface(hop->by.ifindex)->takes_redirects == TakesRedirects::no;
    stats.set_uncached_reason(
        is_known ? fmt::format("the driver of {} takes no packets from XDP programs at the moment",
                               hop->by.name)
                 : fmt::format("the kernel does not tell whether the driver of {} takes packets "
                               "from XDP programs; Linux 6.3 and later do",
                               hop->by.name));
}

void Engine::report_services(api::DataplaneState& state) const {
    for (const TableService& service : table_.services) {
        api::ServiceStats& stats = *state.add_services();
        stats.set_address(service.config.endpoint.address.to_string());
        stats.set_port(service.config.endpoint.port);
        stats.set_protocol(static_cast<api::Protocol>(service.config.protocol));
        for (const DestinationConfig& destination : service.config.destinations) {
            api::DestinationStats& to = *stats.add_destinations();
            to.set_address(destination.endpoint.address.to_string());
            to.set_port(destination.endpoint.port);
            to.set_unresolved_reason(neighbours_.unresolved_reason(destination.endpoint.address,
                                                                   destination.tunnel.has_value()));
            to.set_resolved(to.unresolved_reason().empty());
            if (to.resolved())
                report_way(destination, to);
        }
    }
}

}  // namespace headgate::dataplane
