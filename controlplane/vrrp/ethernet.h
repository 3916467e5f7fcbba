// How a frame says which protocol it carries.
#pragma once

#include <cstdint>

namespace headgate::vrrp {

inline constexpr std::uint16_t ethertype_ipv4 = 0x0800;
inline constexpr std::uint16_t ethertype_ipv6 = 0x86dd;
inline constexpr std::uint32_t ipv6_version = 6U << 28U;  // of the first word of a header

}  // namespace headgate::vrrp
