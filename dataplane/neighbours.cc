#include "dataplane/neighbours.h"

#include <algorithm>

#include <fmt/format.h>

namespace headgate::dataplane {

namespace {

using State = NeighbourEntry::State;

std::string names(const std::vector<ServedInterface>& interfaces) {
    std::string text;
    for (const ServedInterface& interface : interfaces)
        text += (text.empty() ? "" : ", ") + interface.name;
    return text;
}

}  // namespace

void NeighbourTable::set_targets(const std::vector<IpAddress>& addresses) {
    std::map<IpAddress, Target> targets;
    for (const IpAddress& address : addresses) {
        const auto known = targets_.find(address);
        targets.emplace(address, known != targets_.end() ? known->second : Target{});
    }
    targets_ = std::move(targets);
}

std::vector<IpAddress> NeighbourTable::targets() const {
    std::vector<IpAddress> addresses;
    addresses.reserve(targets_.size());
    for (const auto& [address, target] : targets_)
        addresses.push_back(address);
    return addresses;
}

bool NeighbourTable::set_route(const IpAddress& address, const RouteAnswer& route) {
    const auto found = targets_.find(address);
    if (found == targets_.end() || found->second.route == route)
        return false;
    Target& target = found->second;
    const bool had_mac = target.mac.has_value();
    // A MAC address belongs to the segment it was learned on.
    target = Target{};
    target.route = route;
    return had_mac;
}

bool NeighbourTable::set_entry(const NeighbourEntry& entry) {
    const auto found = targets_.find(entry.address);
    if (found == targets_.end())
        return false;
    Target& target = found->second;
    if (target.route.kind != RouteAnswer::Kind::on_link || target.route.ifindex != entry.ifindex)
        return false;
    target.state = entry.state;
    const std::optional<MacAddress> before = target.mac;
    if (entry.state == State::usable || entry.state == State::fixed)
        target.mac = entry.mac;
    else if (entry.state == State::failed)
        target.mac.reset();
    // While the kernel asks again (also after somebody flushed its table), what it knew stays good:
    // connections go on until nobody answers.
    return target.mac != before;
}

std::vector<NeighbourTable::Request> NeighbourTable::wanted() const {
    std::vector<Request> requests;
    for (const auto& [address, target] : targets_) {
        if (target.route.kind == RouteAnswer::Kind::on_link && target.state != State::fixed)
            requests.push_back({target.route.ifindex, address});
    }
    return requests;
}

std::optional<MacAddress> NeighbourTable::mac(const IpAddress& address, int ifindex) const {
    const auto found = targets_.find(address);
    if (found == targets_.end() || found->second.route.kind != RouteAnswer::Kind::on_link ||
        found->second.route.ifindex != ifindex)
        return std::nullopt;
    return found->second.mac;
}

std::string NeighbourTable::unresolved_reason(
    const IpAddress& address, const std::vector<ServedInterface>& interfaces) const {
    const auto found = targets_.find(address);
    if (found == targets_.end())
        return "not looked up yet";
    const Target& target = found->second;
    switch (target.route.kind) {
        case RouteAnswer::Kind::none:
            return target.route.detail.empty() ? "not looked up yet"
                                               : "no route: " + target.route.detail;
        case RouteAnswer::Kind::local:
            return "an address of this host: direct routing sends to other hosts only";
        case RouteAnswer::Kind::gateway:
            return fmt::format(
                "behind the gateway {}: direct routing needs it on the segment of {}",
                target.route.gateway.to_string(), names(interfaces));
        case RouteAnswer::Kind::on_link:
            break;
    }
    const auto served =
        std::ranges::find(interfaces, target.route.ifindex, &ServedInterface::ifindex);
    if (served == interfaces.end())
        return fmt::format("the route leads out of another interface than {}", names(interfaces));
    if (target.mac)
        return {};
    const std::string_view protocol = address.is_v4() ? "ARP" : "neighbour discovery";
    return target.state == State::failed
               ? fmt::format("no answer to {} on {}", protocol, served->name)
               : fmt::format("{} on {} is under way", protocol, served->name);
}

}  // namespace headgate::dataplane
