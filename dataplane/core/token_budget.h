// TokenBudget: so much of something per second, and no more. Pure; worker-local.
//
// The core's time has whole seconds, so a budget is a count that starts again with every second: in
// any span of one second it yields at most twice its rate, in n seconds at most n + 1 times.
#pragma once

#include <cstdint>
#include <limits>

#include "dataplane/core/tick.h"

namespace headgate::dataplane {

class TokenBudget {
public:
    static constexpr std::uint32_t unlimited = std::numeric_limits<std::uint32_t>::max();

    // Takes one token of this second's `per_second`; false: there is none left. The rate is given
    // with each call, since it is the snapshot's, and may change at any time.
    bool take(std::uint32_t per_second, Tick now) {
        if (second_ != now) {
            second_ = now;
            taken_ = 0;
        }
        if (taken_ >= per_second)
            return per_second == unlimited;
        ++taken_;
        return true;
    }
    // What take() would return.
    [[nodiscard]] bool has(std::uint32_t per_second, Tick now) const {
        const std::uint32_t taken = second_ == now ? taken_ : 0;
        return taken < per_second || per_second == unlimited;
    }

private:
    Tick second_ = 0;
    std::uint32_t taken_ = 0;  // of this second; also at rate `unlimited`, for one that follows
};

}  // namespace headgate::dataplane
