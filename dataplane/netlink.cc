#include "dataplane/netlink.h"

#include <algorithm>
#include <cstring>
#include <span>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "dataplane/netlink_exchange.h"

namespace headgate::dataplane {

namespace {

// A burst of neighbour events (a flushed table) fits; when it does not, we dump again.
constexpr int event_buffer_bytes = 1 << 20;
std::span<const std::uint8_t> payload(const nlattr* attribute) {
    return {static_cast<const std::uint8_t*>(nla_data(attribute)),
            static_cast<std::size_t>(nla_len(attribute))};
}

// Of 4 or 16 bytes in network order.
std::optional<IpAddress> address_of(std::span<const std::uint8_t> bytes) {
    if (bytes.size() == 4) {
        std::uint32_t raw = 0;
        std::memcpy(&raw, bytes.data(), sizeof raw);
        return IpAddress::v4(Be32::from_raw(raw));
    }
    if (bytes.size() != 16)
        return std::nullopt;
    std::array<std::uint8_t, 16> raw{};
    std::ranges::copy(bytes, raw.begin());
    return IpAddress::v6(raw);
}

std::optional<IpAddress> read_address(const nlattr* attribute) {
    return attribute == nullptr ? std::nullopt : address_of(payload(attribute));
}

std::optional<MacAddress> read_mac(const nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) != 6)
        return std::nullopt;
    MacAddress mac;
    std::ranges::copy(payload(attribute), mac.bytes.begin());
    return mac;
}

std::uint8_t family_of(const IpAddress& address) {
    return address.is_v4() ? AF_INET : AF_INET6;
}

int put_address(nl_msg* message, int attribute, const IpAddress& address) {
    const auto bytes = address.bytes();
    return nla_put(message, attribute, static_cast<int>(bytes.size()), bytes.data());
}

NeighbourEntry::State neighbour_state(std::uint16_t state, const std::optional<MacAddress>& mac) {
    using State = NeighbourEntry::State;
    if ((state & NUD_FAILED) != 0)
        return State::failed;
    if (!mac || mac->is_zero())
        return State::resolving;
    if ((state & NUD_PERMANENT) != 0)
        return State::fixed;
    constexpr std::uint16_t usable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;
    return (state & usable) != 0 ? State::usable : State::resolving;
}

std::optional<LinkInfo> parse_link(const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWLINK)
        return std::nullopt;
    std::array<nlattr*, IFLA_MAX + 1> attributes{};
    if (nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ifinfomsg), attributes.data(), IFLA_MAX,
                    nullptr) < 0)
        return std::nullopt;
    const auto* header = static_cast<const ifinfomsg*>(nlmsg_data(message));
    LinkInfo info;
    info.ifindex = header->ifi_index;
    if (attributes[IFLA_IFNAME] != nullptr)
        info.name = nla_get_string(attributes[IFLA_IFNAME]);
    info.up = (header->ifi_flags & IFF_UP) != 0;
    info.is_ethernet = header->ifi_type == ARPHRD_ETHER;
    info.mac = read_mac(attributes[IFLA_ADDRESS]).value_or(MacAddress{});
    if (attributes[IFLA_MTU] != nullptr)
        info.mtu = nla_get_u32(attributes[IFLA_MTU]);
    return info;
}

// By its number or, with 0, its name.
Result<LinkInfo> find_link(nl_sock* socket, int ifindex, const std::string& name) {
    const std::string what = ifindex == 0 ? name : fmt::format("number {}", ifindex);
    const NetlinkMessage request = new_message(RTM_GETLINK, 0);
    ifinfomsg header{};
    header.ifi_index = ifindex;
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    if (ifindex == 0)
        nla_put_string(request.get(), IFLA_IFNAME, name.c_str());
    std::optional<LinkInfo> found;
    if (const int error = exchange(socket, request.get(),
                                   [&](const nlmsghdr* message) { found = parse_link(message); });
        error != 0)
        return fail_code(error, "look up the interface {}", what);
    if (!found)
        return fail("look up the interface {}: the kernel's answer is not understood", what);
    return *found;
}

