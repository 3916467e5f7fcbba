// The bounds and protocol constants that more than one part needs. A limit that only one part
// knows lives in that part.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace headgate::limits {

// One framed protobuf message between our processes: 1 000 services x 20 destinations take about
// 1.2 MB; a peer that announces more than this is broken or hostile.
inline constexpr std::size_t message_bytes_max = 16U << 20U;

// RFC 9568 5.2.3: VRID 1 to 255.
inline constexpr std::uint8_t vrid_min = 1;
inline constexpr std::uint8_t vrid_max = 255;

// How long a VIP stays in the kernel without renewal when nothing else is configured. The kernel
// counts address lifetimes in whole seconds.
inline constexpr std::chrono::seconds vip_lease_default{3};

// Largest weight keepalived accepts (INT32_MAX).
inline constexpr std::uint32_t weight_max = 0x7fffffff;

// Services that one dataplane can carry.
inline constexpr std::size_t services_max = 16384;

// Prefixes in each of the lists of blocked and of allowed clients: as text they fit into a message.
inline constexpr std::size_t access_prefixes_max = 150'000;

// Announcements per VIP in one block.
inline constexpr std::uint32_t garp_repeat_max = 1000;

// Connections that one answer lists, whoever forwards them; all that match are counted. They take
// far less than a message may have.
inline constexpr std::uint32_t flows_listed_max = 10'000;

}  // namespace headgate::limits
