#include "dataplane/table.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <utility>

#include <google/protobuf/util/json_util.h>

#include "common/api.pb.h"
#include "common/limits.h"

namespace headgate::dataplane {

namespace {

Result<Endpoint> load_endpoint(const std::string& address, std::uint32_t port,
                               const std::string& what) {
    const Result<IpAddress> parsed = IpAddress::parse(address);
    if (!parsed)
        return fail("{}: {}", what, parsed.error().message);
    if (port > 65535)
        return fail("{}: the port {} is not between 0 and 65535", what, port);
    return Endpoint{*parsed, static_cast<std::uint16_t>(port)};
}

Result<Protocol> load_protocol(api::Protocol protocol, const std::string& what) {
    switch (protocol) {
        case api::TCP:
            return Protocol::tcp;
        case api::UDP:
            return Protocol::udp;
        case api::SCTP:
            return Protocol::sctp;
        default:
            return fail("{}: the protocol {} is not forwarded; TCP, UDP and SCTP are", what,
                        static_cast<int>(protocol));
    }
}

Result<Scheduler> load_scheduler(api::Scheduler scheduler, const std::string& what) {
    if (scheduler == api::SCHEDULER_UNSPECIFIED || !api::Scheduler_IsValid(scheduler))
        return fail("{}: the scheduler {} is unknown", what, static_cast<int>(scheduler));
    // The core has them in the same order, without the first.
    static_assert(static_cast<int>(Scheduler::rr) + 1 == api::RR &&
                  static_cast<int>(Scheduler::sh) + 1 == api::SH &&
                  static_cast<int>(Scheduler::twos) + 1 == api::TWOS &&
                  api::Scheduler_ARRAYSIZE == api::TWOS + 1);
    return static_cast<Scheduler>(scheduler - 1);
}

// 0 is proto3's "not given".
void load_timeouts(const api::ConnectionTimeouts& message, ConnectionTimeouts& timeouts) {
    const auto take = [](std::uint32_t given, std::uint32_t& timeout) {
        if (given != 0)
            timeout = given;
    };
    take(message.tcp_s(), timeouts.tcp_s);
    take(message.tcp_fin_s(), timeouts.tcp_fin_s);
    take(message.udp_s(), timeouts.udp_s);
}

// Absent: it is reached by direct routing.
Result<std::optional<TunnelConfig>> load_tunnel(const api::Destination& message,
                                                api::ForwardingMethod of_service,
                                                const std::string& what) {
    const api::ForwardingMethod method =
        message.method() == api::FORWARDING_METHOD_UNSPECIFIED ? of_service : message.method();
    if (method == api::DR)
        return std::optional<TunnelConfig>();
    if (method != api::TUN)
        return fail("{}: the forwarding method {} is not available; DR and TUN are", what,
                    static_cast<int>(method));
    const api::Tunnel& given = message.tunnel();
    if (!api::TunnelType_IsValid(given.type()))
        return fail("{}: the tunnel type {} is unknown", what, static_cast<int>(given.type()));
    if (given.port() > 65535 || (given.port() != 0) != (given.type() == api::GUE))
        return fail("{}: {} is no port for such a tunnel; GUE has one, and no other", what,
                    given.port());
    // The core has them in the same order.
    static_assert(static_cast<int>(TunnelType::ipip) == api::IPIP &&
                  static_cast<int>(TunnelType::gue) == api::GUE &&
                  static_cast<int>(TunnelType::gre) == api::GRE);
    TunnelConfig tunnel;
    tunnel.type = static_cast<TunnelType>(given.type());
    tunnel.port = static_cast<std::uint16_t>(given.port());
    tunnel.checksum = given.checksum();
    return std::optional(tunnel);
}

DestinationConfig load_destination(const api::Destination& message, const Endpoint& endpoint) {
    DestinationConfig destination;
    destination.endpoint = endpoint;
    destination.weight = message.weight();
    destination.inhibited = message.inhibited();
    destination.leaving = message.leaving();
    destination.connections_upper = message.connections_upper();
    destination.connections_lower = message.connections_lower();
    return destination;
}

Result<void> load_destinations(const api::Service& message, const std::string& service,
                               ServiceConfig& config) {
    std::set<Endpoint> seen;
    for (const api::Destination& destination : message.destinations()) {
        const std::string what = fmt::format("{}, destination {} {}", service,
                                             destination.address(), destination.port());
        const Result<Endpoint> target =
            load_endpoint(destination.address(), destination.port(), what);
        if (!target)
            return tl::unexpected(target.error());
        const Result<std::optional<TunnelConfig>> tunnel =
            load_tunnel(destination, message.method(), what);
        if (!tunnel)
            return tl::unexpected(tunnel.error());
        if (!*tunnel && target->address.family() != config.endpoint.address.family())
            return fail("{}: the service's address is of another family", what);
        if (target->port == 0 && config.endpoint.port != 0)
            return fail("{}: port 0 is for services of every port", what);
        if (destination.weight() > limits::weight_max)
            return fail("{}: the weight {} is larger than {}", what, destination.weight(),
                        limits::weight_max);
        if (!seen.insert(*target).second)
            return fail("{}: the destination {} is there twice", service, target->to_string());
        config.destinations.push_back(load_destination(destination, *target));
        config.destinations.back().tunnel = *tunnel;
    }
    return {};
}

Result<TableService> load_service(const api::Service& message) {
    const std::string what = fmt::format("service {} {}", message.address(), message.port());
    TableService service;
    const Result<Endpoint> endpoint = load_endpoint(message.address(), message.port(), what);
    if (!endpoint)
        return tl::unexpected(endpoint.error());
    service.config.endpoint = *endpoint;
    const Result<Protocol> protocol = load_protocol(message.protocol(), what);
    if (!protocol)
        return tl::unexpected(protocol.error());
    service.config.protocol = *protocol;
    if (message.method() != api::DR && message.method() != api::TUN)
        return fail("{}: the forwarding method {} is not available; DR and TUN are", what,
                    static_cast<int>(message.method()));
    const Result<Scheduler> scheduler = load_scheduler(message.scheduler(), what);
    if (!scheduler)
        return tl::unexpected(scheduler.error());
    service.config.scheduler = *scheduler;

    service.config.hash_port = message.hash_port();
    service.config.hash_fallback = message.hash_fallback();
    service.config.one_packet = message.one_packet();
    service.config.expire_quiescent = message.expire_quiescent();
    service.config.group = message.group();
    load_timeouts(message.timeouts(), service.config.timeouts);
    service.config.persistence_timeout_s = message.persistence_timeout_s();
    const std::uint32_t prefix = message.persistence_prefix_length();
    const std::uint8_t bits = endpoint->address.bits();
    if (prefix > bits)
        return fail("{}: the persistence prefix length {} is not between 1 and {}", what, prefix,
                    bits);
    // 0 is proto3's "not given".
    service.config.persistence_prefix_length =
        static_cast<std::uint8_t>(prefix == 0 ? bits : prefix);
    service.config.active = message.active();
    service.vrrp_owned = message.vrrp_owned();

    if (auto loaded = load_destinations(message, what, service.config); !loaded)
        return tl::unexpected(loaded.error());
    return service;
}

std::uint32_t rate_of(bool given, std::uint32_t value, std::uint32_t fallback) {
    if (!given)
        return fallback;
    return value == 0 ? TokenBudget::unlimited : value;
}

Result<void> load_rules(const google::protobuf::RepeatedPtrField<std::string>& list, Access access,
                        std::vector<AccessRule>& rules) {
    for (const std::string& text : list) {
        const Result<Prefix> prefix = Prefix::parse(text);
        if (!prefix)
            return fail("a list of clients: {}", prefix.error().message);
        rules.push_back({*prefix, access});
    }
    return {};
}

Result<std::shared_ptr<const AccessList>> load_access(const api::Protection& message) {
    if (message.blocked().empty() && message.allowed().empty())
        return nullptr;
    std::vector<AccessRule> rules;
    rules.reserve(static_cast<std::size_t>(message.blocked_size()) +
                  static_cast<std::size_t>(message.allowed_size()));
    if (auto loaded = load_rules(message.blocked(), Access::blocked, rules); !loaded)
        return tl::unexpected(loaded.error());
    if (auto loaded = load_rules(message.allowed(), Access::allowed, rules); !loaded)
        return tl::unexpected(loaded.error());
    Result<AccessList> list = AccessList::build(rules);
    if (!list)
        return fail("the lists of clients: {}", list.error().message);
    return std::make_shared<const AccessList>(std::move(*list));
}

Result<Protection> load_protection(const api::Protection& message) {
    Protection protection;
    if (message.has_new_connection_rate())
        protection.connection_rate = rate_of(true, message.new_connection_rate(), 0);
    protection.source_rate =
        rate_of(message.has_source_rate(), message.source_rate(), protection.source_rate);
    protection.fragment_rate =
        rate_of(message.has_fragment_rate(), message.fragment_rate(), protection.fragment_rate);
    protection.icmp_error_rate = rate_of(message.has_icmp_error_rate(), message.icmp_error_rate(),
                                         protection.icmp_error_rate);
    protection.icmp_answer_rate = rate_of(message.has_icmp_answer_rate(),
                                          message.icmp_answer_rate(), protection.icmp_answer_rate);
    const auto load_length = [](bool given, std::uint32_t value, std::uint32_t bits,
                                std::uint8_t& length) -> Result<void> {
        if (given && value > bits)
            return fail("the source prefix length {} is not between 0 and {}", value, bits);
        if (given)
            length = static_cast<std::uint8_t>(value);
        return {};
    };
    if (auto loaded =
            load_length(message.has_source_prefix_length_v4(), message.source_prefix_length_v4(),
                        32, protection.source_prefix_length_v4);
        !loaded)
        return tl::unexpected(loaded.error());
    if (auto loaded =
            load_length(message.has_source_prefix_length_v6(), message.source_prefix_length_v6(),
                        128, protection.source_prefix_length_v6);
        !loaded)
        return tl::unexpected(loaded.error());
    Result<std::shared_ptr<const AccessList>> access = load_access(message);
    if (!access)
        return tl::unexpected(access.error());
    protection.access = std::move(*access);
    return protection;
}

Result<FlowCachePolicy> load_flow_cache(const api::FlowCachePolicy& message) {
    FlowCachePolicy policy;
    if (message.admit_after() > std::numeric_limits<std::uint8_t>::max())
        return fail("flow_cache: admit_after {} is above {}", message.admit_after(),
                    std::numeric_limits<std::uint8_t>::max());
    if (message.idle_s() > flow_cache_defaults::idle_max_s)
        return fail("flow_cache: idle_s {} is above {}", message.idle_s(),
                    flow_cache_defaults::idle_max_s);
    if (message.admit_after() != 0)
        policy.admit_after = static_cast<std::uint8_t>(message.admit_after());
    if (message.idle_s() != 0)
        policy.idle_s = message.idle_s();
    return policy;
}

}  // namespace

Result<Table> load_table(const api::ServiceTable& message) {
    Table table;
    table.generation = message.generation();
    table.lease = std::chrono::seconds(message.lease_s());
    Result<Protection> protection = load_protection(message.protection());
    if (!protection)
        return tl::unexpected(protection.error());
    table.protection = std::move(*protection);
    const Result<FlowCachePolicy> flow_cache = load_flow_cache(message.flow_cache());
    if (!flow_cache)
        return tl::unexpected(flow_cache.error());
    table.flow_cache = *flow_cache;
    table.ipvs_stands_by = message.ipvs_stands_by();
    std::set<std::pair<Endpoint, Protocol>> seen;
    std::size_t destinations = 0;
    for (const api::Service& service : message.services()) {
        Result<TableService> loaded = load_service(service);
        if (!loaded)
            return tl::unexpected(loaded.error());
        const ServiceConfig& config = loaded->config;
        if (!seen.emplace(config.endpoint, config.protocol).second)
            return fail("service {}: it is there twice", config.endpoint.to_string());
        destinations += config.destinations.size();
        table.services.push_back(std::move(*loaded));
    }
    if (table.services.size() > services_max || destinations > destinations_max)
        return fail("{} services with {} destinations are more than the {} and {} supported",
                    table.services.size(), destinations, services_max, destinations_max);
    return table;
}

Result<Table> read_table_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file)
        return fail_errno("open the table file {}", path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    api::ServiceTable message;
    const auto status = google::protobuf::util::JsonStringToMessage(text, &message);
    if (!status.ok())
        return fail("the table file {} is not a ServiceTable in JSON: {}", path, status.ToString());
    Result<Table> table = load_table(message);
    if (!table)
        return fail("the table file {}: {}", path, table.error().message);
    return table;
}

