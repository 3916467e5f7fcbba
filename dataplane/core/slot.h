// Slot: the number of a service's or a destination's place in the tables of a process.
#pragma once

#include <cstdint>

namespace headgate::dataplane {

using Slot = std::uint32_t;
inline constexpr Slot no_slot = 0xffffffff;

}  // namespace headgate::dataplane
