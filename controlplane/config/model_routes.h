// Routes and policy rules as the configuration has them: virtual_routes, virtual_rules,
// static_routes, static_rules. The numbers are those of the kernel's rtnetlink. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/net.h"

namespace headgate::config {

// Who has put it there, for `ip route` and `ip rule`: RTPROT_KEEPALIVED. By it the next run finds
// what a killed one has left behind.
inline constexpr std::uint8_t protocol_keepalived = 18;

// A tunnel that a route puts packets into.
struct Encapsulation {
    enum class Kind : std::uint8_t { none, ip, ip6, mpls, ila };
    Kind kind = Kind::none;
    std::optional<std::uint64_t> id{};
    std::optional<IpAddress> destination{};
    std::optional<IpAddress> source{};
    std::optional<std::uint8_t> traffic_class{};  // tos, tc
    std::optional<std::uint8_t> hop_limit{};      // ttl, hoplimit
    std::optional<std::uint16_t> flags{};
    std::vector<std::uint32_t> labels{};  // mpls, outermost first; 20 bits each
    std::uint64_t locator = 0;            // ila
    bool operator==(const Encapsulation&) const = default;
};

struct NextHop {
    std::optional<IpAddress> via{};  // may be IPv6 in a route of IPv4
    std::string interface {};        // empty: the kernel finds it by `via`
    std::uint16_t weight = 1;        // 1 to 256; in a list of hops
    bool onlink = false;
    std::uint32_t realms = 0;
    Encapsulation encapsulation{};
    bool operator==(const NextHop&) const = default;
};

// One of the RTAX_* numbers, with its value in the kernel's unit.
struct RouteMetric {
    std::uint16_t attribute = 0;
    std::uint32_t value = 0;
    bool locked = false;
    bool operator==(const RouteMetric&) const = default;
};

struct Route {
    // Where it goes among the routes that match as well.
    enum class Place : std::uint8_t { prepend, append, add };

    std::uint8_t type = 1;  // RTN_*: 1 unicast, 6 blackhole, 7 unreachable, 8 prohibit, 9 throw
    Prefix destination{};   // without host bits; its family is the route's
    std::optional<Prefix> from{};       // IPv6 only
    std::optional<IpAddress> source{};  // for packets of this host
    std::vector<NextHop> hops{};        // none: such as a blackhole; several: shared by weight
    std::uint8_t tos = 0;
    std::uint32_t table = 254;  // RT_TABLE_MAIN
    std::uint8_t protocol = protocol_keepalived;
    std::optional<std::uint8_t> scope{};  // absent: as `ip route` chooses
    std::optional<std::uint32_t> metric{};
    std::vector<RouteMetric> metrics{};
    std::string congestion_control{};
    bool congestion_control_locked = false;
    std::optional<std::uint8_t> preference{};     // of an IPv6 router: 0 medium, 1 high, 3 low
    std::optional<std::uint32_t> expires_s{};     // IPv6 only
    std::optional<std::uint8_t> ttl_propagate{};  // MPLS
    Place place = Place::prepend;
    bool tracked = true;        // put back when others remove it
    std::string track_group{};  // static ones only; empty: none
    bool operator==(const Route&) const = default;

    // As `ip route` shows it, without the metrics: "192.0.2.0/24 via 10.0.0.1 dev eth0".
    [[nodiscard]] std::string to_string() const;
};

struct NumberRange {
    std::uint32_t first = 0;
    std::uint32_t last = 0;
    bool operator==(const NumberRange&) const = default;
};

struct Rule {
    Family family = Family::ipv4;
    bool inverted = false;
    std::optional<Prefix> from{};
    std::optional<Prefix> to{};
    std::uint32_t preference = 0;  // the order of rules; never 0 in a finished configuration
    std::uint8_t tos = 0;
    std::optional<std::uint32_t> mark{};
    std::optional<std::uint32_t> mark_mask{};
    std::string in_interface{};
    std::string out_interface{};
    std::uint8_t action = 1;  // FR_ACT_*: 1 table, 2 goto, 3 nop, 6 blackhole, 7 unreachable, 8 ...
    std::uint32_t table = 0;  // 0: none; with the action `table` only
    std::uint32_t target = 0;  // of goto
    std::uint32_t realms = 0;
    std::optional<std::uint32_t> suppress_prefix_length{};
    std::optional<std::uint32_t> suppress_interface_group{};
    std::optional<std::uint64_t> tunnel_id{};
    bool l3mdev = false;
    std::optional<NumberRange> users{};
    std::optional<std::uint8_t> ip_protocol{};
    std::optional<NumberRange> source_ports{};
    std::optional<NumberRange> destination_ports{};
    std::uint8_t protocol = protocol_keepalived;
    bool tracked = true;
    std::string track_group{};
    bool operator==(const Rule&) const = default;

    // As `ip rule` shows it: "100: from 192.0.2.0/24 lookup 5".
    [[nodiscard]] std::string to_string() const;
};

}  // namespace headgate::config
