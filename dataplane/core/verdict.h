// What the core decides about a frame.
#pragma once

#include <cstdint>

namespace headgate::dataplane {

enum class Verdict : std::uint8_t {
    transmit,   // leave by the interface it came in on; the frame has been rewritten
    elsewhere,  // likewise, by another interface: Burst::egresses
    kernel,     // hand to the host's network stack, unchanged
    drop,
};

}  // namespace headgate::dataplane
