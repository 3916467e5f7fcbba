// The ICMP error that a router owes the sender of a packet it does not forward. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/core/frame.h"
#include "dataplane/core/packet.h"

namespace headgate::dataplane {

// Ethernet header, two VLAN tags, and the most that an error may have: the smallest MTU of IPv6.
inline constexpr std::size_t icmp_answer_bytes_max = 22 + 1280;

// Writes the frame of a time exceeded message about `packet`, which lies in `frame` as it came,
// from the packet's destination to its client by the way that it came. Returns the length of the
// frame; 0 when there must be no error: the client is no single host (RFC 1122 3.2.2, RFC 4443
// 2.4 e). Requires: it is a whole packet or a first fragment, and no ICMP error;
// answer.size() >= icmp_answer_bytes_max.
std::uint32_t write_time_exceeded(const Frame& frame, const Packet& packet,
                                  std::span<std::uint8_t> answer);

// The same of a message that the packet is too big (RFC 1191, RFC 8201), and that one of
// `next_hop_mtu` bytes is not. Requires, too: it must not be fragmented.
std::uint32_t write_too_big(const Frame& frame, const Packet& packet, std::uint32_t next_hop_mtu,
                            std::span<std::uint8_t> answer);

}  // namespace headgate::dataplane
