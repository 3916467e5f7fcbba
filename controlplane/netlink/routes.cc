#include "controlplane/netlink/routes.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <linux/ila.h>
#include <linux/lwtunnel.h>
#include <linux/mpls_iptunnel.h>
#include <linux/rtnetlink.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

using config::Encapsulation;
using config::NextHop;
using config::Route;

int kernel_kind(Encapsulation::Kind kind) {
    switch (kind) {
        case Encapsulation::Kind::none:
            return LWTUNNEL_ENCAP_NONE;
        case Encapsulation::Kind::ip:
            return LWTUNNEL_ENCAP_IP;
        case Encapsulation::Kind::ip6:
            return LWTUNNEL_ENCAP_IP6;
        case Encapsulation::Kind::mpls:
            return LWTUNNEL_ENCAP_MPLS;
        case Encapsulation::Kind::ila:
            return LWTUNNEL_ENCAP_ILA;
    }
    return LWTUNNEL_ENCAP_NONE;
}

// RFC 3032 2.1: 20 bits of label, three of class, the bottom of the stack, eight of TTL.
void put_labels(nl_msg* message, const std::vector<std::uint32_t>& labels) {
    std::vector<std::uint32_t> stack;
    stack.reserve(labels.size());
    for (const std::uint32_t label : labels)
        stack.push_back(label << 12U);
    if (!stack.empty())
        stack.back() |= 1U << 8U;
    std::ranges::transform(stack, stack.begin(),
                           [](std::uint32_t entry) { return Be32(entry).raw(); });
    put_bytes(message, MPLS_IPTUNNEL_DST, stack.data(), stack.size() * sizeof stack.front());
}

void put_encapsulation(nl_msg* message, const Encapsulation& tunnel) {
    if (tunnel.kind == Encapsulation::Kind::none)
        return;
    put_u16(message, RTA_ENCAP_TYPE, static_cast<std::uint16_t>(kernel_kind(tunnel.kind)));
    const Nest nest(message, RTA_ENCAP);
    if (tunnel.kind == Encapsulation::Kind::mpls) {
        put_labels(message, tunnel.labels);
        return;
    }
    if (tunnel.kind == Encapsulation::Kind::ila) {
        put_u64(message, ILA_ATTR_LOCATOR, BigEndian<std::uint64_t>(tunnel.locator).raw());
        return;
    }
    // LWTUNNEL_IP_* and LWTUNNEL_IP6_* are the same numbers.
    if (tunnel.id)
        put_u64(message, LWTUNNEL_IP_ID, BigEndian<std::uint64_t>(*tunnel.id).raw());
    if (tunnel.destination)
        put_address(message, LWTUNNEL_IP_DST, *tunnel.destination);
    if (tunnel.source)
        put_address(message, LWTUNNEL_IP_SRC, *tunnel.source);
    if (tunnel.traffic_class)
        put_u8(message, LWTUNNEL_IP_TOS, *tunnel.traffic_class);
    if (tunnel.hop_limit)
        put_u8(message, LWTUNNEL_IP_TTL, *tunnel.hop_limit);
    if (tunnel.flags)
        put_u16(message, LWTUNNEL_IP_FLAGS, Be16(*tunnel.flags).raw());
}

// The gateway; RTA_VIA carries one of the other family.
void put_via(nl_msg* message, const IpAddress& via, Family family) {
    if (via.family() == family) {
        put_address(message, RTA_GATEWAY, via);
        return;
    }
    std::vector<std::uint8_t> bytes(sizeof(rtvia));
    const std::uint16_t number = number_of(via.family());
    std::memcpy(bytes.data(), &number, sizeof number);
    bytes.insert(bytes.end(), via.bytes().begin(), via.bytes().end());
    put_bytes(message, RTA_VIA, bytes.data(), bytes.size());
}

Result<int> index_of(const std::string& interface, const InterfaceTable& interfaces) {
    if (interface.empty())
        return 0;
    const Interface* const found = interfaces.find(interface);
    if (found == nullptr)
        return fail("interface {} does not exist", interface);
    return found->index;
}

// One of several: RTA_MULTIPATH is a row of rtnexthops, each with attributes of its own.
Result<void> put_shared_hop(nl_msg* message, const NextHop& hop, Family family,
                            const InterfaceTable& interfaces) {
    const auto index = index_of(hop.interface, interfaces);
    if (!index)
        return tl::unexpected(index.error());
    const std::uint32_t begin = nlmsg_hdr(message)->nlmsg_len;
    rtnexthop header{};
    header.rtnh_ifindex = *index;
    header.rtnh_hops = static_cast<std::uint8_t>(hop.weight - 1);
    header.rtnh_flags = hop.onlink ? RTNH_F_ONLINK : 0;
    put_header(message, header);
    if (hop.via)
        put_via(message, *hop.via, family);
    if (hop.realms != 0)
        put_u32(message, RTA_FLOW, hop.realms);
    put_encapsulation(message, hop.encapsulation);
    header.rtnh_len = static_cast<std::uint16_t>(nlmsg_hdr(message)->nlmsg_len - begin);
    std::memcpy(reinterpret_cast<std::uint8_t*>(nlmsg_hdr(message)) + begin, &header,
                sizeof header);
    return {};
}

