// The interfaces that `use_vmac`, `use_vmac_addr` and `use_ipvlan` make: see model.h. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/net.h"

namespace headgate::config {

// A macvlan with the MAC address of the virtual router (RFC 5798 7.3), for its addresses.
struct Vmac {
    std::string name;
    std::string base;  // the interface that it is made on
    MacAddress mac;
    bool send_from_base = false;  // adverts come from the MAC address of the interface below
    bool operator==(const Vmac&) const = default;
};

// As the kernel has them: which ipvlans on one interface may talk to each other.
// NOLINTNEXTLINE(readability-identifier-naming): private is a keyword
enum class IpvlanMode : std::uint8_t { bridge, private_, vepa };

// An ipvlan with the MAC address of the interface below. Adverts come from there.
struct Ipvlan {
    std::string name;
    std::string base;
    std::optional<Prefix> address;  // of its own; always there over IPv4
    IpvlanMode mode = IpvlanMode::bridge;
    bool operator==(const Ipvlan&) const = default;
};

}  // namespace headgate::config
