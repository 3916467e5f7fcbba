// Addresses in the tests: the own one of the router that is tested, and virtual ones from text.
#pragma once

#include <string_view>

#include "controlplane/config/model_addresses.h"

namespace headgate::vrrp {

inline const IpAddress own = *IpAddress::parse("10.0.0.5");

inline config::VirtualAddress vip(std::string_view prefix, std::string_view interface = "eth0") {
    config::VirtualAddress address;
    address.prefix = *Prefix::parse(prefix);
    address.interface = interface;
    return address;
}

}  // namespace headgate::vrrp
