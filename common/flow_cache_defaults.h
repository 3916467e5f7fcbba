// The flow cache of the dataplane unless it is configured, and what can be configured: known to the
// configuration, which documents it, and to the dataplane, which may run without one.
#pragma once

#include <cstdint>

namespace headgate::flow_cache_defaults {

// IPv4 flows of each worker, and a quarter as many of IPv6: as many as it has connections.
inline constexpr std::uint32_t flows = 1U << 20U;
inline constexpr std::uint32_t flows_max = 1U << 26U;
// Packets of an established connection before it is worth an entry: those of a short request are
// over by then.
inline constexpr std::uint8_t admit_after = 4;
// A flow that has been idle for longer makes room for another.
inline constexpr std::uint32_t idle_s = 10;
inline constexpr std::uint32_t idle_max_s = 3600;

}  // namespace headgate::flow_cache_defaults
