// InterfaceTable: the interfaces of this network namespace and their addresses, as rtnetlink tells
// them. Pure: messages in, questions answered; Monitor feeds it from a socket.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "common/clock.h"
#include "common/net.h"

struct nlmsghdr;

namespace headgate::netlink {

// What shares the cable of another interface, its base.
enum class LinkKind : std::uint8_t { other, macvlan, ipvlan };

struct Interface {
    int index = 0;
    std::string name;
    MacAddress mac;        // zero where the interface has none of six bytes
    bool up = false;       // as the administrator wants it
    bool running = false;  // it can carry packets: it has a carrier
    std::uint32_t mtu = 0;
    bool arp = true;  // neighbours are asked for their MAC address
    LinkKind kind = LinkKind::other;
    int base_index = 0;  // of the interface that a macvlan or ipvlan is made on; 0: it is neither
    std::string alias;   // what somebody has written on it, to be read by people or programs
    bool operator==(const Interface&) const = default;
};

class InterfaceTable {
public:
    // Takes over what one message of a dump or a notification says. Messages of other kinds, for
    // other address families, or that are malformed change nothing.
    void apply(nlmsghdr* message);
    // Our own requests, ahead of the notifications that confirm them.
    void add_address(int index, const Prefix& prefix);
    void remove_address(int index, const Prefix& prefix);

    // Whether an answer below may be another than at the last call; at first it is. Only renewed()
    // changes without: leases are renewed all the time, and that concerns nobody else.
    [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }

    // By index.
    [[nodiscard]] const std::map<int, Interface>& all() const { return interfaces_; }
    // Null when there is none; valid until the next change.
    [[nodiscard]] const Interface* find(std::string_view name) const;
    // The interface that this macvlan or ipvlan is made on. Null when it is neither, or when its
    // base is in another network namespace.
    [[nodiscard]] const Interface* base_of(const Interface& interface) const;
    [[nodiscard]] bool has_address(int index, const Prefix& prefix) const;
    // When the lease of an address was last renewed, by us or by an earlier run of us; nothing for
    // an address that is not leased or that somebody else has put there. The kernel's clock for it
    // may be a little behind, so the lease may be younger, and never is older.
    [[nodiscard]] std::optional<Instant> renewed(int index, const Prefix& prefix) const;
    // Whether the interface has this address, and duplicate address detection is done with it.
    [[nodiscard]] bool can_send_from(int index, const IpAddress& address) const;
    // The interface that has this address; null when none has.
    [[nodiscard]] const Interface* holder(const IpAddress& address) const;
    // The address that adverts of this family come from when none is configured. IPv4: the primary
    // address, as below. IPv6: the link-local address that the kernel lists first, once duplicate
    // address detection is done with it. Addresses in `except` do not count.
    [[nodiscard]] std::optional<IpAddress> source_address(int index, Family family,
                                                          const std::set<IpAddress>& except) const;
    // The primary IPv4 address of an interface: the first that the kernel lists, not counting those
    // in `except`. An address that the kernel holds for a secondary one is the last resort.
    [[nodiscard]] std::optional<Be32> primary_address(int index,
                                                      const std::set<IpAddress>& except) const;

private:
    struct Address {
        Prefix prefix;
        bool secondary = false;
        bool tentative = false;
        std::optional<Instant> renewed{};  // see there
        [[nodiscard]] bool differs_from(const Address& other) const {
            return secondary != other.secondary || tentative != other.tentative;
        }
    };

    void apply_link(nlmsghdr* message);
    void apply_address(nlmsghdr* message);
    void put_address(int index, const Address& address);

    std::map<int, Interface> interfaces_;
    std::multimap<int, Address> addresses_;  // by interface index, in the kernel's order
    bool changed_ = true;
};

}  // namespace headgate::netlink
