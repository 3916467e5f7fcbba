// The interfaces that `use_vmac` and `use_vmac_addr` make: see model.h. Plain values.
#pragma once

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

}  // namespace headgate::config
