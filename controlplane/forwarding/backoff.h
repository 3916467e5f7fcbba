// How long to wait before a process that ended is started again: at once, then 100 ms, doubling up
// to 5 s. A process that lived for 10 s starts the series anew. Pure.
#pragma once

#include <algorithm>

#include "common/clock.h"

namespace headgate::forwarding {

class Backoff {
public:
    static constexpr Duration first_delay = std::chrono::milliseconds(100);
    static constexpr Duration longest_delay = std::chrono::seconds(5);
    static constexpr Duration healthy_life = std::chrono::seconds(10);

    // The delay before the next start of a process that has lived for `lived`.
    Duration next(Duration lived) {
        if (lived >= healthy_life)
            delay_ = {};
        const Duration now = delay_;
        delay_ = now == Duration::zero() ? first_delay : std::min(2 * now, longest_delay);
        return now;
    }

private:
    Duration delay_{};
};

}  // namespace headgate::forwarding
