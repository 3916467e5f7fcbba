#include "controlplane/health/check_state.h"

#include <algorithm>
#include <limits>

namespace headgate::health {

namespace {

constexpr Duration warmup_max = std::chrono::seconds(1);

}  // namespace

std::string_view to_string(Code code) {
    switch (code) {
        case Code::l4_ok:
            return "L4OK";
        case Code::l4_timeout:
            return "L4TOUT";
        case Code::l4_refused:
            return "L4CON";
        case Code::l7_ok:
            return "L7OK";
        case Code::l7_status:
            return "L7STS";
        case Code::l7_timeout:
            return "L7TOUT";
        case Code::l7_response:
            return "L7RSP";
        case Code::local_error:
            break;
    }
    return "SOCKERR";
}

CheckState::Step CheckState::record(const Outcome& outcome, Instant now) {
    last_ = outcome;
    if (outcome.code == Code::local_error)
        return {Change::none, now + timing_.delay_loop};

    const Verdict before = verdict_;
    if (outcome.passed()) {
        failures_ = 0;
        verdict_ = Verdict::up;
        return {before == Verdict::up ? Change::none : Change::up, now + timing_.delay_loop};
    }
    if (failures_ < std::numeric_limits<std::uint32_t>::max())
        ++failures_;
    if (before == Verdict::up && failures_ <= timing_.retry)
        return {Change::none, now + timing_.delay_before_retry};
    verdict_ = Verdict::down;
    return {before == Verdict::down ? Change::none : Change::down, now + timing_.delay_loop};
}

Instant first_launch(const config::CheckTiming& timing, Instant now, double random) {
    const Duration spread = std::min(timing.delay_loop, warmup_max);
    return now + std::chrono::duration_cast<Duration>(spread * random);
}

}  // namespace headgate::health
