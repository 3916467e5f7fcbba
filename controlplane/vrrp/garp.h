// The gratuitous ARP (RFC 826, RFC 5227): tells hosts and switches on the link that a VIP is now
// at this MAC address. A broadcast request in which sender and target are the VIP, as keepalived
// sends it: every host updates from a request, while some ignore unasked replies.
//
// And its counterpart for IPv6, the unsolicited Neighbour Advertisement (RFC 4861 4.4, 7.2.6): from
// the VIP to all nodes on the link, with the Override flag, so that a cache which has another
// address takes this one.
#pragma once

#include <array>
#include <cstdint>

#include "common/net.h"

namespace headgate::vrrp {

using GarpFrame = std::array<std::uint8_t, 42>;  // Ethernet header and ARP; the driver pads

[[nodiscard]] GarpFrame gratuitous_arp(const MacAddress& mac, Be32 vip);

using NaFrame = std::array<std::uint8_t, 86>;  // Ethernet, IPv6, the message, one option

// `is_router`: whether this host forwards IPv6. A host that learns otherwise from the flag takes us
// out of its list of routers (RFC 4861 7.2.5).
// Requires: `vip` is an IPv6 address.
[[nodiscard]] NaFrame unsolicited_advertisement(const MacAddress& mac, const IpAddress& vip,
                                                bool is_router);

}  // namespace headgate::vrrp
