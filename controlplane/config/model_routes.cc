#include "controlplane/config/model_routes.h"

#include <fmt/format.h>

#include "controlplane/config/model_names.h"

namespace headgate::config {

namespace {

std::string text_of(const Prefix& prefix) {
    return prefix.length == 0 ? "default" : prefix.to_string();
}

std::string text_of(const NextHop& hop) {
    std::string text;
    if (hop.via)
        text += fmt::format(" via {}", hop.via->to_string());
    if (!hop.interface.empty())
        text += fmt::format(" dev {}", hop.interface);
    return text;
}

std::string text_of(const NumberRange& range) {
    return range.first == range.last ? fmt::format("{}", range.first)
                                     : fmt::format("{}-{}", range.first, range.last);
}

}  // namespace

std::string Route::to_string() const {
    constexpr std::uint8_t unicast = 1;
    constexpr std::uint32_t table_main = 254;
    std::string text = type == unicast ? "" : fmt::format("{} ", route_type_name(type));
    text += text_of(destination);
    if (from)
        text += fmt::format(" from {}", text_of(*from));
    if (hops.size() == 1)
        text += text_of(hops.front());
    for (const NextHop& hop : hops) {
        if (hops.size() > 1)
            text += fmt::format(" nexthop{} weight {}", text_of(hop), hop.weight);
    }
    if (source)
        text += fmt::format(" src {}", source->to_string());
    if (tos != 0)
        text += fmt::format(" tos {:#x}", tos);
    if (table != table_main)
        text += fmt::format(" table {}", table);
    if (metric)
        text += fmt::format(" metric {}", *metric);
    return text;
}

std::string Rule::to_string() const {
    constexpr std::uint8_t to_table = 1;
    constexpr std::uint8_t to_rule = 2;
    constexpr std::uint8_t nothing = 3;
    std::string text = fmt::format("{}:{} from {}", preference, inverted ? " not" : "",
                                   from ? text_of(*from) : "all");
    if (to)
        text += fmt::format(" to {}", text_of(*to));
    if (tos != 0)
        text += fmt::format(" tos {:#x}", tos);
    if (mark)
        text += fmt::format(" fwmark {:#x}", *mark);
    if (!in_interface.empty())
        text += fmt::format(" iif {}", in_interface);
    if (!out_interface.empty())
        text += fmt::format(" oif {}", out_interface);
    if (ip_protocol)
        text += fmt::format(" ipproto {}", *ip_protocol);
    if (source_ports)
        text += fmt::format(" sport {}", text_of(*source_ports));
    if (destination_ports)
        text += fmt::format(" dport {}", text_of(*destination_ports));
    if (users)
        text += fmt::format(" uidrange {}", text_of(*users));
    if (l3mdev)
        return text + " lookup [l3mdev-table]";
    if (action == to_table)
        return text + fmt::format(" lookup {}", table);
    if (action == to_rule)
        return text + fmt::format(" goto {}", target);
    return text + fmt::format(" {}", action == nothing ? "nop" : route_type_name(action));
}

}  // namespace headgate::config
