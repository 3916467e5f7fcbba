// What the other end of a tunnel makes of a frame: the receiving side of tunnel.h, written by the
// RFCs and apart from it, for tests and the fuzzer.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "common/net.h"
#include "tests/packets/packet_builder.h"

namespace headgate::packets {

struct Unwrapped {
    IpAddress source;  // of the outer packet
    IpAddress destination;
    std::uint8_t hops = 0;
    bool may_be_fragmented = true;
    std::uint16_t source_port = 0;  // of GUE
    Bytes packet;                   // what was inside
    std::string problem;            // empty: everything about the headers is right
};

// A whole frame without VLAN tags: IP in IP, GRE, or GUE to `gue_port`.
Unwrapped unwrap(std::span<const std::uint8_t> frame, std::uint16_t gue_port);

// The IP packet of a frame with up to two VLAN tags, without what lies behind it, after a hop.
Bytes packet_after_hop(std::span<const std::uint8_t> frame);

}  // namespace headgate::packets
