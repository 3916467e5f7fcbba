#include "controlplane/netlink/route_table.h"

#include <algorithm>
#include <cstring>

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6_route.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

using config::NumberRange;
using config::Route;
using config::Rule;

RouteTable::Bytes bytes_of(const nlmsghdr* message) {
    const auto* const begin = reinterpret_cast<const std::uint8_t*>(message);
    return {begin, begin + message->nlmsg_len};
}

// The same request as `message`, for taking back what it says is there.
RouteTable::Bytes reversed(RouteTable::Bytes message, std::uint16_t type) {
    nlmsghdr header{};
    std::memcpy(&header, message.data(), sizeof header);
    header.nlmsg_type = type;
    header.nlmsg_flags = NLM_F_REQUEST;
    header.nlmsg_pid = 0;
    std::memcpy(message.data(), &header, sizeof header);
    return message;
}

Prefix prefix_of(const nlattr* attribute, Family family, std::uint8_t length) {
    const IpAddress none = family == Family::ipv4 ? IpAddress() : IpAddress::v6({});
    return {.address = address_of(attribute, family).value_or(none), .length = length};
}

Prefix default_of(Family family) {
    return prefix_of(nullptr, family, 0);
}

std::optional<IpAddress> via_of(const nlattr* gateway, const nlattr* via, Family family) {
    if (const auto address = address_of(gateway, family))
        return address;
    if (via == nullptr || nla_len(via) < static_cast<int>(sizeof(std::uint16_t)))
        return std::nullopt;
    std::uint16_t number = 0;
    const auto* const data = static_cast<const std::uint8_t*>(nla_data(via));
    std::memcpy(&number, data, sizeof number);
    std::array<std::uint8_t, 16> bytes{};
    const auto size = static_cast<std::size_t>(nla_len(via)) - sizeof number;
    if (number != AF_INET6 || size != bytes.size())
        return std::nullopt;
    std::copy_n(data + sizeof number, size, bytes.begin());
    return IpAddress::v6(bytes);
}

std::optional<NumberRange> ports_of(const nlattr* attribute) {
    fib_rule_port_range range{};
    if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof range))
        return std::nullopt;
    std::memcpy(&range, nla_data(attribute), sizeof range);
    return NumberRange{.first = range.start, .last = range.end};
}

std::optional<NumberRange> users_of(const nlattr* attribute) {
    fib_rule_uid_range range{};
    if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof range))
        return std::nullopt;
    std::memcpy(&range, nla_data(attribute), sizeof range);
    return NumberRange{.first = range.start, .last = range.end};
}

std::optional<Prefix> rule_prefix(const nlattr* attribute, Family family, std::uint8_t length) {
    if (length == 0)
        return std::nullopt;
    return prefix_of(attribute, family, length);
}

// A rule as the kernel shows it: what it fills in is filled in, what it does not have is left out.
Rule normal(Rule rule) {
    if (rule.from && rule.from->length == 0)
        rule.from.reset();
    if (rule.to && rule.to->length == 0)
        rule.to.reset();
    if (rule.mark && !rule.mark_mask)
        rule.mark_mask = UINT32_MAX;
    if (rule.mark_mask && !rule.mark)
        rule.mark = 0;
    rule.tracked = true;
    rule.track_group.clear();
    return rule;
}

}  // namespace

// ---- routes -------------------------------------------------------------------------------------

bool RouteTable::Entry::same_key(const Entry& other) const {
    return type == other.type && protocol == other.protocol && tos == other.tos &&
           table == other.table && metric == other.metric && destination == other.destination &&
           from == other.from;
}

bool RouteTable::Entry::leads_through(const Entry& wanted) const {
    return std::ranges::all_of(wanted.hops, [&](const Hop& hop) {
        return std::ranges::any_of(hops, [&](const Hop& ours) {
            return (!hop.via || hop.via == ours.via) && (hop.index == 0 || hop.index == ours.index);
        });
    });
}

// Whether an entry that we have made from a request, which leaves things to the kernel, may be the
// one that the kernel tells of.
bool RouteTable::Entry::stands_for(const Entry& told) const {
    return message.empty() && same_key(told) &&
           std::ranges::equal(hops, told.hops, [](const Hop& ours, const Hop& theirs) {
               return (!ours.via || ours.via == theirs.via) &&
                      (ours.index == 0 || ours.index == theirs.index);
           });
}

