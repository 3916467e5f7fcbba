#include "controlplane/netlink/interfaces.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

// Of IFLA_LINKINFO, which may be missing.
LinkKind kind_of(nlattr* information) {
    if (information == nullptr)
        return LinkKind::other;
    const std::string_view kind = text_of(nla_find(static_cast<nlattr*>(nla_data(information)),
                                                   nla_len(information), IFLA_INFO_KIND));
    if (kind == "macvlan")
        return LinkKind::macvlan;
    return kind == "ipvlan" ? LinkKind::ipvlan : LinkKind::other;
}

// The kernel tells the time of the last change in hundredths of a second since it began to count,
// which is up to a moment after CLOCK_MONOTONIC began (0.14 s measured on 6.18).
std::optional<Instant> renewal_of(const Attributes<IFA_MAX>& attributes) {
    const nlattr* const protocol = attributes[IFA_PROTO];
    const nlattr* const lifetime = attributes[IFA_CACHEINFO];
    ifa_cacheinfo info{};
    if (protocol == nullptr || nla_len(protocol) != 1 ||
        nla_get_u8(protocol) != address_protocol_vrrp || lifetime == nullptr ||
        nla_len(lifetime) != sizeof info)
        return std::nullopt;
    constexpr std::uint32_t for_ever = 0xffffffff;
    std::memcpy(&info, nla_data(lifetime), sizeof info);
    if (info.ifa_valid == for_ever)
        return std::nullopt;
    return Instant(std::chrono::milliseconds(10) * info.tstamp);
}

}  // namespace

void InterfaceTable::apply(nlmsghdr* message) {
    switch (message->nlmsg_type) {
        case RTM_NEWLINK:
        case RTM_DELLINK:
            apply_link(message);
            break;
        case RTM_NEWADDR:
        case RTM_DELADDR:
            apply_address(message);
            break;
        default:
            break;
    }
}

void InterfaceTable::apply_link(nlmsghdr* message) {
    Attributes<IFLA_MAX> attributes{};
    const auto* const header = parse<ifinfomsg, IFLA_MAX>(message, attributes);
    // The bridge code sends messages of the same types when a port joins or leaves.
    if (header == nullptr || header->ifi_family != AF_UNSPEC)
        return;
    const int index = header->ifi_index;
    if (message->nlmsg_type == RTM_DELLINK) {
        interfaces_.erase(index);
        addresses_.erase(index);
        changed_ = true;
        return;
    }
    Interface& interface = interfaces_[index];
    const Interface before = interface;
    interface.index = index;
    interface.up = (header->ifi_flags & IFF_UP) != 0;
    interface.running = (header->ifi_flags & IFF_RUNNING) != 0;
    if (nlattr* const mtu = attributes[IFLA_MTU];
        mtu != nullptr && nla_len(mtu) == sizeof(std::uint32_t))
        interface.mtu = nla_get_u32(mtu);
    interface.arp = (header->ifi_flags & IFF_NOARP) == 0;
    interface.kind = kind_of(attributes[IFLA_LINKINFO]);
    nlattr* const base = attributes[IFLA_LINK];
    interface.base_index = base != nullptr && nla_len(base) == sizeof(std::uint32_t) &&
                                   interface.kind != LinkKind::other
                               ? static_cast<int>(nla_get_u32(base))
                               : 0;
    if (const std::string_view name = text_of(attributes[IFLA_IFNAME]); !name.empty())
        interface.name = name;
    interface.alias = text_of(attributes[IFLA_IFALIAS]);
    if (nlattr* const mac = attributes[IFLA_ADDRESS];
        mac != nullptr && nla_len(mac) == static_cast<int>(interface.mac.bytes.size()))
        std::memcpy(interface.mac.bytes.data(), nla_data(mac), interface.mac.bytes.size());
    changed_ = changed_ || interface != before;
}

