// The clock of one router, which runs a little fast or slow.
#pragma once

#include "common/clock.h"

namespace headgate::sim {

class DriftingClock {
public:
    // Positive: fast, in parts per million.
    explicit DriftingClock(int drift_ppm) : drift_ppm_(drift_ppm) {}

    [[nodiscard]] Instant local(Instant instant) const {
        const Duration since = instant.time_since_epoch();
        return instant + since / million * drift_ppm_;
    }
    // The first moment at which the clock shows `local_time` or more.
    [[nodiscard]] Instant moment(Instant local_time) const {
        const Duration since = local_time.time_since_epoch();
        Instant instant = local_time - since / (million + drift_ppm_) * drift_ppm_;
        while (local(instant) < local_time)
            instant += std::chrono::microseconds(1);
        return instant;
    }

private:
    static constexpr int million = 1'000'000;
    int drift_ppm_;
};

}  // namespace headgate::sim
