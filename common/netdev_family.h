// What <linux/netdev.h> has of the generic netlink family "netdev", which tells what the driver of
// an interface does for XDP. It came with Linux 6.3, later than the headers that we build with.
#pragma once

#include <cstdint>

namespace headgate::netdev {

inline constexpr const char* family_name = "netdev";
inline constexpr std::uint8_t command_device_get = 1;
inline constexpr int attribute_ifindex = 1;
inline constexpr int attribute_xdp_features = 3;

// NETDEV_XDP_ACT_...
inline constexpr std::uint64_t feature_basic = 1;
inline constexpr std::uint64_t feature_transmit = 4;  // takes what is redirected to it
inline constexpr std::uint64_t feature_zero_copy = 8;

}  // namespace headgate::netdev
