// NeighbourTable: where frames for each destination have to go, and if they cannot, why.
// Pure: routes and neighbour entries are told to it, time and netlink stay outside.
// *Control thread.*
#pragma once

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
};

class NeighbourTable {
public:
    struct Request {
        int ifindex;
        IpAddress address;
        auto operator<=>(const Request&) const = default;
    };

    // The addresses to resolve; what is known about those that stay is kept.
    void set_targets(const std::vector<IpAddress>& addresses);
    [[nodiscard]] std::vector<IpAddress> targets() const;

    // Both return true when a MAC address that mac() tells has changed.
    bool set_route(const IpAddress& address, const RouteAnswer& route);
    bool set_entry(const NeighbourEntry& entry);

    // The on-link neighbours that the kernel is to resolve: all but those an administrator fixed.
    [[nodiscard]] std::vector<Request> wanted() const;

    // Where frames for `address` go on this interface; nothing when they cannot go there.
    [[nodiscard]] std::optional<MacAddress> mac(const IpAddress& address, int ifindex) const;
    // Why none of these interfaces reaches `address`; empty when one does.
    [[nodiscard]] std::string unresolved_reason(
        const IpAddress& address, const std::vector<ServedInterface>& interfaces) const;

private:
    struct Target {
        RouteAnswer route;
        std::optional<MacAddress> mac;  // kept until somebody says it is wrong
        NeighbourEntry::State state = NeighbourEntry::State::resolving;
    };
    std::map<IpAddress, Target> targets_;
};

}  // namespace headgate::dataplane
