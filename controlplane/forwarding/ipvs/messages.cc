#include "controlplane/forwarding/ipvs/messages.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <linux/ip_vs.h>

#include "common/check.h"
#include "controlplane/netlink/generic.h"

namespace headgate::forwarding::ipvs {

namespace {

using netlink::Attributes;
using netlink::Nest;

constexpr std::uint32_t flags_of_settings = IP_VS_SVC_F_PERSISTENT | IP_VS_SVC_F_ONEPACKET |
                                            IP_VS_SVC_F_SCHED1 | IP_VS_SVC_F_SCHED2 |
                                            IP_VS_SVC_F_SCHED3;

// An address of either family has the size of the larger one.
void put_padded(nl_msg* request, int attribute, const IpAddress& address) {
    std::array<std::uint8_t, 16> bytes{};
    std::ranges::copy(address.bytes(), bytes.begin());
    netlink::put_bytes(request, attribute, bytes.data(), bytes.size());
}

void put_port(nl_msg* request, int attribute, std::uint16_t port) {
    netlink::put_u16(request, attribute, Be16(port).raw());
}

void put_key(nl_msg* request, const ServiceKey& key) {
    netlink::put_u16(request, IPVS_SVC_ATTR_AF, netlink::number_of(key.endpoint.address.family()));
    if (key.fwmark != 0) {
        netlink::put_u32(request, IPVS_SVC_ATTR_FWMARK, key.fwmark);
        return;
    }
    netlink::put_u16(request, IPVS_SVC_ATTR_PROTOCOL, key.protocol);
    put_padded(request, IPVS_SVC_ATTR_ADDR, key.endpoint.address);
    put_port(request, IPVS_SVC_ATTR_PORT, key.endpoint.port);
}

std::uint32_t flag(bool on, std::uint32_t bit) {
    return on ? bit : 0;
}

void put_settings(nl_msg* request, const ServiceSettings& settings, Family family) {
    netlink::put_text(request, IPVS_SVC_ATTR_SCHED_NAME, settings.scheduler.c_str());
    if (!settings.persistence_engine.empty())
        netlink::put_text(request, IPVS_SVC_ATTR_PE_NAME, settings.persistence_engine.c_str());
    const ip_vs_flags flags{.flags = flag(settings.persistent, IP_VS_SVC_F_PERSISTENT) |
                                     flag(settings.one_packet, IP_VS_SVC_F_ONEPACKET) |
                                     flag(settings.sched_flag_1, IP_VS_SVC_F_SCHED1) |
                                     flag(settings.sched_flag_2, IP_VS_SVC_F_SCHED2) |
                                     flag(settings.sched_flag_3, IP_VS_SVC_F_SCHED3),
                            .mask = flags_of_settings};
    netlink::put_bytes(request, IPVS_SVC_ATTR_FLAGS, &flags, sizeof flags);
    netlink::put_u32(request, IPVS_SVC_ATTR_TIMEOUT, settings.persistence_timeout_s);
    const unsigned length = settings.persistence_prefix_length;
    const std::uint32_t mask = length == 0 ? 0 : ~0U << (32 - std::min(length, 32U));
    netlink::put_u32(request, IPVS_SVC_ATTR_NETMASK,
                     family == Family::ipv4 ? Be32(mask).raw() : length);
}

void put_destination(nl_msg* request, const Operation& operation) {
    const Endpoint& endpoint = operation.destination.endpoint;
    put_padded(request, IPVS_DEST_ATTR_ADDR, endpoint.address);
    put_port(request, IPVS_DEST_ATTR_PORT, endpoint.port);
    netlink::put_u16(request, IPVS_DEST_ATTR_ADDR_FAMILY,
                     netlink::number_of(endpoint.address.family()));
    if (operation.kind == Operation::Kind::delete_destination)
        return;
    const DestinationSettings& settings = operation.destination.settings;
    netlink::put_u32(request, IPVS_DEST_ATTR_FWD_METHOD,
                     static_cast<std::uint32_t>(settings.method));
    netlink::put_u32(request, IPVS_DEST_ATTR_WEIGHT, settings.weight);
    netlink::put_u32(request, IPVS_DEST_ATTR_U_THRESH, settings.upper_threshold);
    netlink::put_u32(request, IPVS_DEST_ATTR_L_THRESH, settings.lower_threshold);
    netlink::put_u8(request, IPVS_DEST_ATTR_TUN_TYPE,
                    static_cast<std::uint8_t>(settings.tunnel.type));
    put_port(request, IPVS_DEST_ATTR_TUN_PORT, settings.tunnel.port);
    netlink::put_u16(request, IPVS_DEST_ATTR_TUN_FLAGS,
                     static_cast<std::uint16_t>(settings.tunnel.checksum));
}

template <typename Number>
Number number_in(const nlattr* attribute) {
    Number number{};
    if (attribute != nullptr && nla_len(attribute) >= static_cast<int>(sizeof number))
        std::memcpy(&number, nla_data(attribute), sizeof number);
    return number;
}

std::uint16_t port_in(const nlattr* attribute) {
    return Be16::from_raw(number_in<std::uint16_t>(attribute)).host();
}

IpAddress address_in(const nlattr* attribute, Family family) {
    const auto bytes = number_in<std::array<std::uint8_t, 16>>(attribute);
    if (family == Family::ipv6)
        return IpAddress::v6(bytes);
    return IpAddress::v4(Be32::from_raw(number_in<std::uint32_t>(attribute)));
}

Counters counters_in(nlattr* attribute) {
    const auto counters = netlink::nested<IPVS_STATS_ATTR_MAX>(attribute);
    return {.connections = number_in<std::uint64_t>(counters[IPVS_STATS_ATTR_CONNS]),
            .packets = number_in<std::uint64_t>(counters[IPVS_STATS_ATTR_INPKTS]),
            .bytes = number_in<std::uint64_t>(counters[IPVS_STATS_ATTR_INBYTES]),
            .packets_out = number_in<std::uint64_t>(counters[IPVS_STATS_ATTR_OUTPKTS]),
            .bytes_out = number_in<std::uint64_t>(counters[IPVS_STATS_ATTR_OUTBYTES])};
}

Counters rates_in(nlattr* attribute) {
    const auto rates = netlink::nested<IPVS_STATS_ATTR_MAX>(attribute);
    return {.connections = number_in<std::uint64_t>(rates[IPVS_STATS_ATTR_CPS]),
            .packets = number_in<std::uint64_t>(rates[IPVS_STATS_ATTR_INPPS]),
            .bytes = number_in<std::uint64_t>(rates[IPVS_STATS_ATTR_INBPS]),
            .packets_out = number_in<std::uint64_t>(rates[IPVS_STATS_ATTR_OUTPPS]),
            .bytes_out = number_in<std::uint64_t>(rates[IPVS_STATS_ATTR_OUTBPS])};
}

ServiceSettings settings_in(const Attributes<IPVS_SVC_ATTR_MAX>& service, Family family) {
    const std::uint32_t flags = number_in<ip_vs_flags>(service[IPVS_SVC_ATTR_FLAGS]).flags;
    ServiceSettings settings;
    settings.scheduler = netlink::text_of(service[IPVS_SVC_ATTR_SCHED_NAME]);
    settings.persistent = (flags & IP_VS_SVC_F_PERSISTENT) != 0;
    settings.one_packet = (flags & IP_VS_SVC_F_ONEPACKET) != 0;
    settings.sched_flag_1 = (flags & IP_VS_SVC_F_SCHED1) != 0;
    settings.sched_flag_2 = (flags & IP_VS_SVC_F_SCHED2) != 0;
    settings.sched_flag_3 = (flags & IP_VS_SVC_F_SCHED3) != 0;
    settings.persistence_timeout_s = number_in<std::uint32_t>(service[IPVS_SVC_ATTR_TIMEOUT]);
    const auto mask = number_in<std::uint32_t>(service[IPVS_SVC_ATTR_NETMASK]);
    settings.persistence_prefix_length = static_cast<std::uint8_t>(
        family == Family::ipv4 ? std::popcount(mask) : static_cast<int>(std::min(mask, 128U)));
    settings.persistence_engine = netlink::text_of(service[IPVS_SVC_ATTR_PE_NAME]);
    return settings;
}

// The first level of attributes; nothing when the message is too short.
std::optional<Attributes<IPVS_CMD_ATTR_MAX>> command_in(nlmsghdr* message) {
    Attributes<IPVS_CMD_ATTR_MAX> command{};
    if (!netlink::parse_generic<IPVS_CMD_ATTR_MAX>(message, command))
        return std::nullopt;
    return command;
}

}  // namespace

std::uint8_t command_of(Operation::Kind kind) {
    switch (kind) {
        case Operation::Kind::add_service:
            return IPVS_CMD_NEW_SERVICE;
        case Operation::Kind::edit_service:
            return IPVS_CMD_SET_SERVICE;
        case Operation::Kind::delete_service:
            return IPVS_CMD_DEL_SERVICE;
        case Operation::Kind::add_destination:
            return IPVS_CMD_NEW_DEST;
        case Operation::Kind::edit_destination:
            return IPVS_CMD_SET_DEST;
        case Operation::Kind::delete_destination:
            return IPVS_CMD_DEL_DEST;
    }
    check(false, "an operation has a command");
    return IPVS_CMD_UNSPEC;
}

void put_operation(nl_msg* request, const Operation& operation) {
    using Kind = Operation::Kind;
    {
        const Nest service(request, IPVS_CMD_ATTR_SERVICE);
        put_key(request, operation.service);
        if (operation.kind == Kind::add_service || operation.kind == Kind::edit_service)
            put_settings(request, operation.settings, operation.service.endpoint.address.family());
    }
    if (operation.kind == Kind::add_service || operation.kind == Kind::edit_service ||
        operation.kind == Kind::delete_service)
        return;
    const Nest destination(request, IPVS_CMD_ATTR_DEST);
    put_destination(request, operation);
}

void put_service_key(nl_msg* request, const ServiceKey& key) {
    const Nest service(request, IPVS_CMD_ATTR_SERVICE);
    put_key(request, key);
}

void put_timeouts(nl_msg* request, const Timeouts& timeouts) {
    netlink::put_u32(request, IPVS_CMD_ATTR_TIMEOUT_TCP, timeouts.tcp_s);
    netlink::put_u32(request, IPVS_CMD_ATTR_TIMEOUT_TCP_FIN, timeouts.tcp_fin_s);
    netlink::put_u32(request, IPVS_CMD_ATTR_TIMEOUT_UDP, timeouts.udp_s);
}

void put_sync_daemon(nl_msg* request, const SyncDaemon& daemon) {
    const Nest nest(request, IPVS_CMD_ATTR_DAEMON);
    netlink::put_u32(request, IPVS_DAEMON_ATTR_STATE, static_cast<std::uint32_t>(daemon.role));
    netlink::put_text(request, IPVS_DAEMON_ATTR_MCAST_IFN, daemon.interface.c_str());
    netlink::put_u32(request, IPVS_DAEMON_ATTR_SYNC_ID, daemon.id);
    if (daemon.payload_max != 0)
        netlink::put_u16(request, IPVS_DAEMON_ATTR_SYNC_MAXLEN, daemon.payload_max);
    const auto group = daemon.group.bytes();
    netlink::put_bytes(
        request,
        daemon.group.is_v4() ? IPVS_DAEMON_ATTR_MCAST_GROUP : IPVS_DAEMON_ATTR_MCAST_GROUP6,
        group.data(), group.size());
    netlink::put_u16(request, IPVS_DAEMON_ATTR_MCAST_PORT, daemon.port);  // in host order
    netlink::put_u8(request, IPVS_DAEMON_ATTR_MCAST_TTL, daemon.ttl);
}

void put_sync_role(nl_msg* request, SyncRole role) {
    const Nest nest(request, IPVS_CMD_ATTR_DAEMON);
    netlink::put_u32(request, IPVS_DAEMON_ATTR_STATE, static_cast<std::uint32_t>(role));
}

std::optional<ListedService> service_in(nlmsghdr* message) {
    const auto command = command_in(message);
    if (!command || (*command)[IPVS_CMD_ATTR_SERVICE] == nullptr)
        return std::nullopt;
    const auto service = netlink::nested<IPVS_SVC_ATTR_MAX>((*command)[IPVS_CMD_ATTR_SERVICE]);
    const auto family = netlink::family_of(
        static_cast<std::uint8_t>(number_in<std::uint16_t>(service[IPVS_SVC_ATTR_AF])));
    if (!family)
        return std::nullopt;
    ListedService listed;
    ServiceKey& key = listed.service.key;
    key.fwmark = number_in<std::uint32_t>(service[IPVS_SVC_ATTR_FWMARK]);
    if (key.fwmark == 0) {
        key.protocol =
            static_cast<std::uint8_t>(number_in<std::uint16_t>(service[IPVS_SVC_ATTR_PROTOCOL]));
        key.endpoint = {address_in(service[IPVS_SVC_ATTR_ADDR], *family),
                        port_in(service[IPVS_SVC_ATTR_PORT])};
    } else {
        key.endpoint.address = address_in(nullptr, *family);
    }
    listed.service.settings = settings_in(service, *family);
    listed.counters = counters_in(service[IPVS_SVC_ATTR_STATS64]);
    listed.rates = rates_in(service[IPVS_SVC_ATTR_STATS64]);
    return listed;
}

std::optional<ListedDestination> destination_in(nlmsghdr* message) {
    const auto command = command_in(message);
    if (!command || (*command)[IPVS_CMD_ATTR_DEST] == nullptr)
        return std::nullopt;
    const auto attributes = netlink::nested<IPVS_DEST_ATTR_MAX>((*command)[IPVS_CMD_ATTR_DEST]);
    const auto family = netlink::family_of(static_cast<std::uint8_t>(
        number_in<std::uint16_t>(attributes[IPVS_DEST_ATTR_ADDR_FAMILY])));
    if (!family)
        return std::nullopt;
    ListedDestination listed;
    listed.destination.endpoint = {address_in(attributes[IPVS_DEST_ATTR_ADDR], *family),
                                   port_in(attributes[IPVS_DEST_ATTR_PORT])};
    DestinationSettings& settings = listed.destination.settings;
    settings.method = static_cast<Method>(
        number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_FWD_METHOD]) & IP_VS_CONN_F_FWD_MASK);
    settings.weight = number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_WEIGHT]);
    settings.upper_threshold = number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_U_THRESH]);
    settings.lower_threshold = number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_L_THRESH]);
    settings.tunnel.type =
        static_cast<TunnelType>(number_in<std::uint8_t>(attributes[IPVS_DEST_ATTR_TUN_TYPE]));
    settings.tunnel.port = port_in(attributes[IPVS_DEST_ATTR_TUN_PORT]);
    settings.tunnel.checksum =
        static_cast<TunnelChecksum>(number_in<std::uint16_t>(attributes[IPVS_DEST_ATTR_TUN_FLAGS]));
    listed.state.counters = counters_in(attributes[IPVS_DEST_ATTR_STATS64]);
    listed.state.rates = rates_in(attributes[IPVS_DEST_ATTR_STATS64]);
    listed.state.active_connections =
        number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_ACTIVE_CONNS]);
    listed.state.inactive_connections =
        number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_INACT_CONNS]);
    listed.state.persistent_connections =
        number_in<std::uint32_t>(attributes[IPVS_DEST_ATTR_PERSIST_CONNS]);
    return listed;
}