void InterfaceTable::apply_address(nlmsghdr* message) {
    Attributes<IFA_MAX> attributes{};
    const auto* const header = parse<ifaddrmsg, IFA_MAX>(message, attributes);
    const auto family = header != nullptr ? family_of(header->ifa_family) : std::nullopt;
    if (!family)
        return;
    // On a point-to-point interface IFA_ADDRESS is the other end's.
    const auto local = address_of(attributes[IFA_LOCAL], *family);
    const auto address = local ? local : address_of(attributes[IFA_ADDRESS], *family);
    if (!address || header->ifa_prefixlen > address->bits())
        return;
    const int index = static_cast<int>(header->ifa_index);
    const Prefix prefix{.address = *address, .length = header->ifa_prefixlen};
    const nlattr* const wide = attributes[IFA_FLAGS];
    const std::uint32_t flags = wide != nullptr && nla_len(wide) == sizeof(std::uint32_t)
                                    ? nla_get_u32(wide)
                                    : header->ifa_flags;
    if (message->nlmsg_type == RTM_DELADDR)
        remove_address(index, prefix);
    else
        put_address(index, {.prefix = prefix,
                            // The same bit means "temporary" in IPv6.
                            .secondary = (flags & IFA_F_SECONDARY) != 0,
                            .tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0,
                            .renewed = renewal_of(attributes)});
}

void InterfaceTable::add_address(int index, const Prefix& prefix) {
    if (!has_address(index, prefix))
        put_address(index, {.prefix = prefix, .secondary = true, .tentative = false});
}

void InterfaceTable::put_address(int index, const Address& address) {
    const auto [begin, end] = addresses_.equal_range(index);
    const auto known = std::find_if(
        begin, end, [&](const auto& entry) { return entry.second.prefix == address.prefix; });
    changed_ = changed_ || known == end || known->second.differs_from(address);
    if (known != end)
        known->second = address;
    else
        addresses_.emplace(index, address);
}

void InterfaceTable::remove_address(int index, const Prefix& prefix) {
    const auto [begin, end] = addresses_.equal_range(index);
    const auto known =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second.prefix == prefix; });
    if (known == end)
        return;
    addresses_.erase(known);
    changed_ = true;
}

const Interface* InterfaceTable::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        interfaces_, [&](const auto& entry) { return entry.second.name == name; });
    return found == interfaces_.end() ? nullptr : &found->second;
}

const Interface* InterfaceTable::base_of(const Interface& interface) const {
    const auto found = interfaces_.find(interface.base_index);
    return found == interfaces_.end() ? nullptr : &found->second;
}

bool InterfaceTable::has_address(int index, const Prefix& prefix) const {
    const auto [begin, end] = addresses_.equal_range(index);
    return std::any_of(begin, end,
                       [&](const auto& entry) { return entry.second.prefix == prefix; });
}

bool InterfaceTable::can_send_from(int index, const IpAddress& address) const {
    const auto [begin, end] = addresses_.equal_range(index);
    return std::any_of(begin, end, [&](const auto& entry) {
        return entry.second.prefix.address == address && !entry.second.tentative;
    });
}

const Interface* InterfaceTable::holder(const IpAddress& address) const {
    const auto found = std::ranges::find_if(
        addresses_, [&](const auto& entry) { return entry.second.prefix.address == address; });
    if (found == addresses_.end())
        return nullptr;
    const auto interface = interfaces_.find(found->first);
    return interface == interfaces_.end() ? nullptr : &interface->second;
}

std::optional<IpAddress> InterfaceTable::source_address(int index, Family family,
                                                        const std::set<IpAddress>& except) const {
    std::optional<IpAddress> last_resort;
    const auto [begin, end] = addresses_.equal_range(index);
    for (auto entry = begin; entry != end; ++entry) {
        const Address& candidate = entry->second;
        const IpAddress& address = candidate.prefix.address;
        if (address.family() != family || candidate.tentative || except.contains(address))
            continue;
        if (family == Family::ipv6 ? config::is_link_local(address) : !candidate.secondary)
            return address;
        if (family == Family::ipv4 && !last_resort)
            last_resort = address;
    }
    return last_resort;
}

std::optional<Instant> InterfaceTable::renewed(int index, const Prefix& prefix) const {
    const auto [begin, end] = addresses_.equal_range(index);
    const auto known =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second.prefix == prefix; });
    return known != end ? known->second.renewed : std::nullopt;
}

std::optional<Be32> InterfaceTable::primary_address(int index,
                                                    const std::set<IpAddress>& except) const {
    const auto address = source_address(index, Family::ipv4, except);
    return address ? std::optional(address->as_v4()) : std::nullopt;
}

}  // namespace headgate::netlink
