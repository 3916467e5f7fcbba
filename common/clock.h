// Time as a parameter. Logic takes an Instant; only the edge of the program reads a Clock.
// Instants are CLOCK_MONOTONIC, so they never jump when somebody sets the wall clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <optional>

namespace headgate {

using Instant = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

inline double to_seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}
// Rounded down; of what is not negative.
inline std::uint64_t to_microseconds(Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

// The first of several deadlines, not all of which need exist.
inline std::optional<Instant> earliest(std::initializer_list<std::optional<Instant>> deadlines) {
    std::optional<Instant> first;
    for (const std::optional<Instant>& deadline : deadlines) {
        if (deadline)
            first = first ? std::min(*first, *deadline) : *deadline;
    }
    return first;
}

class Clock {
public:
    virtual ~Clock() = default;
    [[nodiscard]] virtual Instant now() const = 0;
};

class RealClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return std::chrono::steady_clock::now(); }
};

// Stands still until a test or the simulator moves it. Not thread-safe.
class ManualClock final : public Clock {
public:
    [[nodiscard]] Instant now() const override { return now_; }
    void advance(Duration by) { now_ += by; }
    void set(Instant to) { now_ = to; }

private:
    Instant now_{};
};

}  // namespace headgate
