// See route_entry.h: the options of a route, its hops, and what they make together.
#include "controlplane/config/route_entry.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include "controlplane/config/route_reader.h"

namespace headgate::config {

std::span<const RouteReader::Option> RouteReader::options() {
    static constexpr std::array table{
        Option{"inet", &RouteReader::read_family},
        Option{"inet6", &RouteReader::read_family},
        Option{"to", &RouteReader::read_destination},
        Option{"via", &RouteReader::read_via},
        Option{"gw", &RouteReader::read_via},
        Option{"or", &RouteReader::read_second_via},
        Option{"dev", &RouteReader::read_interface},
        Option{"oif", &RouteReader::read_interface},
        Option{"src", &RouteReader::read_source},
        Option{"from", &RouteReader::read_from},
        Option{"tos", &RouteReader::read_tos},
        Option{"dsfield", &RouteReader::read_tos},
        Option{"table", &RouteReader::read_table},
        Option{"protocol", &RouteReader::read_protocol},
        Option{"scope", &RouteReader::read_scope},
        Option{"metric", &RouteReader::read_metric},
        Option{"priority", &RouteReader::read_metric},
        Option{"preference", &RouteReader::read_metric},
        Option{"onlink", &RouteReader::read_onlink},
        Option{"encap", &RouteReader::read_encap},
        Option{"realms", &RouteReader::read_realms},
        Option{"expires", &RouteReader::read_expires},
        Option{"features", &RouteReader::read_features},
        Option{"congctl", &RouteReader::read_congestion_control},
        Option{"pref", &RouteReader::read_preference},
        Option{"ttl-propagate", &RouteReader::read_ttl_propagate},
        Option{"prepend", &RouteReader::read_place},
        Option{"append", &RouteReader::read_place},
        Option{"add", &RouteReader::read_place},
        Option{"no_track", &RouteReader::read_no_track},
        Option{"track_group", &RouteReader::read_track_group},
        Option{"vrf", &RouteReader::refuse_option},
        Option{"as", &RouteReader::refuse_option},
    };
    return table;
}

// ---- several hops -------------------------------------------------------------------------------

bool RouteReader::read_hops() {
    if (!route_.hops.empty()) {
        const Word& word = words_.take();
        return words_.refuse(word, "stands beside another way to the network",
                             "write every hop as `nexthop via IP [dev INTERFACE] [weight N]`");
    }
    while (!words_.at_end()) {
        const Word& word = words_.take();
        if (word.text == "nexthop") {
            if (route_.hops.size() == hops_max)
                return words_.refuse(word, "is one hop too many", "a route has at most 64");
            route_.hops.emplace_back();
        } else if (!read_hop_option(route_.hops.back(), word)) {
            return false;
        }
    }
    return true;
}

bool RouteReader::read_hop_option(NextHop& hop, const Word& option) {
    constexpr std::uint32_t weight_max = 256;
    const std::string_view name = option.text;
    if (name == "via")
        return read_gateway(option, hop);
    if (name == "dev") {
        const auto interface = words_.interface();
        hop.interface = interface.value_or("");
        return interface.has_value();
    }
    if (name == "weight") {
        const auto weight = words_.u32(1, weight_max);
        hop.weight = static_cast<std::uint16_t>(weight.value_or(1));
        return weight.has_value();
    }
    if (name == "onlink")
        return hop.onlink = true;
    if (name == "realms") {
        const auto realms = words_.realms();
        hop.realms = realms.value_or(0);
        return realms && words_.settle(option, Family::ipv4);
    }
    if (name == "encap") {
        encapsulated_ = &hop;
        return read_encap(option);
    }
    return words_.refuse(option, "is not an option of a next hop",
                         "a hop has `via IP`, `dev INTERFACE`, `weight N`, `onlink`, `realms`, "
                         "`encap`; options of the route stand before the first `nexthop`");
}

std::optional<Route> RouteReader::finish() {
    const Word& first = line_.keyword();
    if (!has_destination_) {
        words_.refuse(first, "begins a route without a network");
        return std::nullopt;
    }
    if (route_.destination.length == 0)
        route_.destination.address =
            words_.family() == Family::ipv6 ? IpAddress::v6({}) : IpAddress();
    const bool leads_on = route_.type == RTN_UNICAST || route_.type == RTN_LOCAL ||
                          route_.type == RTN_BROADCAST || route_.type == RTN_ANYCAST ||
                          route_.type == RTN_MULTICAST;
    if (leads_on && route_.hops.empty()) {
        words_.refuse(first, "begins a route that leads nowhere",
                      "add `via IP` or `dev INTERFACE`, or write `blackhole NETWORK`");
        return std::nullopt;
    }
    return std::move(route_);
}

std::optional<Route> read_route(const Statement& line, EntryOwner owner, RouteNames& names,
                                Report& report) {
    return RouteReader(line, owner, names, report).run();
}

}  // namespace headgate::config
