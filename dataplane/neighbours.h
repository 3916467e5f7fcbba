// NeighbourTable: where frames for each destination have to go, by which interface, and if they
// cannot, why. Pure: routes, interfaces and neighbour entries are told to it, time and netlink stay
// outside.
// *Control thread.*
//
// Direct routing needs the destination itself on the segment, whichever interface that is on. A
// tunnel leads to it over any number of hops: the next one, which the kernel's routes name, is what
// has to be resolved.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/netlink.h"
#include "dataplane/xdp_features.h"

namespace headgate::dataplane {

// An interface that a route leads out of.
struct RouteInterface {
    int ifindex = 0;
    std::string name;
    MacAddress mac;
    std::uint32_t mtu = 0;
    bool is_ethernet = true;  // and no loopback
    TakesRedirects takes_redirects = TakesRedirects::unknown;

    bool operator==(const RouteInterface&) const = default;
};

// The first step on the way to an address.
struct RoutedHop {
    MacAddress mac;
    IpAddress source;  // what this host's packets to it come from
    EgressConfig by;   // with the longest packet that the way takes
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

    // All return true when a MAC address or a way that the table tells has changed.
    bool set_route(const IpAddress& address, const RouteAnswer& route);
    bool set_entry(const NeighbourEntry& entry);
    // Those that the routes of the targets lead out of.
    bool set_interfaces(std::map<int, RouteInterface> interfaces);
    // Which they are, by their ifindex.
    [[nodiscard]] std::set<int> routed_interfaces() const;

    // The neighbours that the kernel is to resolve: all that are on an Ethernet, but those an
    // administrator fixed.
    [[nodiscard]] std::vector<Request> wanted() const;

    // Where packets to `address` go when it is on a segment itself; nothing when it is not.
    [[nodiscard]] std::optional<RoutedHop> direct(const IpAddress& address) const;
    // Where packets through a tunnel to `address` go; nothing when they cannot go there.
    [[nodiscard]] std::optional<RoutedHop> routed(const IpAddress& address) const;
    // Why there is no way to `address`, directly or, with `tunnelled`, over a next hop; empty when
    // there is.
    [[nodiscard]] std::string unresolved_reason(const IpAddress& address, bool tunnelled) const;
    // What the kernel says of that interface; nullptr: it has not been told.
    [[nodiscard]] const RouteInterface* interface(int ifindex) const;

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
    [[nodiscard]] std::optional<RoutedHop> resolved(const IpAddress& address,
                                                    const Target& target) const;
    [[nodiscard]] std::string missing_neighbour(const IpAddress& address, const Target& target,
                                                const RouteInterface& interface) const;
    [[nodiscard]] const Neighbour* neighbour(const IpAddress& address, const Target& target) const;
    void use(const IpAddress& address, const Target& target);
    void leave(const IpAddress& address, const Target& target);

    std::map<IpAddress, Target> targets_;
    std::map<Request, Neighbour> neighbours_;  // the next hops of all targets
    std::map<int, RouteInterface> interfaces_;
};

}  // namespace headgate::dataplane
