// How often an instance puts back what others remove from the kernel, and tries again what the
// kernel refuses.
#pragma once

#include <chrono>

#include "common/clock.h"

namespace headgate::vrrp {

// Somebody who removes an entry each time that he sees it gets it back at this pace.
constexpr Duration repair_interval = std::chrono::milliseconds(50);
// What the kernel refuses now may work later, when an interface or a gateway is there.
constexpr Duration retry_interval = std::chrono::seconds(1);

}  // namespace headgate::vrrp
