#include "controlplane/dump/routes.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>
#include <linux/fib_rules.h>
#include <linux/icmpv6.h>
#include <linux/rtnetlink.h>

#include "controlplane/config/model_names.h"
#include "controlplane/dump/words.h"

namespace headgate::dump {

namespace {

using config::Encapsulation;
using config::NextHop;
using config::NumberRange;
using config::Route;
using config::RouteMetric;
using config::Rule;

// In keepalived's order. `scale`: the kernel's units in a millisecond; 0: it is no time.
struct Metric {
    std::uint16_t attribute;
    std::string_view name;
    std::uint32_t scale;
};
constexpr std::array metrics{Metric{RTAX_RTT, "rtt", 8},
                             Metric{RTAX_RTTVAR, "rttvar", 4},
                             Metric{RTAX_RTO_MIN, "rto_min", 1},
                             Metric{RTAX_FEATURES, "features", 0},
                             Metric{RTAX_MTU, "mtu", 0},
                             Metric{RTAX_WINDOW, "window", 0},
                             Metric{RTAX_SSTHRESH, "ssthresh", 0},
                             Metric{RTAX_CWND, "cwnd", 0},
                             Metric{RTAX_ADVMSS, "advmss", 0},
                             Metric{RTAX_REORDERING, "reordering", 0},
                             Metric{RTAX_HOPLIMIT, "hoplimit", 0},
                             Metric{RTAX_INITCWND, "initcwnd", 0},
                             Metric{RTAX_INITRWND, "initrwnd", 0},
                             Metric{RTAX_QUICKACK, "quickack", 0},
                             Metric{RTAX_FASTOPEN_NO_COOKIE, "fastopen_no_cookie", 0}};

// Appends " KEY VALUE".
template <typename Value>
void add(std::string& text, std::string_view key, const Value& value) {
    text += fmt::format(" {} {}", key, value);
}

template <typename Value>
void add_if(std::string& text, std::string_view key, const std::optional<Value>& value) {
    if (value)
        add(text, key, *value);
}

std::string text_of(const std::optional<IpAddress>& address) {
    return address ? address->to_string() : "";
}

void add_address(std::string& text, std::string_view key, const std::optional<IpAddress>& address) {
    if (address)
        add(text, key, text_of(address));
}

// "3/4": source and destination.
std::string realms_words(std::uint32_t realms) {
    return fmt::format("{}/{}", realms >> 16U, realms & 0xffffU);
}

std::string metric_words(const Metric& metric, const RouteMetric& value) {
    constexpr std::uint32_t ms_per_s = 1000;
    std::string text = fmt::format(" {}{}", metric.name, value.locked ? " lock" : "");
    if (metric.attribute == RTAX_FEATURES)
        return text + " ecn";
    if (metric.scale == 0)
        return text + fmt::format(" {}", value.value);
    const std::uint32_t ms = value.value / metric.scale;
    return text +
           (ms % ms_per_s == 0 ? fmt::format(" {}s", ms / ms_per_s) : fmt::format(" {}ms", ms));
}

std::string metrics_words(const Route& route) {
    std::string text;
    if (!route.congestion_control.empty())
        text += fmt::format(" congctl {}{}", route.congestion_control_locked ? "lock " : "",
                            route.congestion_control);
    for (const Metric& metric : metrics) {
        const auto value =
            std::ranges::find(route.metrics, metric.attribute, &RouteMetric::attribute);
        if (value != route.metrics.end())
            text += metric_words(metric, *value);
    }
    return text;
}

std::string encapsulation_words(const Encapsulation& tunnel) {
    const bool is_v4 = tunnel.kind == Encapsulation::Kind::ip;
    switch (tunnel.kind) {
        case Encapsulation::Kind::none:
            return {};
        case Encapsulation::Kind::mpls: {
            std::string text = " encap mpls";
            for (std::size_t index = 0; index < tunnel.labels.size(); ++index)
                text += fmt::format("{}{}", index == 0 ? ' ' : '/', tunnel.labels[index]);
            return text;
        }
        case Encapsulation::Kind::ila:
            return fmt::format(" encap ila {}", tunnel.locator);
        case Encapsulation::Kind::ip:
        case Encapsulation::Kind::ip6:
            break;
    }
    std::string text = is_v4 ? " encap ip" : " encap ip6";
    add_if(text, "id", tunnel.id);
    add_address(text, "dst", tunnel.destination);
    add_address(text, "src", tunnel.source);
    add_if(text, is_v4 ? "tos" : "tc", tunnel.traffic_class);
    add_if(text, is_v4 ? "ttl" : "hoplimit", tunnel.hop_limit);
    if (tunnel.flags)
        text += fmt::format(" flags {:#x}", *tunnel.flags);
    return text;
}

std::string gateway_words(const NextHop& hop) {
    std::string text;
    if (hop.via)
        text += fmt::format(" via inet{} {}", hop.via->is_v4() ? "" : "6", hop.via->to_string());
    if (!hop.interface.empty())
        add(text, "dev", hop.interface);
    return text;
}

std::string hop_words(const NextHop& hop) {
    std::string text = " nexthop" + gateway_words(hop);
    if (hop.weight > 1)
        add(text, "weight", hop.weight);
    if (hop.onlink)
        text += " onlink";
    if (hop.realms != 0)
        add(text, "realm", hop.realms & 0xffffU);
    return text + encapsulation_words(hop.encapsulation);
}

// What leads nowhere in particular has no place among others.
std::string_view place_words(const Route& route) {
    if (route.type != RTN_UNICAST || route.place == Route::Place::add)
        return "add";
    return route.place == Route::Place::append ? "append" : "prepend";
}

std::string_view preference_name(std::uint8_t preference) {
    if (preference == ICMPV6_ROUTER_PREF_HIGH)
        return "high";
    return preference == ICMPV6_ROUTER_PREF_LOW ? "low" : "medium";
}

// keepalived says it of what it tracks only.
bool says_protocol(bool tracked, std::uint8_t protocol) {
    return tracked || protocol != config::protocol_keepalived;
}

void add_range(std::string& text, std::string_view key, const std::optional<NumberRange>& range) {
    if (range)
        text += fmt::format(" {} {}-{}", key, range->first, range->last);
}

std::string action_words(const Rule& rule) {
    switch (rule.action) {
        case FR_ACT_TO_TBL:
            return fmt::format(" lookup {}", rule.table);
        case FR_ACT_GOTO:
            return fmt::format(" goto {}", rule.target);
        case FR_ACT_NOP:
            return " nop";
        default:
            return fmt::format(" type {}", config::route_type_name(rule.action));
    }
}

}  // namespace

std::string route_words(const Route& route) {
    const bool has_one_hop = route.hops.size() == 1;
    std::string text(place_words(route));
    if (route.type != RTN_UNICAST)
        text += fmt::format(" {}", config::route_type_name(route.type));
    text += ' ' + prefix_words(route.destination);
    if (route.from)
        add(text, "from", prefix_words(*route.from));
    add_address(text, "src", route.source);
    if (route.tos != 0)
        add(text, "tos", route.tos);
    if (has_one_hop)
        text += encapsulation_words(route.hops.front().encapsulation) +
                gateway_words(route.hops.front());
    if (route.table != RT_TABLE_MAIN)
        add(text, "table", route.table);
    if (says_protocol(route.tracked, route.protocol))
        add(text, "proto", route.protocol);
    add_if(text, "scope", route.scope);
    add_if(text, "metric", route.metric);
    if (has_one_hop && route.hops.front().onlink)
        text += " onlink";
    if (has_one_hop && route.hops.front().realms != 0)
        add(text, "realms", realms_words(route.hops.front().realms));
    if (route.expires_s)
        text += fmt::format(" expires {}sec", *route.expires_s);
    text += metrics_words(route);
    if (route.preference)
        add(text, "pref", preference_name(*route.preference));
    if (route.ttl_propagate)
        add(text, "ttl-propagate", *route.ttl_propagate != 0 ? "enabled" : "disabled");
    for (const NextHop& hop : route.hops) {
        if (!has_one_hop)
            text += hop_words(hop);
    }
    return text + (route.tracked ? "" : " no_track");
}

std::string rule_words(const Rule& rule) {
    std::string text = rule.inverted ? "not from" : "from";
    text += ' ' + (rule.from ? prefix_words(*rule.from) : "all");
    if (rule.to)
        add(text, "to", prefix_words(*rule.to));
    text += fmt::format(" priority {} tos {:#x}", rule.preference, rule.tos);
    if (rule.mark)
        text += fmt::format(" fwmark {:#x}", *rule.mark);
    if (rule.mark && rule.mark_mask)
        text += fmt::format("/{:#x}", *rule.mark_mask);
    if (!rule.in_interface.empty())
        add(text, "iif", rule.in_interface);
    if (!rule.out_interface.empty())
        add(text, "oif", rule.out_interface);
    add_if(text, "suppress_prefixlen", rule.suppress_prefix_length);
    add_if(text, "suppress_ifgroup", rule.suppress_interface_group);
    add_if(text, "tunnel-id", rule.tunnel_id);
    add_range(text, "uidrange", rule.users);
    if (rule.l3mdev)
        text += " l3mdev";
    if (says_protocol(rule.tracked, rule.protocol))
        add(text, "protocol", rule.protocol);
    add_if(text, "ipproto", rule.ip_protocol);
    add_range(text, "sport", rule.source_ports);
    add_range(text, "dport", rule.destination_ports);
    if (rule.realms != 0)
        add(text, "realms", realms_words(rule.realms));
    return text + action_words(rule) + (rule.tracked ? "" : " no_track");
}

}  // namespace headgate::dump
