// The unit of work between a port and the core: up to 64 frames of one interface.
// Worker-local. The port owns the memory of the frames; the core reads and rewrites it in place and
// keeps no pointer after Core::process() returns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/core/reasons.h"
#include "dataplane/core/verdict.h"

namespace headgate::dataplane {

inline constexpr std::size_t burst_max = 64;

// What a port leaves free before each frame, so that a header can be put in front of it.
inline constexpr std::uint32_t frame_headroom_bytes = 96;

// An Ethernet frame without FCS, in one piece.
struct Frame {
    std::uint8_t* data;
    std::uint32_t length;
};

struct Burst {
    std::uint32_t count = 0;
    // Where the frames came in, and where those with Verdict::transmit leave: an index into
    // ForwardingConfig::interface_macs.
    std::uint32_t interface = 0;
    std::uint32_t elsewhere = 0;  // set by the core: frames with Verdict::elsewhere
    // Bytes before each frame that may be overwritten.
    std::uint32_t headroom = 0;
    // Set by the port. The core moves the start of those that go through a tunnel.
    std::array<Frame, burst_max> frames;
    std::array<std::uint64_t, burst_max> cookies;  // the port's own; the core does not look
    std::array<Verdict, burst_max> verdicts;       // set by the core
    std::array<Reason, burst_max> reasons;         // set by the core; none when transmitted
    // Set by the core with Verdict::elsewhere: the ifindex of the interface to leave by.
    std::array<int, burst_max> egresses;
};

}  // namespace headgate::dataplane
