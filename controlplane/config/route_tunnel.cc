// See route_reader.h: tunnels that a route leads into.
#include <algorithm>
#include <array>
#include <string_view>

#include "controlplane/config/route_reader.h"

namespace headgate::config {

using namespace std::string_view_literals;

bool RouteReader::read_encap(const Word&) {
    const Word* const kind = words_.take_value();
    if (kind == nullptr)
        return false;
    Encapsulation& tunnel = (encapsulated_ != nullptr ? *encapsulated_ : hop()).encapsulation;
    tunnel = {};
    if (kind->text == "mpls") {
        tunnel.kind = Encapsulation::Kind::mpls;
        return read_labels(tunnel);
    }
    if (kind->text == "ila") {
        tunnel.kind = Encapsulation::Kind::ila;
        const auto locator = words_.number(0, UINT64_MAX);
        tunnel.locator = locator.value_or(0);
        return locator.has_value();
    }
    if (kind->text != "ip" && kind->text != "ip6")
        return words_.refuse(*kind, "is not an encapsulation", "write ip, ip6, mpls or ila");
    tunnel.kind = kind->text == "ip" ? Encapsulation::Kind::ip : Encapsulation::Kind::ip6;
    return read_tunnel(tunnel);
}

// LABEL[/LABEL...]
bool RouteReader::read_labels(Encapsulation& tunnel) {
    constexpr std::uint64_t label_max = (1U << 20U) - 1;
    const Word* const word = words_.take_value();
    if (word == nullptr)
        return false;
    std::string_view rest = word->text;
    while (true) {
        const std::size_t end = std::min(rest.find('/'), rest.size());
        const auto label = unsigned_of(rest.substr(0, end));
        if (!label || *label > label_max || tunnel.labels.size() == labels_max)
            return words_.refuse(*word, "is not a stack of labels",
                                 "write up to 16 labels, 0 to 1048575, such as 100/200");
        tunnel.labels.push_back(static_cast<std::uint32_t>(*label));
        if (end == rest.size())
            return true;
        rest.remove_prefix(end + 1);
    }
}

bool RouteReader::read_tunnel(Encapsulation& tunnel) {
    constexpr std::array names{"id"sv, "dst"sv, "src"sv,      "tos"sv,
                               "tc"sv, "ttl"sv, "hoplimit"sv, "flags"sv};
    while (!words_.at_end() && std::ranges::find(names, words_.peek()) != names.end()) {
        if (!read_tunnel_value(tunnel, words_.take()))
            return false;
    }
    return true;
}

bool RouteReader::read_tunnel_value(Encapsulation& tunnel, const Word& option) {
    const std::string_view name = option.text;
    if (name == "id")
        return (tunnel.id = words_.number(0, UINT64_MAX)).has_value();
    if (name == "tos" || name == "tc") {
        const auto value = words_.named(RouteNames::Kind::dsfield, UINT8_MAX);
        tunnel.traffic_class = static_cast<std::uint8_t>(value.value_or(0));
        return value.has_value();
    }
    if (name == "ttl" || name == "hoplimit") {
        const auto value = words_.u32(0, UINT8_MAX);
        tunnel.hop_limit = static_cast<std::uint8_t>(value.value_or(0));
        return value.has_value();
    }
    if (name == "flags") {
        const auto value = words_.u32(0, UINT16_MAX);
        tunnel.flags = static_cast<std::uint16_t>(value.value_or(0));
        return value.has_value();
    }
    auto& address = name == "dst" ? tunnel.destination : tunnel.source;
    address = words_.address();
    if (address && address->is_v4() != (tunnel.kind == Encapsulation::Kind::ip))
        return words_.refuse(option, "takes an address of the family of the tunnel");
    return address.has_value();
}

}  // namespace headgate::config
