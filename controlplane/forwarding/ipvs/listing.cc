#include "controlplane/forwarding/ipvs/listing.h"

#include <algorithm>
#include <map>
#include <string>

#include "common/api.pb.h"
#include "controlplane/forwarding/ipvs/table.h"

namespace headgate::forwarding::ipvs {

namespace {

constexpr Timeouts default_timeouts{.tcp_s = 900, .tcp_fin_s = 120, .udp_s = 300};

api::ForwardingMethod method_to_api(Method method) {
    switch (method) {
        case Method::nat:
            return api::NAT;
        case Method::tun:
            return api::TUN;
        default:
            return api::DR;
    }
}

void fill_destination(const Destination& from, api::IpvsDestination& to) {
    to.set_address(from.endpoint.address.to_string());
    to.set_port(from.endpoint.port);
    to.set_method(method_to_api(from.settings.method));
    if (from.settings.method == Method::tun) {
        to.mutable_tunnel()->set_type(static_cast<api::TunnelType>(from.settings.tunnel.type));
        to.mutable_tunnel()->set_port(from.settings.tunnel.port);
        to.mutable_tunnel()->set_checksum(from.settings.tunnel.checksum != TunnelChecksum::none);
        to.mutable_tunnel()->set_remote_checksum(from.settings.tunnel.checksum ==
                                                 TunnelChecksum::remote);
    }
    to.set_weight(from.settings.weight);
    to.set_upper_threshold(from.settings.upper_threshold);
    to.set_lower_threshold(from.settings.lower_threshold);
}

void fill_service(const Service& from, api::IpvsService& to) {
    to.set_protocol(from.key.protocol);
    to.set_address(from.key.endpoint.address.to_string());
    to.set_port(from.key.endpoint.port);
    to.set_fwmark(from.key.fwmark);
    to.set_scheduler(from.settings.scheduler);
    to.set_scheduler_flag_1(from.settings.sched_flag_1);
    to.set_scheduler_flag_2(from.settings.sched_flag_2);
    to.set_scheduler_flag_3(from.settings.sched_flag_3);
    to.set_one_packet(from.settings.one_packet);
    to.set_persistent(from.settings.persistent);
    to.set_persistence_timeout_s(from.settings.persistence_timeout_s);
    to.set_persistence_prefix_length(from.settings.persistence_prefix_length);
    to.set_persistence_engine(from.settings.persistence_engine);
    for (const Destination& destination : from.destinations)
        fill_destination(destination, *to.add_destinations());
}

void add(const api::IpvsCounters& from, api::IpvsCounters& to) {
    to.set_connections(to.connections() + from.connections());
    to.set_packets_in(to.packets_in() + from.packets_in());
    to.set_packets_out(to.packets_out() + from.packets_out());
    to.set_bytes_in(to.bytes_in() + from.bytes_in());
    to.set_bytes_out(to.bytes_out() + from.bytes_out());
}

// Of a service or a destination, which have the same names for them.
template <typename Stats, typename Listed>
void add_counters(const Stats& from, Listed& to) {
    api::IpvsCounters counters;
    counters.set_connections(from.connections());
    counters.set_packets_in(from.packets());
    counters.set_packets_out(from.packets_out());
    counters.set_bytes_in(from.bytes());
    counters.set_bytes_out(from.bytes_out());
    add(counters, *to.mutable_counters());
    if (from.has_rates())
        add(from.rates(), *to.mutable_rates());
    else
        add(counters, *to.mutable_unrated());
}

std::string name_of(const api::ServiceStats& stats) {
    const auto address = IpAddress::parse(stats.address());
    if (!address)
        return {};
    return ServiceKey{.endpoint = {*address, static_cast<std::uint16_t>(stats.port())},
                      .protocol = static_cast<std::uint8_t>(stats.protocol()),
                      .fwmark = stats.fwmark()}
        .to_string();
}

void add_stats(const api::ServiceStats& from, api::IpvsService& to) {
    add_counters(from, to);
    for (api::IpvsDestination& destination : *to.mutable_destinations()) {
        const auto stats =
            std::ranges::find_if(from.destinations(), [&](const api::DestinationStats& each) {
                const std::uint32_t port = each.port() == 0 ? to.port() : each.port();
                return each.address() == destination.address() && port == destination.port();
            });
        if (stats == from.destinations().end())
            continue;
        add_counters(*stats, destination);
        const auto sum = [](std::uint32_t before, std::uint64_t more) {
            return static_cast<std::uint32_t>(before + more);
        };
        destination.set_active_connections(
            sum(destination.active_connections(), stats->active_connections()));
        destination.set_inactive_connections(
            sum(destination.inactive_connections(), stats->inactive_connections()));
        destination.set_persistent_connections(
            sum(destination.persistent_connections(), stats->persistent_connections()));
    }
}

}  // namespace

api::IpvsListing listing_of(
    const Table& table, std::initializer_list<const std::optional<api::DataplaneState>*> counters) {
    api::IpvsListing listing;
    const auto set_or = [](std::uint32_t set, std::uint32_t otherwise) {
        return set != 0 ? set : otherwise;
    };
    api::ConnectionTimeouts& timeouts = *listing.mutable_timeouts();
    timeouts.set_tcp_s(set_or(table.timeouts.tcp_s, default_timeouts.tcp_s));
    timeouts.set_tcp_fin_s(set_or(table.timeouts.tcp_fin_s, default_timeouts.tcp_fin_s));
    timeouts.set_udp_s(set_or(table.timeouts.udp_s, default_timeouts.udp_s));
    std::map<std::string, api::IpvsService*> services;
    for (const Service& service : table.services)
        fill_service(service, *(services[service.key.to_string()] = listing.add_services()));
    for (const auto* state : counters) {
        if (!*state)
            continue;
        for (const api::ServiceStats& stats : (*state)->services()) {
            const auto service = services.find(name_of(stats));
            if (service != services.end())
                add_stats(stats, *service->second);
        }
    }
    return listing;
}

}  // namespace headgate::forwarding::ipvs