// RTA_GATEWAY, or RTA_VIA when it is of another family than the destination.
std::optional<IpAddress> read_gateway(std::span<nlattr* const> attributes) {
    if (const auto gateway = read_address(attributes[RTA_GATEWAY]))
        return gateway;
    if (attributes[RTA_VIA] == nullptr)
        return std::nullopt;
    return address_of(payload(attributes[RTA_VIA]).subspan(sizeof(sa_family_t)));
}

// What the route, or what the kernel has learned about the path, says; else 0.
std::uint32_t read_mtu(nlattr* metrics) {
    if (metrics == nullptr)
        return 0;
    nlattr* const mtu =
        nla_find(static_cast<nlattr*>(nla_data(metrics)), nla_len(metrics), RTAX_MTU);
    return mtu != nullptr && nla_len(mtu) == sizeof(std::uint32_t) ? nla_get_u32(mtu) : 0;
}

std::optional<RouteAnswer> parse_route(const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWROUTE)
        return std::nullopt;
    std::array<nlattr*, RTA_MAX + 1> attributes{};
    if (nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(rtmsg), attributes.data(), RTA_MAX,
                    nullptr) < 0)
        return std::nullopt;
    const auto* header = static_cast<const rtmsg*>(nlmsg_data(message));
    RouteAnswer answer;
    if (attributes[RTA_OIF] != nullptr)
        answer.ifindex = static_cast<int>(nla_get_u32(attributes[RTA_OIF]));
    if (header->rtm_type == RTN_LOCAL) {
        answer.kind = RouteAnswer::Kind::local;
    } else if (header->rtm_type != RTN_UNICAST) {
        answer.detail = "the route is not a unicast route";
    } else if (const auto gateway = read_gateway(attributes)) {
        answer.kind = RouteAnswer::Kind::gateway;
        answer.gateway = *gateway;
    } else {
        answer.kind = RouteAnswer::Kind::on_link;
    }
    answer.source = read_address(attributes[RTA_PREFSRC]).value_or(IpAddress{});
    answer.mtu = read_mtu(attributes[RTA_METRICS]);
    return answer;
}

}  // namespace

std::optional<NeighbourEntry> parse_neighbour(const nlmsghdr* message) {
    if (message->nlmsg_type != RTM_NEWNEIGH && message->nlmsg_type != RTM_DELNEIGH)
        return std::nullopt;
    std::array<nlattr*, NDA_MAX + 1> attributes{};
    if (nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(ndmsg), attributes.data(), NDA_MAX,
                    nullptr) < 0)
        return std::nullopt;
    const auto* header = static_cast<const ndmsg*>(nlmsg_data(message));
    const std::optional<IpAddress> address = read_address(attributes[NDA_DST]);
    if (!address || family_of(*address) != header->ndm_family)
        return std::nullopt;
    NeighbourEntry entry;
    entry.ifindex = header->ndm_ifindex;
    entry.address = *address;
    if (message->nlmsg_type == RTM_DELNEIGH)
        return entry;
    const std::optional<MacAddress> mac = read_mac(attributes[NDA_LLADDR]);
    entry.state = neighbour_state(header->ndm_state, mac);
    using State = NeighbourEntry::State;
    if (entry.state == State::usable || entry.state == State::fixed)
        entry.mac = mac.value_or(MacAddress{});
    return entry;
}

Result<std::unique_ptr<Netlink>> Netlink::open() {
    std::unique_ptr<Netlink> netlink(new Netlink);
    netlink->requests_ = open_netlink(NETLINK_ROUTE);
    netlink->events_ = open_netlink(NETLINK_ROUTE);
    if (netlink->requests_ == nullptr || netlink->events_ == nullptr)
        return fail_errno("open a netlink socket");
    nl_socket_set_buffer_size(netlink->events_, event_buffer_bytes, 0);
    nl_socket_set_nonblocking(netlink->events_);
    if (nl_socket_add_memberships(netlink->events_, RTNLGRP_LINK, RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE,
                                  RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_IFADDR,
                                  0) < 0)
        return fail_errno("subscribe to link, route and neighbour events");
    return netlink;
}