std::optional<RouteTable::Entry> RouteTable::entry_of(nlmsghdr* message) {
    Attributes<RTA_MAX> attributes{};
    const auto* const header = parse<rtmsg, RTA_MAX>(message, attributes);
    const auto family = header != nullptr ? family_of(header->rtm_family) : std::nullopt;
    // Entries of the route cache, which IPv6 shows beside its routes.
    if (!family || (header->rtm_flags & RTM_F_CLONED) != 0)
        return std::nullopt;
    Entry entry{.type = header->rtm_type,
                .protocol = header->rtm_protocol,
                .tos = header->rtm_tos,
                .table = u32_of(attributes[RTA_TABLE]).value_or(header->rtm_table),
                .metric = u32_of(attributes[RTA_PRIORITY]).value_or(0),
                .destination = prefix_of(attributes[RTA_DST], *family, header->rtm_dst_len),
                .from = prefix_of(attributes[RTA_SRC], *family, header->rtm_src_len),
                .source = address_of(attributes[RTA_PREFSRC], *family)};
    const nlattr* const shared = attributes[RTA_MULTIPATH];
    if (shared == nullptr) {
        const Hop hop{.via = via_of(attributes[RTA_GATEWAY], attributes[RTA_VIA], *family),
                      .index = static_cast<int>(u32_of(attributes[RTA_OIF]).value_or(0))};
        if (hop != Hop{})
            entry.hops.push_back(hop);
        return entry;
    }
    int remaining = nla_len(shared);
    const auto* hop = static_cast<const rtnexthop*>(nla_data(shared));
    while (RTNH_OK(hop, remaining)) {
        Attributes<RTA_MAX> inner{};
        auto* const first = reinterpret_cast<nlattr*>(RTNH_DATA(hop));
        const int size = hop->rtnh_len - static_cast<int>(sizeof *hop);
        if (nla_parse(inner.data(), RTA_MAX, first, size, nullptr) == 0)
            entry.hops.push_back({.via = via_of(inner[RTA_GATEWAY], inner[RTA_VIA], *family),
                                  .index = hop->rtnh_ifindex});
        remaining -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
    return entry;
}

std::optional<RouteTable::Entry> RouteTable::entry_of(const Route& route,
                                                      const InterfaceTable& interfaces) {
    const Family family = route.destination.address.family();
    Entry entry{.type = route.type,
                .protocol = route.protocol,
                .tos = route.tos,
                .table = route.table,
                .metric = route.metric.value_or(0),
                .destination = route.destination,
                .from = route.from.value_or(default_of(family)),
                .source = route.source};
    if (family == Family::ipv6 && entry.metric == 0)
        entry.metric = IP6_RT_PRIO_USER;
    for (const config::NextHop& hop : route.hops) {
        const Interface* const interface = interfaces.find(hop.interface);
        if (interface == nullptr && !hop.interface.empty())
            return std::nullopt;
        entry.hops.push_back(
            {.via = hop.via, .index = interface != nullptr ? interface->index : 0});
    }
    return entry;
}

// IPv4 keeps routes of one key apart; IPv6 makes them one, with the hops of all.
void RouteTable::put(Entry entry, bool replaces) {
    changed_ = true;
    const bool merges = entry.destination.address.family() == Family::ipv6;
    for (Entry& known : routes_) {
        if (!known.same_key(entry))
            continue;
        if (replaces || known.hops == entry.hops || known.stands_for(entry)) {
            known = std::move(entry);
            return;
        }
        if (merges) {
            for (const Hop& hop : entry.hops) {
                if (std::ranges::find(known.hops, hop) == known.hops.end())
                    known.hops.push_back(hop);
            }
            return;
        }
    }
    routes_.push_back(std::move(entry));
}

void RouteTable::take(const Entry& entry) {
    changed_ = true;
    if (entry.destination.address.family() == Family::ipv6) {
        for (Entry& known : routes_) {
            if (!known.same_key(entry))
                continue;
            std::erase_if(known.hops, [&](const Hop& hop) {
                return std::ranges::any_of(entry.hops, [&](const Hop& gone) {
                    return (!gone.via || gone.via == hop.via) &&
                           (gone.index == 0 || gone.index == hop.index);
                });
            });
        }
        std::erase_if(routes_, [&](const Entry& known) {
            return known.same_key(entry) && known.hops.empty();
        });
        return;
    }
    const auto known = std::ranges::find_if(routes_, [&](const Entry& candidate) {
        return candidate.stands_for(entry) ||
               (candidate.same_key(entry) && candidate.leads_through(entry));
    });
    if (known != routes_.end())
        routes_.erase(known);
}

void RouteTable::apply_route(nlmsghdr* message) {
    auto entry = entry_of(message);
    if (!entry || !protocols_.contains(entry->protocol))
        return;
    if (message->nlmsg_type == RTM_DELROUTE) {
        take(*entry);
        return;
    }
    entry->message = bytes_of(message);
    put(std::move(*entry), (message->nlmsg_flags & NLM_F_REPLACE) != 0);
}

void RouteTable::add(const Route& route, const InterfaceTable& interfaces) {
    if (auto entry = entry_of(route, interfaces); entry && !has(route, interfaces))
        put(std::move(*entry), false);
}

void RouteTable::remove(const Route& route, const InterfaceTable& interfaces) {
    if (const auto entry = entry_of(route, interfaces))
        take(*entry);
}

void RouteTable::doubt(int index) {
    changed_ = true;
    std::erase_if(routes_, [&](const Entry& entry) {
        return entry.destination.address.is_v4() &&
               std::ranges::any_of(entry.hops, [&](const Hop& hop) { return hop.index == index; });
    });
}

void RouteTable::apply_link(nlmsghdr* message) {
    Attributes<IFLA_MAX> attributes{};
    const auto* const header = parse<ifinfomsg, IFLA_MAX>(message, attributes);
    if (header == nullptr || header->ifi_family != AF_UNSPEC)
        return;
    if (message->nlmsg_type == RTM_DELLINK || (header->ifi_flags & IFF_UP) == 0)
        doubt(header->ifi_index);
}

void RouteTable::apply_address(nlmsghdr* message) {
    Attributes<IFA_MAX> attributes{};
    const auto* const header = parse<ifaddrmsg, IFA_MAX>(message, attributes);
    if (header == nullptr || message->nlmsg_type != RTM_DELADDR)
        return;
    doubt(static_cast<int>(header->ifa_index));
    // The source of a route may be on another interface than the route.
    const auto address = address_of(attributes[IFA_LOCAL], Family::ipv4);
    std::erase_if(routes_, [&](const Entry& entry) { return address && entry.source == address; });
}

bool RouteTable::has(const Route& route, const InterfaceTable& interfaces) const {
    const auto wanted = entry_of(route, interfaces);
    return wanted && std::ranges::any_of(routes_, [&](const Entry& entry) {
               return entry.same_key(*wanted) && entry.leads_through(*wanted);
           });
}

// ---- rules --------------------------------------------------------------------------------------

std::optional<RouteTable::RuleEntry> RouteTable::rule_of(nlmsghdr* message) {
    Attributes<FRA_MAX> attributes{};
    const auto* const header = parse<fib_rule_hdr, FRA_MAX>(message, attributes);
    const auto family = header != nullptr ? family_of(header->family) : std::nullopt;
    if (!family)
        return std::nullopt;
    RuleEntry entry;
    Rule& rule = entry.rule;
    rule.family = *family;
    rule.inverted = (header->flags & FIB_RULE_INVERT) != 0;
    rule.from = rule_prefix(attributes[FRA_SRC], *family, header->src_len);
    rule.to = rule_prefix(attributes[FRA_DST], *family, header->dst_len);
    rule.preference = u32_of(attributes[FRA_PRIORITY]).value_or(0);
    rule.tos = header->tos;
    rule.mark = u32_of(attributes[FRA_FWMARK]);
    rule.mark_mask = u32_of(attributes[FRA_FWMASK]);
    rule.in_interface = text_of(attributes[FRA_IIFNAME]);
    rule.out_interface = text_of(attributes[FRA_OIFNAME]);
    rule.action = header->action;
    rule.table = u32_of(attributes[FRA_TABLE]).value_or(header->table);
    rule.target = u32_of(attributes[FRA_GOTO]).value_or(0);
    rule.realms = u32_of(attributes[FRA_FLOW]).value_or(0);
    rule.suppress_prefix_length = u32_of(attributes[FRA_SUPPRESS_PREFIXLEN]);
    rule.suppress_interface_group = u32_of(attributes[FRA_SUPPRESS_IFGROUP]);
    // All bits set: the kernel's way to say that there is none.
    if (rule.suppress_prefix_length == UINT32_MAX)
        rule.suppress_prefix_length.reset();
    if (rule.suppress_interface_group == UINT32_MAX)
        rule.suppress_interface_group.reset();
    if (const nlattr* const id = attributes[FRA_TUN_ID]; id != nullptr && nla_len(id) >= 8)
        rule.tunnel_id = BigEndian<std::uint64_t>::from_raw(nla_get_u64(id)).host();
    const nlattr* const l3mdev = attributes[FRA_L3MDEV];
    rule.l3mdev = l3mdev != nullptr && nla_get_u8(l3mdev) != 0;
    rule.users = users_of(attributes[FRA_UID_RANGE]);
    if (attributes[FRA_IP_PROTO] != nullptr)
        rule.ip_protocol = nla_get_u8(attributes[FRA_IP_PROTO]);
    rule.source_ports = ports_of(attributes[FRA_SPORT_RANGE]);
    rule.destination_ports = ports_of(attributes[FRA_DPORT_RANGE]);
    const nlattr* const protocol = attributes[FRA_PROTOCOL];
    rule.protocol = protocol != nullptr ? nla_get_u8(protocol) : 0;
    entry.rule = normal(std::move(rule));
    return entry;
}

void RouteTable::apply_rule(nlmsghdr* message) {
    auto entry = rule_of(message);
    if (!entry || !protocols_.contains(entry->rule.protocol))
        return;
    changed_ = true;
    std::erase_if(rules_, [&](const RuleEntry& known) { return known.rule == entry->rule; });
    if (message->nlmsg_type == RTM_DELRULE)
        return;
    entry->message = bytes_of(message);
    rules_.push_back(std::move(*entry));
}

void RouteTable::add(const Rule& rule) {
    changed_ = true;
    if (!has(rule))
        rules_.push_back({.rule = normal(rule)});
}

void RouteTable::remove(const Rule& rule) {
    changed_ = true;
    const Rule wanted = normal(rule);
    std::erase_if(rules_, [&](const RuleEntry& known) { return known.rule == wanted; });
}

bool RouteTable::has(const Rule& rule) const {
    return std::ranges::find(rules_, normal(rule), &RuleEntry::rule) != rules_.end();
}

// ---- both ---------------------------------------------------------------------------------------

void RouteTable::apply(nlmsghdr* message) {
    switch (message->nlmsg_type) {
        case RTM_NEWROUTE:
        case RTM_DELROUTE:
            apply_route(message);
            break;
        case RTM_NEWRULE:
        case RTM_DELRULE:
            apply_rule(message);
            break;
        case RTM_NEWLINK:
        case RTM_DELLINK:
            apply_link(message);
            break;
        case RTM_DELADDR:
            apply_address(message);
            break;
        default:
            break;
    }
}

std::vector<RouteTable::Bytes> RouteTable::requests_to_remove_others(
    const std::vector<Route>& routes, const std::vector<Rule>& rules,
    const InterfaceTable& interfaces) const {
    std::vector<Bytes> requests;
    for (const Entry& entry : routes_) {
        const bool wanted = std::ranges::any_of(routes, [&](const Route& route) {
            const auto asked = entry_of(route, interfaces);
            return asked && entry.same_key(*asked) && entry.leads_through(*asked);
        });
        if (!wanted && !entry.message.empty())
            requests.push_back(reversed(entry.message, RTM_DELROUTE));
    }
    for (const RuleEntry& entry : rules_) {
        const bool wanted = std::ranges::any_of(
            rules, [&](const Rule& rule) { return normal(rule) == entry.rule; });
        if (!wanted && !entry.message.empty())
            requests.push_back(reversed(entry.message, RTM_DELRULE));
    }
    return requests;
}

}  // namespace headgate::netlink
