// Time inside the packet core: whole seconds of a monotonic clock since any fixed start, the same
// start for every worker of the process. The core never reads a clock; each call takes `now`.
// A deadline is the last second in which something is still valid, so nothing lives shorter than
// its timeout and nothing lives more than one tick longer. Ticks may wrap: of two that are less
// than 2^31 apart it is clear which is the later.
#pragma once

#include <cstdint>

namespace headgate::dataplane {

using Tick = std::uint32_t;

constexpr bool is_past(Tick deadline, Tick now) {
    return static_cast<std::int32_t>(now - deadline) > 0;
}

}  // namespace headgate::dataplane
