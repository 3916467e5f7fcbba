// Virtual addresses for the tests, from text.
#pragma once

#include <string_view>

#include "controlplane/config/model_addresses.h"

namespace headgate::vrrp {

inline config::VirtualAddress vip(std::string_view prefix, std::string_view interface = "eth0") {
    config::VirtualAddress address;
    address.prefix = *Prefix::parse(prefix);
    address.interface = interface;
    return address;
}

}  // namespace headgate::vrrp