Netlink::~Netlink() {
    if (requests_ != nullptr)
        nl_socket_free(requests_);
    if (events_ != nullptr)
        nl_socket_free(events_);
}

int Netlink::fd() const {
    return nl_socket_get_fd(events_);
}

NetlinkEvents Netlink::read_events() {
    NetlinkEvents events;
    nl_socket_modify_cb(
        events_, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* raw, void* argument) -> int {
            auto* into = static_cast<NetlinkEvents*>(argument);
            const nlmsghdr* message = nlmsg_hdr(raw);
            switch (message->nlmsg_type) {
                case RTM_NEWLINK:
                case RTM_DELLINK:
                    into->links_changed = true;
                    break;
                case RTM_NEWROUTE:
                case RTM_DELROUTE:
                case RTM_NEWADDR:
                case RTM_DELADDR:
                    into->routes_changed = true;
                    break;
                default:
                    if (auto entry = parse_neighbour(message))
                        into->neighbours.push_back(*entry);
            }
            return NL_OK;
        },
        &events);
    int result = 0;
    while ((result = nl_recvmsgs_default(events_)) >= 0) {
    }
    events.lost = result == -NLE_NOMEM;  // how libnl reports ENOBUFS
    return events;
}

Result<LinkInfo> Netlink::link(const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ)
        return fail_code(ENODEV, "{} is not an interface name", name);
    return find_link(requests_, 0, name);
}

Result<LinkInfo> Netlink::link(int ifindex) {
    return find_link(requests_, ifindex, {});
}

Result<RouteAnswer> Netlink::route_to(const IpAddress& address) {
    const NetlinkMessage request = new_message(RTM_GETROUTE, 0);
    rtmsg header{};
    header.rtm_family = family_of(address);
    header.rtm_dst_len = address.bits();
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    put_address(request.get(), RTA_DST, address);
    std::optional<RouteAnswer> found;
    const int error = exchange(requests_, request.get(),
                               [&](const nlmsghdr* message) { found = parse_route(message); });
    if (error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL) {
        RouteAnswer none;
        none.detail = std::generic_category().message(error);
        return none;
    }
    if (error != 0)
        return fail_code(error, "look up the route to {}", address.to_string());
    if (!found)
        return fail("look up the route to {}: the kernel's answer is not understood",
                    address.to_string());
    return *found;
}

Result<std::vector<NeighbourEntry>> Netlink::neighbours() {
    const NetlinkMessage request = new_message(RTM_GETNEIGH, NLM_F_DUMP);
    ndmsg header{};
    header.ndm_family = AF_UNSPEC;  // IPv4 and IPv6
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    std::vector<NeighbourEntry> entries;
    if (const int error = exchange(requests_, request.get(),
                                   [&](const nlmsghdr* message) {
                                       if (auto entry = parse_neighbour(message))
                                           entries.push_back(*entry);
                                   });
        error != 0)
        return fail_code(error, "read the neighbour table");
    return entries;
}

Result<void> Netlink::request_neighbour(int ifindex, const IpAddress& address) {
    const NetlinkMessage request =
        new_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
    ndmsg header{};
    header.ndm_family = family_of(address);
    header.ndm_ifindex = ifindex;
    header.ndm_flags = NTF_USE;
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    put_address(request.get(), NDA_DST, address);
    nla_put_u32(request.get(), NDA_FLAGS_EXT, NTF_EXT_MANAGED);
    if (const int error = exchange(requests_, request.get(), [](const nlmsghdr*) {}); error != 0)
        return fail_code(error, "resolve the neighbour {}", address.to_string());
    return {};
}

Result<void> Netlink::forget_neighbour(int ifindex, const IpAddress& address) {
    const NetlinkMessage request = new_message(RTM_DELNEIGH, NLM_F_ACK);
    ndmsg header{};
    header.ndm_family = family_of(address);
    header.ndm_ifindex = ifindex;
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    put_address(request.get(), NDA_DST, address);
    const int error = exchange(requests_, request.get(), [](const nlmsghdr*) {});
    if (error != 0 && error != ENOENT && error != ENODEV)
        return fail_code(error, "release the neighbour {}", address.to_string());
    return {};
}

}  // namespace headgate::dataplane