std::optional<Timeouts> timeouts_in(nlmsghdr* message) {
    const auto command = command_in(message);
    if (!command)
        return std::nullopt;
    return Timeouts{
        .tcp_s = number_in<std::uint32_t>((*command)[IPVS_CMD_ATTR_TIMEOUT_TCP]),
        .tcp_fin_s = number_in<std::uint32_t>((*command)[IPVS_CMD_ATTR_TIMEOUT_TCP_FIN]),
        .udp_s = number_in<std::uint32_t>((*command)[IPVS_CMD_ATTR_TIMEOUT_UDP])};
}

std::optional<SyncDaemon> sync_daemon_in(nlmsghdr* message) {
    const auto command = command_in(message);
    if (!command || (*command)[IPVS_CMD_ATTR_DAEMON] == nullptr)
        return std::nullopt;
    const auto attributes = netlink::nested<IPVS_DAEMON_ATTR_MAX>((*command)[IPVS_CMD_ATTR_DAEMON]);
    const auto state = number_in<std::uint32_t>(attributes[IPVS_DAEMON_ATTR_STATE]);
    if (state != IP_VS_STATE_MASTER && state != IP_VS_STATE_BACKUP)
        return std::nullopt;
    SyncDaemon daemon;
    daemon.role = state == IP_VS_STATE_MASTER ? SyncRole::master : SyncRole::backup;
    daemon.interface = netlink::text_of(attributes[IPVS_DAEMON_ATTR_MCAST_IFN]);
    daemon.id =
        static_cast<std::uint8_t>(number_in<std::uint32_t>(attributes[IPVS_DAEMON_ATTR_SYNC_ID]));
    daemon.payload_max = number_in<std::uint16_t>(attributes[IPVS_DAEMON_ATTR_SYNC_MAXLEN]);
    const nlattr* const group6 = attributes[IPVS_DAEMON_ATTR_MCAST_GROUP6];
    daemon.group = group6 != nullptr
                       ? address_in(group6, Family::ipv6)
                       : address_in(attributes[IPVS_DAEMON_ATTR_MCAST_GROUP], Family::ipv4);
    daemon.port = number_in<std::uint16_t>(attributes[IPVS_DAEMON_ATTR_MCAST_PORT]);
    daemon.ttl = number_in<std::uint8_t>(attributes[IPVS_DAEMON_ATTR_MCAST_TTL]);
    return daemon;
}

std::optional<Info> info_in(nlmsghdr* message) {
    Attributes<IPVS_INFO_ATTR_MAX> info{};
    if (!netlink::parse_generic<IPVS_INFO_ATTR_MAX>(message, info))
        return std::nullopt;
    return Info{.version = number_in<std::uint32_t>(info[IPVS_INFO_ATTR_VERSION]),
                .connection_buckets = number_in<std::uint32_t>(info[IPVS_INFO_ATTR_CONN_TAB_SIZE])};
}

}  // namespace headgate::forwarding::ipvs
