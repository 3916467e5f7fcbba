// RouteTable: the routes and policy rules that carry one of our protocol numbers, as rtnetlink
// tells them. Pure: messages in, questions answered; RouteMonitor feeds it from a socket.
//
// The kernel does not tell everything. It removes IPv4 routes in silence when their interface or
// its last address goes, or their source address. So what may be gone after such a message counts
// as gone; to add it again finds out. A route that somebody replaces with one of another protocol
// is not seen to go.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/net.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/netlink/interfaces.h"

struct nlmsghdr;

namespace headgate::netlink {

class RouteTable {
public:
    using Bytes = std::vector<std::uint8_t>;

    explicit RouteTable(std::set<std::uint8_t> protocols) : protocols_(std::move(protocols)) {}

    // Takes over what one message of a dump or a notification says. Messages of other kinds, for
    // other protocols, or that are malformed change nothing.
    void apply(nlmsghdr* message);
    // Our own requests, ahead of the notifications that confirm them.
    void add(const config::Route& route, const InterfaceTable& interfaces);
    void remove(const config::Route& route, const InterfaceTable& interfaces);
    void add(const config::Rule& rule);
    void remove(const config::Rule& rule);

    // Whether has() may answer otherwise than at the last call; at first it may.
    [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
    [[nodiscard]] bool has(const config::Route& route, const InterfaceTable& interfaces) const;
    [[nodiscard]] bool has(const config::Rule& rule) const;

    // The requests that remove each route and rule which is in neither list, as an earlier run has
    // left them. Only those that a dump has told.
    [[nodiscard]] std::vector<Bytes> requests_to_remove_others(
        const std::vector<config::Route>& routes, const std::vector<config::Rule>& rules,
        const InterfaceTable& interfaces) const;

private:
    struct Hop {
        std::optional<IpAddress> via;
        int index = 0;  // 0, in what is asked for: any
        bool operator==(const Hop&) const = default;
    };
    struct Entry {
        std::uint8_t type = 0;
        std::uint8_t protocol = 0;
        std::uint8_t tos = 0;
        std::uint32_t table = 0;
        std::uint32_t metric = 0;
        Prefix destination;
        Prefix from;
        std::optional<IpAddress> source{};
        std::vector<Hop> hops{};
        Bytes message{};

        [[nodiscard]] bool same_key(const Entry& other) const;
        // Whether all hops of `wanted` are among ours.
        [[nodiscard]] bool leads_through(const Entry& wanted) const;
        [[nodiscard]] bool stands_for(const Entry& told) const;
    };
    struct RuleEntry {
        config::Rule rule;
        Bytes message{};
    };

    static std::optional<Entry> entry_of(nlmsghdr* message);
    // Nothing when an interface of the route does not exist.
    static std::optional<Entry> entry_of(const config::Route& route,
                                         const InterfaceTable& interfaces);
    static std::optional<RuleEntry> rule_of(nlmsghdr* message);
    void apply_route(nlmsghdr* message);
    void apply_rule(nlmsghdr* message);
    void apply_link(nlmsghdr* message);
    void apply_address(nlmsghdr* message);
    void doubt(int index);
    void put(Entry entry, bool replaces);
    void take(const Entry& entry);

    std::set<std::uint8_t> protocols_;
    std::vector<Entry> routes_;
    std::vector<RuleEntry> rules_;
    bool changed_ = true;
};

}  // namespace headgate::netlink
