// What the drivers of interfaces can do for XDP, by the kernel's netdev family (generic netlink).
#pragma once

#include <map>

#include "controlplane/doctor/facts.h"

namespace headgate::doctor {

// By the index of the interface. Empty where the kernel does not tell (before 6.3).
[[nodiscard]] std::map<int, XdpFeatures> read_xdp_features();

}  // namespace headgate::doctor
