#include "dataplane/neighbours.h"

#include <algorithm>

#include <fmt/format.h>

#include "dataplane/core/tunnel.h"

namespace headgate::dataplane {

namespace {

using State = NeighbourEntry::State;

std::uint32_t mtu_of(const RouteAnswer& route, const RouteInterface& interface) {
    return route.mtu == 0 ? interface.mtu : std::min(route.mtu, interface.mtu);
}

bool has_source(const IpAddress& address, const RouteAnswer& route) {
    return route.source.family() == address.family() && !route.source.is_unspecified();
}

}  // namespace

std::optional<NeighbourTable::Request> NeighbourTable::next_hop(const IpAddress& address,
                                                                const Target& target) {
    const RouteAnswer& route = target.route;
    if (route.kind == RouteAnswer::Kind::on_link)
        return Request{route.ifindex, address};
    if (route.kind == RouteAnswer::Kind::gateway && target.tunnelled)
        return Request{route.ifindex, route.gateway};
    return std::nullopt;
}

const NeighbourTable::Neighbour* NeighbourTable::neighbour(const IpAddress& address,
                                                           const Target& target) const {
    const std::optional<Request> hop = next_hop(address, target);
    return hop ? &neighbours_.at(*hop) : nullptr;
}

void NeighbourTable::use(const IpAddress& address, const Target& target) {
    if (const auto hop = next_hop(address, target))
        ++neighbours_[*hop].uses;
}

void NeighbourTable::leave(const IpAddress& address, const Target& target) {
    const auto hop = next_hop(address, target);
    if (hop && --neighbours_.at(*hop).uses == 0)
        neighbours_.erase(*hop);
}

void NeighbourTable::set_targets(const std::map<IpAddress, bool>& tunnelled) {
    std::map<IpAddress, Target> targets;
    for (const auto& [address, is_tunnelled] : tunnelled) {
        Target& target = targets[address];
        target.tunnelled = is_tunnelled;
        if (const auto known = targets_.find(address); known != targets_.end())
            target.route = known->second.route;
        use(address, target);
    }
    // Only now: what stays is never without a user.
    for (const auto& [address, target] : targets_)
        leave(address, target);
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
    const Target before = found->second;
    const Neighbour* old_hop = neighbour(address, before);
    const bool had_mac = old_hop != nullptr && old_hop->mac;
    found->second.route = route;
    use(address, found->second);
    leave(address, before);
    // That of a neighbour which others use already is known at once.
    const Neighbour* new_hop = neighbour(address, found->second);
    return had_mac || (new_hop != nullptr && new_hop->mac);
}

bool NeighbourTable::set_entry(const NeighbourEntry& entry) {
    const auto found = neighbours_.find({entry.ifindex, entry.address});
    if (found == neighbours_.end())
        return false;
    Neighbour& neighbour = found->second;
    neighbour.state = entry.state;
    const std::optional<MacAddress> before = neighbour.mac;
    if (entry.state == State::usable || entry.state == State::fixed)
        neighbour.mac = entry.mac;
    else if (entry.state == State::failed)
        neighbour.mac.reset();
    // While the kernel asks again (also after somebody flushed its table), what it knew stays good:
    // connections go on until nobody answers.
    return neighbour.mac != before;
}

bool NeighbourTable::set_interfaces(std::map<int, RouteInterface> interfaces) {
    const bool changed = interfaces != interfaces_;
    interfaces_ = std::move(interfaces);
    return changed;
}

std::set<int> NeighbourTable::routed_interfaces() const {
    std::set<int> interfaces;
    for (const auto& [address, target] : targets_) {
        if (target.route.kind == RouteAnswer::Kind::on_link ||
            target.route.kind == RouteAnswer::Kind::gateway)
            interfaces.insert(target.route.ifindex);
    }
    return interfaces;
}

const RouteInterface* NeighbourTable::interface(int ifindex) const {
    const auto found = interfaces_.find(ifindex);
    return found == interfaces_.end() ? nullptr : &found->second;
}

std::vector<NeighbourTable::Request> NeighbourTable::wanted() const {
    std::vector<Request> requests;
    for (const auto& [request, neighbour] : neighbours_) {
        const RouteInterface* by = interface(request.ifindex);
        if (by != nullptr && by->is_ethernet && neighbour.state != State::fixed)
            requests.push_back(request);
    }
    return requests;
}

// What is the same with and without a tunnel.
std::optional<RoutedHop> NeighbourTable::resolved(const IpAddress& address,
                                                  const Target& target) const {
    const RouteInterface* by = interface(target.route.ifindex);
    const Neighbour* next = neighbour(address, target);
    if (by == nullptr || !by->is_ethernet || next == nullptr || !next->mac)
        return std::nullopt;
    const std::uint32_t mtu = mtu_of(target.route, *by);
    if (mtu < mtu_min(address.is_v4()))
        return std::nullopt;
    return RoutedHop{
        *next->mac,
        target.route.source,
        {by->ifindex, by->name, by->mac, mtu, by->takes_redirects == TakesRedirects::yes}};
}

std::optional<RoutedHop> NeighbourTable::direct(const IpAddress& address) const {
    const auto found = targets_.find(address);
    if (found == targets_.end() || found->second.route.kind != RouteAnswer::Kind::on_link)
        return std::nullopt;
    return resolved(address, found->second);
}

std::optional<RoutedHop> NeighbourTable::routed(const IpAddress& address) const {
    const auto found = targets_.find(address);
    if (found == targets_.end() || !has_source(address, found->second.route))
        return std::nullopt;
    return resolved(address, found->second);
}

std::string NeighbourTable::missing_neighbour(const IpAddress& address, const Target& target,
                                              const RouteInterface& interface) const {
    const Neighbour& next = *neighbour(address, target);
    if (next.mac)
        return {};
    const IpAddress hop = next_hop(address, target)->address;
    const std::string protocol =
        fmt::format("{}{}", hop.is_v4() ? "ARP" : "neighbour discovery",
                    hop == address ? "" : fmt::format(" for the gateway {}", hop.to_string()));
    return next.state == State::failed
               ? fmt::format("no answer to {} on {}", protocol, interface.name)
               : fmt::format("{} on {} is under way", protocol, interface.name);
}

std::string NeighbourTable::unresolved_reason(const IpAddress& address, bool tunnelled) const {
    const auto found = targets_.find(address);
    if (found == targets_.end())
        return "not looked up yet";
    const Target& target = found->second;
    const RouteAnswer& route = target.route;
    switch (route.kind) {
        case RouteAnswer::Kind::none:
            return route.detail.empty() ? "not looked up yet" : "no route: " + route.detail;
        case RouteAnswer::Kind::local:
            return tunnelled ? "an address of this host: a tunnel leads to other hosts only"
                             : "an address of this host: direct routing sends to other hosts only";
        case RouteAnswer::Kind::gateway:
            if (tunnelled)
                break;
            return fmt::format(
                "behind the gateway {}: direct routing needs it on a segment of this host; a "
                "tunnel (`lb_kind TUN`) does not",
                route.gateway.to_string());
        case RouteAnswer::Kind::on_link:
            break;
    }
    const RouteInterface* by = interface(route.ifindex);
    if (by == nullptr)
        return "the interface that the route leads out of is gone";
    if (!by->is_ethernet)
        return fmt::format("the route leads out of {}, which is no Ethernet", by->name);
    if (std::string missing = missing_neighbour(address, target, *by); !missing.empty())
        return missing;
    if (tunnelled && !has_source(address, route))
        return fmt::format("{} has no address that a tunnel could begin at", by->name);
    if (mtu_of(route, *by) < mtu_min(address.is_v4()))
        return fmt::format("the MTU of the way is {}; {} is the least", mtu_of(route, *by),
                           mtu_min(address.is_v4()));
    return {};
}

}  // namespace headgate::dataplane
