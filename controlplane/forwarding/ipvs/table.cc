#include "controlplane/forwarding/ipvs/table.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "common/api.pb.h"
#include "common/check.h"

namespace headgate::forwarding::ipvs {

namespace {

// The kernel schedules for every port of an address in persistent services only; keepalived takes
// this timeout then, too.
constexpr std::uint32_t persistence_default_s = 360;

IpAddress address_of(const std::string& text) {
    const auto address = IpAddress::parse(text);
    check(address.has_value(), "the addresses of a table are valid");
    return *address;
}

// The API has the kernel's names in capitals.
std::string scheduler_of(api::Scheduler scheduler) {
    std::string name = api::Scheduler_Name(scheduler);
    std::ranges::transform(name, name.begin(), [](unsigned char letter) {
        return static_cast<char>(std::tolower(letter));
    });
    return name;
}

ServiceKey key_of(const api::Service& service) {
    return {.endpoint = {address_of(service.address()), static_cast<std::uint16_t>(service.port())},
            .protocol = static_cast<std::uint8_t>(service.protocol()),
            .fwmark = service.fwmark()};
}

ServiceSettings settings_of(const api::Service& service, const ServiceKey& key) {
    ServiceSettings settings;
    settings.scheduler = scheduler_of(service.scheduler());
    settings.one_packet = service.one_packet();
    settings.sched_flag_1 = service.hash_fallback();
    settings.sched_flag_2 = service.hash_port();
    settings.sched_flag_3 = service.scheduler_flag_3();
    settings.persistence_engine = service.persistence_engine();
    settings.persistence_timeout_s = service.persistence_timeout_s();
    if (settings.persistence_timeout_s == 0 && key.endpoint.port == 0 && key.fwmark == 0)
        settings.persistence_timeout_s = persistence_default_s;
    settings.persistent = settings.persistence_timeout_s > 0;
    settings.persistence_prefix_length = key.endpoint.address.bits();
    if (settings.persistent && service.persistence_prefix_length() > 0)
        settings.persistence_prefix_length =
            static_cast<std::uint8_t>(service.persistence_prefix_length());
    return settings;
}

Method method_of(api::ForwardingMethod method) {
    switch (method) {
        case api::NAT:
            return Method::nat;
        case api::TUN:
            return Method::tun;
        default:
            return Method::dr;
    }
}

Tunnel tunnel_of(const api::Tunnel& from) {
    Tunnel tunnel;
    switch (from.type()) {
        case api::GUE:
            tunnel.type = TunnelType::gue;
            tunnel.port = static_cast<std::uint16_t>(from.port());
            break;
        case api::GRE:
            tunnel.type = TunnelType::gre;
            break;
        default:
            break;
    }
    if (from.remote_checksum())
        tunnel.checksum = TunnelChecksum::remote;
    else if (from.checksum())
        tunnel.checksum = TunnelChecksum::plain;
    return tunnel;
}

Destination destination_of(const api::Service& service, const api::Destination& from) {
    const std::uint32_t port = from.port() == 0 ? service.port() : from.port();
    Destination destination{
        .endpoint = {address_of(from.address()), static_cast<std::uint16_t>(port)}, .settings = {}};
    DestinationSettings& settings = destination.settings;
    settings.method = method_of(
        from.method() == api::FORWARDING_METHOD_UNSPECIFIED ? service.method() : from.method());
    if (settings.method == Method::tun)
        settings.tunnel = tunnel_of(from.tunnel());
    settings.weight = from.leaving() || from.inhibited() ? 0 : from.weight();
    settings.upper_threshold = from.connections_upper();
    settings.lower_threshold = from.connections_lower();
    return destination;
}

}  // namespace

std::string ServiceKey::to_string() const {
    if (fwmark != 0)
        return fmt::format("fwmark {}{}", fwmark, endpoint.address.is_v4() ? "" : " (IPv6)");
    std::string_view name;
    switch (protocol) {
        case api::TCP:
            name = "tcp";
            break;
        case api::UDP:
            name = "udp";
            break;
        case api::SCTP:
            name = "sctp";
            break;
        default:
            return fmt::format("{}/{}", endpoint.to_string(), protocol);
    }
    return fmt::format("{}/{}", endpoint.to_string(), name);
}

Table table_of(const api::ServiceTable& from) {
    Table table;
    table.standby = std::ranges::all_of(from.services(), &api::Service::standby);
    for (const api::Service& service : from.services()) {
        const ServiceKey key = key_of(service);
        table.ours.insert(key);
        table.timeouts = {service.timeouts().tcp_s(), service.timeouts().tcp_fin_s(),
                          service.timeouts().udp_s()};
        if (!service.active())
            continue;
        if (service.expire_quiescent())
            table.sysctls["expire_quiescent_template"] = 1;
        Service& added = table.services.emplace_back(
            Service{.key = key, .settings = settings_of(service, key), .destinations = {}});
        for (const api::Destination& destination : service.destinations())
            added.destinations.push_back(destination_of(service, destination));
    }
    return table;
}

}  // namespace headgate::forwarding::ipvs
