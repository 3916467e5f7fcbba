// The gratuitous ARP (RFC 826, RFC 5227): tells hosts and switches on the link that a VIP is now
// at this MAC address. A broadcast request in which sender and target are the VIP, as keepalived
// sends it: every host updates from a request, while some ignore unasked replies.
#pragma once

#include <array>
#include <cstdint>

#include "common/net.h"

namespace headgate::vrrp {

using GarpFrame = std::array<std::uint8_t, 42>;  // Ethernet header and ARP; the driver pads

[[nodiscard]] GarpFrame gratuitous_arp(const MacAddress& mac, Be32 vip);

}  // namespace headgate::vrrp
