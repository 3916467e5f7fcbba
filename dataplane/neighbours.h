// NeighbourTable: where frames for each destination have to go, and if they cannot, why.
// Pure: routes and neighbour entries are told to it, time and netlink stay outside.
// *Control thread.*
//
// Direct routing needs the destination itself on the segment. A tunnel leads to it over any number
// of hops: the next one, which the kernel's routes name, is what has to be resolved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/net.h"
#include "dataplane/netlink.h"

namespace headgate::dataplane {

// One of the interfaces that the dataplane serves.
struct ServedInterface {
    int ifindex = 0;
    std::string name;
    std::uint32_t mtu = 0;
};

// The first step on the way to an address.
struct RoutedHop {
    MacAddress mac;
    IpAddress source;       // what this host's packets to it come from
    std::uint32_t mtu = 0;  // the longest packet that the way takes
    bool operator==(const RoutedHop&) const = default;
};

class NeighbourTable {
public:
    struct Request {
        int ifindex;
        IpAddress address;
        auto operator<=>(const Request&) const = default;
    };

    // The addresses to resolve, and whether a tunnel leads to them: without one, no next hop but
    // themselves is of use. What is known about those that stay is kept.
    void set_targets(const std::map<IpAddress, bool>& tunnelled);
    [[nodiscard]] std::vector<IpAddress> targets() const;

    // Both return true when a MAC address or a way that the table tells has changed.
    bool set_route(const IpAddress& address, const RouteAnswer& route);
    bool set_entry(const NeighbourEntry& entry);

    // The neighbours that the kernel is to resolve: all but those an administrator fixed.
    [[nodiscard]] std::vector<Request> wanted() const;

    // Where frames for `address` go on this interface when it is there itself; nothing when it is
    // not.
    [[nodiscard]] std::optional<MacAddress> mac(const IpAddress& address, int ifindex) const;
    // Where packets to `address` go on this interface; nothing when they cannot go there.
    [[nodiscard]] std::optional<RoutedHop> hop(const IpAddress& address,
                                               const ServedInterface& interface) const;
    // Why none of these interfaces reaches `address`, directly or, with `tunnelled`, over a next
    // hop; empty when one does.
    [[nodiscard]] std::string unresolved_reason(
        const IpAddress& address, bool tunnelled,
        const std::vector<ServedInterface>& interfaces) const;

private:
    struct Neighbour {
        std::optional<MacAddress> mac;  // kept until somebody says it is wrong
        NeighbourEntry::State state = NeighbourEntry::State::resolving;
        std::uint32_t uses = 0;  // targets whose next hop it is
    };

    struct Target {
        RouteAnswer route;
        bool tunnelled = false;
    };

    static std::optional<Request> next_hop(const IpAddress& address, const Target& target);
    [[nodiscard]] const Neighbour* neighbour(const IpAddress& address, const Target& target) const;
    void use(const IpAddress& address, const Target& target);
    void leave(const IpAddress& address, const Target& target);

    std::map<IpAddress, Target> targets_;
    std::map<Request, Neighbour> neighbours_;  // the next hops of all targets
};

}  // namespace headgate::dataplane