Result<void> put_hops(nl_msg* message, const Route& route, const InterfaceTable& interfaces) {
    const Family family = route.destination.address.family();
    if (route.hops.size() > 1) {
        const Nest nest(message, RTA_MULTIPATH);
        for (const NextHop& hop : route.hops) {
            if (auto put = put_shared_hop(message, hop, family, interfaces); !put)
                return put;
        }
        return {};
    }
    if (route.hops.empty())
        return {};
    const NextHop& hop = route.hops.front();
    const auto index = index_of(hop.interface, interfaces);
    if (!index)
        return tl::unexpected(index.error());
    if (hop.via)
        put_via(message, *hop.via, family);
    if (*index != 0)
        put_u32(message, RTA_OIF, static_cast<std::uint32_t>(*index));
    if (hop.realms != 0)
        put_u32(message, RTA_FLOW, hop.realms);
    put_encapsulation(message, hop.encapsulation);
    return {};
}

void put_metrics(nl_msg* message, const Route& route) {
    if (route.metrics.empty() && route.congestion_control.empty())
        return;
    std::uint32_t locked = 0;
    const Nest nest(message, RTA_METRICS);
    for (const config::RouteMetric& metric : route.metrics) {
        put_u32(message, metric.attribute, metric.value);
        if (metric.locked)
            locked |= 1U << metric.attribute;
    }
    if (!route.congestion_control.empty()) {
        put_text(message, RTAX_CC_ALGO, route.congestion_control.c_str());
        if (route.congestion_control_locked)
            locked |= 1U << static_cast<unsigned>(RTAX_CC_ALGO);
    }
    if (locked != 0)
        put_u32(message, RTAX_LOCK, locked);
}

// What `ip route` chooses: an IPv4 route without a gateway leads to neighbours on the link.
std::uint8_t scope_of(const Route& route) {
    if (route.scope)
        return *route.scope;
    if (route.destination.address.family() == Family::ipv6)
        return RT_SCOPE_UNIVERSE;
    if (route.type == RTN_LOCAL || route.type == RTN_NAT)
        return RT_SCOPE_HOST;
    const bool has_gateway =
        std::ranges::any_of(route.hops, [](const NextHop& hop) { return hop.via.has_value(); });
    return route.type == RTN_UNICAST && !has_gateway ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
}

// What tells a route from others, in both requests.
Result<Message> request(int type, int flags, const Route& route, std::uint8_t scope,
                        const InterfaceTable& interfaces) {
    constexpr std::uint32_t table_max_in_header = 255;
    Message message = new_request(type, flags);
    rtmsg header{};
    header.rtm_family = number_of(route.destination.address.family());
    header.rtm_dst_len = route.destination.length;
    header.rtm_src_len = route.from ? route.from->length : 0;
    header.rtm_tos = route.tos;
    header.rtm_table = route.table <= table_max_in_header ? static_cast<std::uint8_t>(route.table)
                                                          : std::uint8_t{RT_TABLE_UNSPEC};
    header.rtm_protocol = route.protocol;
    header.rtm_scope = scope;
    header.rtm_type = route.type;
    header.rtm_flags = route.hops.size() == 1 && route.hops.front().onlink ? RTNH_F_ONLINK : 0;
    put_header(message.get(), header);
    put_u32(message.get(), RTA_TABLE, route.table);
    if (route.destination.length > 0)
        put_address(message.get(), RTA_DST, route.destination.address);
    if (route.from)
        put_address(message.get(), RTA_SRC, route.from->address);
    if (route.metric)
        put_u32(message.get(), RTA_PRIORITY, *route.metric);
    if (auto put = put_hops(message.get(), route, interfaces); !put)
        return tl::unexpected(put.error());
    return message;
}

int flags_of(Route::Place place) {
    switch (place) {
        case Route::Place::prepend:
            return NLM_F_CREATE;
        case Route::Place::append:
            return NLM_F_CREATE | NLM_F_APPEND;
        case Route::Place::add:
            return NLM_F_CREATE | NLM_F_EXCL;
    }
    return NLM_F_CREATE;
}

}  // namespace

Result<Message> add_request(const Route& route, const InterfaceTable& interfaces) {
    auto message = request(RTM_NEWROUTE, flags_of(route.place), route, scope_of(route), interfaces);
    if (!message)
        return message;
    nl_msg* const raw = message->get();
    if (route.source)
        put_address(raw, RTA_PREFSRC, *route.source);
    if (route.preference)
        put_u8(raw, RTA_PREF, *route.preference);
    if (route.expires_s)
        put_u32(raw, RTA_EXPIRES, *route.expires_s);
    if (route.ttl_propagate)
        put_u8(raw, RTA_TTL_PROPAGATE, *route.ttl_propagate);
    put_metrics(raw, route);
    return message;
}

Result<Message> remove_request(const Route& route, const InterfaceTable& interfaces) {
    // NOWHERE: whatever its scope is.
    return request(RTM_DELROUTE, 0, route, route.scope.value_or(RT_SCOPE_NOWHERE), interfaces);
}

Result<RouteWriter> RouteWriter::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    return RouteWriter(std::move(*socket));
}

Result<void> RouteWriter::add(const Route& route, const InterfaceTable& interfaces) {
    auto message = add_request(route, interfaces);
    if (!message)
        return tl::unexpected(message.error());
    auto added = perform(socket_.get(), std::move(*message));
    if (!added && added.error().code == EEXIST)
        return {};
    return added;
}

Result<void> RouteWriter::remove(const Route& route, const InterfaceTable& interfaces) {
    auto message = remove_request(route, interfaces);
    if (!message)
        return {};
    auto removed = perform(socket_.get(), std::move(*message));
    if (!removed && (removed.error().code == ESRCH || removed.error().code == ENODEV))
        return {};
    return removed;
}

}  // namespace headgate::netlink
