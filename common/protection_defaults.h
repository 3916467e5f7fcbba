// What the dataplane does against floods unless it is configured: known to the configuration, which
// documents it, and to the dataplane, which may run without one. Rates are per second.
#pragma once

#include <cstdint>

namespace headgate::protection_defaults {

// Clients that count together. Smaller networks are seldom routed to different places.
inline constexpr std::uint8_t source_prefix_length_v4 = 24;
inline constexpr std::uint8_t source_prefix_length_v6 = 56;
// Of each worker. As many packets in fragments as the dataplane's memory of them holds.
inline constexpr std::uint32_t fragment_rate = 16'000;
// Looking up whom an ICMP error is about takes about a microsecond: one hundredth of a worker.
inline constexpr std::uint32_t icmp_error_rate = 10'000;
// RFC 1812 4.3.2.8; enough for traceroutes.
inline constexpr std::uint32_t icmp_answer_rate = 100;

}  // namespace headgate::protection_defaults
