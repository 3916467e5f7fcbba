// How many of the packets in a receive ring may be ones that open a connection: the rule by which a
// worker sets `limit` of its lb_opening_share (bpf/abi.h), burst by burst.
//
// They may come in while the ring is less than a quarter full. A worker that keeps up notices
// nothing: a quarter of the ring has room for SYNs while it sleeps or is off its CPU. One that does
// not keep up gets as many of them as it has time for, and the rest of the ring is for packets of
// established connections. There is no rate to configure and no clock to read: what the worker
// takes out is what comes in.
#pragma once

#include <algorithm>
#include <cstdint>

namespace headgate::dataplane {

// `passed` as it was before `backlog`, the number of frames that wait in the ring, was read: the
// other way round, packets that came in between would count in neither. Frames that the kernel has
// not published yet are not in `backlog`; they are at most one of its own bursts.
constexpr std::uint64_t opening_limit(std::uint64_t passed, std::uint32_t backlog,
                                      std::uint32_t ring_frames) {
    const std::uint32_t share = ring_frames / 4;
    return passed + (share - std::min(backlog, share));
}

}  // namespace headgate::dataplane
