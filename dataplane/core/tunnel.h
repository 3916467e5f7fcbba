// Tunnels to real servers: the headers that go in front of a packet, as IPVS writes them. Pure.
//
//     ipip   the packet right behind an outer IP header (RFC 2003, RFC 2473, RFC 4213)
//     gue    outer IP, UDP, and the four bytes of generic UDP encapsulation, variant 0
//            (draft-ietf-intarea-gue, what Linux calls gue)
//     gre    outer IP and GRE without key or sequence number (RFC 2784)
//
// All that is the same for every packet of a destination is written once, when a snapshot is built;
// a packet gets a copy of it, and its own length, identification, TTL, TOS, checksum and entropy.
// The outer TTL and TOS are the packet's own, after the hop that it has taken (full ECN by RFC 3168
// 9.1.1), and so is don't-fragment. VLAN tags stay behind: the next hop was found on the interface
// itself.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/packet.h"

namespace headgate::dataplane {

// The headers of a tunnel lie in the last bytes of so many before the packet, all of which are
// overwritten: a copy of constant length is one of a few registers. Ethernet, IPv6, UDP and GUE,
// and the fragment header of IPv6 that may come in between.
inline constexpr std::uint32_t tunnel_room = 80;
static_assert(tunnel_room >= 14 + 40 + 8 + 8 + 4);
static_assert(tunnel_room <= frame_headroom_bytes);

// RFC 791 3.2, RFC 8200 5: what every link takes whole.
constexpr std::uint32_t mtu_min(bool is_v4) {
    return is_v4 ? 68 : 1280;
}

struct alignas(64) TunnelHeader {
    std::array<std::uint8_t, tunnel_room> bytes{};  // right-aligned
    std::uint16_t length = 0;                       // Ethernet header included
    // Of the packets inside: the longest that leaves whole; the longest that is not refused when it
    // must not be fragmented, which is what its sender is told; the longest of all.
    std::uint16_t whole_max = 0;
    std::uint16_t refused_above = 0;
    std::uint16_t packet_max = 0;
    std::uint16_t unit = 0;      // bytes that a fragment of the outer packet carries; but the last
    std::uint16_t ipv4_sum = 0;  // of what is constant in the outer header, as it lies in memory
    TunnelType type = TunnelType::ipip;
    bool checksum = false;
    bool outer_v6 = false;
};
static_assert(sizeof(TunnelHeader) == 128, "two cache lines");

// For packets of that family. Requires: `destination` has a tunnel, a MAC address, a source of its
// family and an MTU of at least mtu_min().
TunnelHeader build_tunnel_header(const DestinationConfig& destination, bool inner_v4);

// What one packet brings.
struct Wrapping {
    const std::uint8_t* source_mac = nullptr;  // of the interface that it leaves by
    std::uint16_t flow = 0;  // the same for all packets of a connection; spreads the outer ones
    std::uint32_t id = 0;    // of the outer packet; used when it may be fragmented
};

// Lets the packet in `frame` take a hop and puts the headers in front of it: the frame then starts
// with them and ends with the packet. Requires: tunnel_room bytes before the packet may be written,
// packet.ip_bytes <= header.packet_max.
void wrap(const TunnelHeader& header, const Packet& packet, const Wrapping& wrapping, Frame& frame);

// Whether such a packet must be refused, and its sender be told.
bool is_too_big(const TunnelHeader& header, const Packet& packet, const std::uint8_t* ip);

// The memory that cut() needs for one fragment. What is longer is cut for no other reason.
inline constexpr std::size_t fragment_bytes_max = 4096;

// How many fragments more than one the outer packet makes.
std::size_t further_fragments(const TunnelHeader& header, const Packet& packet);

// Cuts a wrapped frame whose packet is longer than header.whole_max into fragments (RFC 791 3.2,
// RFC 8200 4.5). The first stays in `frame`, which may move by eight bytes; the others are written
// to `memory`, fragment_bytes_max apart, and described in `pieces`.
// Requires: there is room for further_fragments().
void cut(const TunnelHeader& header, std::uint32_t id, Frame& frame, std::span<std::uint8_t> memory,
         std::span<Frame> pieces);

}  // namespace headgate::dataplane
