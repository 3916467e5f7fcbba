// The interface that `use_vmac` makes: see model.h. A plain value.
#pragma once

#include <string>

#include "common/net.h"

namespace headgate::config {

// A macvlan on the interface of the instance, with the MAC address of the virtual router
// (RFC 5798 7.3), for its addresses.
struct Vmac {
    std::string name;
    MacAddress mac;
    bool send_from_base = false;  // adverts come from the MAC address of the interface below
    bool operator==(const Vmac&) const = default;
};

}  // namespace headgate::config
