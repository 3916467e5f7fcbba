// The time of the tests' stories, which begin at an arbitrary moment of the monotonic clock.
#pragma once

#include "common/clock.h"

namespace headgate::vrrp {

// `when` after the start of the story.
inline Instant at(Duration when) {
    return Instant(std::chrono::seconds(1000)) + when;
}

}  // namespace headgate::vrrp
