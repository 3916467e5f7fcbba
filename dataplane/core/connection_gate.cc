#include "dataplane/core/connection_gate.h"

#include <algorithm>

namespace headgate::dataplane {

bool ConnectionGate::take(Kind kind, std::optional<std::uint32_t> configured, Tick now) {
    if (!budgets_[static_cast<std::size_t>(kind)].take(configured.value_or(rate()), now))
        return false;
    opened_ += kind == Kind::opening ? 1 : 0;
    return true;
}

void ConnectionGate::adapt(std::uint32_t busy_permille) {
    std::uint32_t rate = this->rate();
    if (busy_permille >= busy_max) {
        const std::uint32_t base = std::min(rate, opened_);
        rate = std::max(rate_min, base - base / 4);
    } else if (busy_permille < busy_min && rate != TokenBudget::unlimited) {
        rate += rate / 4;
        if (rate >= rate_max)
            rate = TokenBudget::unlimited;
    }
    rate_.store(rate, std::memory_order_relaxed);
    opened_ = 0;
}

}  // namespace headgate::dataplane
