// InterfaceTable: the interfaces of this network namespace and their IPv4 addresses, as rtnetlink
// tells them. Pure: messages in, questions answered; Monitor feeds it from a socket.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>

#include "common/net.h"

struct nlmsghdr;

namespace headgate::netlink {

struct Interface {
    int index = 0;
    std::string name;
    MacAddress mac;        // zero where the interface has none of six bytes
    bool up = false;       // as the administrator wants it
    bool running = false;  // it can carry packets: it has a carrier
};

class InterfaceTable {
public:
    // Takes over what one message of a dump or a notification says. Messages of other kinds, for
    // other address families, or that are malformed change nothing.
    void apply(nlmsghdr* message);
    // Our own requests, ahead of the notifications that confirm them.
    void add_address(int index, const Prefix& prefix);
    void remove_address(int index, const Prefix& prefix);

    // Null when there is none; valid until the next change.
    [[nodiscard]] const Interface* find(std::string_view name) const;
    [[nodiscard]] bool has_address(int index, const Prefix& prefix) const;
    // The primary address of an interface: the first that the kernel lists, not counting those in
    // `except`. An address that the kernel holds for a secondary one is the last resort.
    [[nodiscard]] std::optional<Be32> primary_address(int index,
                                                      const std::set<IpAddress>& except) const;

private:
    struct Address {
        Prefix prefix;
        bool secondary = false;
    };

    void apply_link(nlmsghdr* message);
    void apply_address(nlmsghdr* message);
    void put_address(int index, const Address& address);

    std::map<int, Interface> interfaces_;
    std::multimap<int, Address> addresses_;  // by interface index, in the kernel's order
};

}  // namespace headgate::netlink