std::map<IpAddress, bool> destination_addresses(const Table& table) {
    std::map<IpAddress, bool> addresses;
    for (const TableService& service : table.services) {
        for (const DestinationConfig& destination : service.config.destinations)
            addresses[destination.endpoint.address] |= destination.tunnel.has_value();
    }
    return addresses;
}

namespace {

void set_hop(DestinationConfig& destination, const IngressInterface& ingress,
             const HopLookup& hops) {
    const IpAddress& address = destination.endpoint.address;
    const std::optional<RoutedHop> hop =
        destination.tunnel ? hops.routed(address) : hops.direct(address);
    if (!hop)
        return;
    destination.mac = hop->mac;
    if (destination.tunnel) {
        destination.tunnel->source = hop->source;
        destination.tunnel->mtu = hop->by.mtu;
    }
    if (hop->by.ifindex == ingress.ifindex)
        return;
    destination.egress = hop->by;
    destination.egress->takes_redirects |= ingress.redirects_to_any;
}

}  // namespace

ForwardingConfig forwarding_config(const Table& table, bool lease_expired,
                                   const IngressInterface& ingress, const HopLookup& hops) {
    ForwardingConfig config;
    config.generation = table.generation;
    config.interface_macs = {ingress.mac};
    config.protection = table.protection;
    config.flow_cache = table.flow_cache;
    for (const TableService& service : table.services) {
        ServiceConfig& forwarded = config.services.emplace_back(service.config);
        if (lease_expired && service.vrrp_owned)
            forwarded.active = false;
        for (DestinationConfig& destination : forwarded.destinations)
            set_hop(destination, ingress, hops);
    }
    return config;
}

}  // namespace headgate::dataplane
