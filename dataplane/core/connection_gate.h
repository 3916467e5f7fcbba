// ConnectionGate: how many new connections of a second get an entry in the worker's table. What is
// above goes on without one, by the pick that can be repeated (core.h). Worker-local; pure.
//
// The rate is configured, or follows how busy the worker is: above busy_max the gate lets in a
// quarter less than it has just let in; below busy_min it opens by a quarter a second, until it is
// wide open again. It never falls below rate_min, whose entries cost a worker less than one
// hundredth of its time.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "dataplane/core/tick.h"
#include "dataplane/core/token_budget.h"

namespace headgate::dataplane {

// Until when something holds.
class Window {
public:
    void extend(Tick until) {
        if (!until_ || is_past(*until_, until))
            until_ = until;
    }
    [[nodiscard]] bool is_open(Tick now) const { return until_ && !is_past(*until_, now); }

private:
    std::optional<Tick> until_;
};

class ConnectionGate {
public:
    static constexpr std::uint32_t rate_min = 10'000;
    // More than any worker can make: from there on there is no limit.
    static constexpr std::uint32_t rate_max = 10'000'000;
    static constexpr std::uint32_t busy_min = 700;  // in thousandths of the worker's time
    static constexpr std::uint32_t busy_max = 900;

    // What asks for an entry.
    enum class Kind : std::uint8_t {
        opening,
        // A later packet of what had got none. A budget of its own, so that a flood of SYNs keeps
        // nobody out who has answered.
        returning,
    };

    // False: no entry for it now. `configured`: the rate, if it is not to follow the worker.
    bool take(Kind kind, std::optional<std::uint32_t> configured, Tick now);
    // What take() would return.
    [[nodiscard]] bool has(Kind kind, std::optional<std::uint32_t> configured, Tick now) const {
        return budgets_[static_cast<std::size_t>(kind)].has(configured.value_or(rate()), now);
    }

    // Once a second: how busy the worker was in it.
    void adapt(std::uint32_t busy_permille);

    // Any thread. The rate that follows the worker; TokenBudget::unlimited: the gate is wide open.
    [[nodiscard]] std::uint32_t rate() const { return rate_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint32_t> rate_{TokenBudget::unlimited};
    std::uint32_t opened_ = 0;  // since the last adapt()
    std::array<TokenBudget, 2> budgets_;
};

}  // namespace headgate::dataplane
