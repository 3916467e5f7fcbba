#include "controlplane/netlink/interfaces.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

namespace headgate::netlink {

namespace {

// Attributes by their type; none points outside the message.
template <int last>
using Attributes = std::array<nlattr*, last + 1>;

template <typename Header, int last>
const Header* parse(nlmsghdr* message, Attributes<last>& attributes) {
    if (nlmsg_parse(message, sizeof(Header), attributes.data(), last, nullptr) < 0)
        return nullptr;
    return static_cast<const Header*>(nlmsg_data(message));
}

std::optional<Be32> ipv4_of(const nlattr* attribute) {
    if (attribute == nullptr || nla_len(attribute) != sizeof(std::uint32_t))
        return std::nullopt;
    return Be32::from_raw(nla_get_u32(attribute));
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
        return;
    }
    Interface& interface = interfaces_[index];
    interface.index = index;
    interface.up = (header->ifi_flags & IFF_UP) != 0;
    interface.running = (header->ifi_flags & IFF_RUNNING) != 0;
    if (nlattr* const name = attributes[IFLA_IFNAME]; name != nullptr && nla_len(name) > 0) {
        const auto* const text = static_cast<const char*>(nla_data(name));
        interface.name = std::string(text, strnlen(text, static_cast<std::size_t>(nla_len(name))));
    }
    if (nlattr* const mac = attributes[IFLA_ADDRESS];
        mac != nullptr && nla_len(mac) == static_cast<int>(interface.mac.bytes.size()))
        std::memcpy(interface.mac.bytes.data(), nla_data(mac), interface.mac.bytes.size());
}

void InterfaceTable::apply_address(nlmsghdr* message) {
    Attributes<IFA_MAX> attributes{};
    const auto* const header = parse<ifaddrmsg, IFA_MAX>(message, attributes);
    if (header == nullptr || header->ifa_family != AF_INET || header->ifa_prefixlen > 32)
        return;
    // On a point-to-point interface IFA_ADDRESS is the other end's.
    const auto local = ipv4_of(attributes[IFA_LOCAL]);
    const auto address = local ? local : ipv4_of(attributes[IFA_ADDRESS]);
    if (!address)
        return;
    const int index = static_cast<int>(header->ifa_index);
    const Prefix prefix{.address = IpAddress::v4(*address), .length = header->ifa_prefixlen};
    if (message->nlmsg_type == RTM_DELADDR)
        remove_address(index, prefix);
    else
        put_address(index,
                    {.prefix = prefix, .secondary = (header->ifa_flags & IFA_F_SECONDARY) != 0});
}

void InterfaceTable::add_address(int index, const Prefix& prefix) {
    if (!has_address(index, prefix))
        put_address(index, {.prefix = prefix, .secondary = true});
}

void InterfaceTable::put_address(int index, const Address& address) {
    const auto [begin, end] = addresses_.equal_range(index);
    const auto known = std::find_if(
        begin, end, [&](const auto& entry) { return entry.second.prefix == address.prefix; });
    if (known != end)
        known->second = address;
    else
        addresses_.emplace(index, address);
}

void InterfaceTable::remove_address(int index, const Prefix& prefix) {
    const auto [begin, end] = addresses_.equal_range(index);
    const auto known =
        std::find_if(begin, end, [&](const auto& entry) { return entry.second.prefix == prefix; });
    if (known != end)
        addresses_.erase(known);
}

const Interface* InterfaceTable::find(std::string_view name) const {
    const auto found = std::ranges::find_if(
        interfaces_, [&](const auto& entry) { return entry.second.name == name; });
    return found == interfaces_.end() ? nullptr : &found->second;
}

bool InterfaceTable::has_address(int index, const Prefix& prefix) const {
    const auto [begin, end] = addresses_.equal_range(index);
    return std::any_of(begin, end,
                       [&](const auto& entry) { return entry.second.prefix == prefix; });
}

std::optional<Be32> InterfaceTable::primary_address(int index,
                                                    const std::set<IpAddress>& except) const {
    std::optional<Be32> last_resort;
    const auto [begin, end] = addresses_.equal_range(index);
    for (auto entry = begin; entry != end; ++entry) {
        const Address& candidate = entry->second;
        if (except.contains(candidate.prefix.address))
            continue;
        if (!candidate.secondary)
            return candidate.prefix.address.as_v4();
        if (!last_resort)
            last_resort = candidate.prefix.address.as_v4();
    }
    return last_resort;
}

}  // namespace headgate::netlink
