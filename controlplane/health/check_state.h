// CheckState: what the results of one check mean over time, as keepalived counts them. Pure: it is
// given each result and the time, and answers with the change and the next launch time.
//
//   unknown --passed--> up        unknown --failed--> down   (the first failure needs no retries)
//   up --failed--> up, again after delay_before_retry, until `retry` failures were forgiven
//   up --failed once more--> down
//   down --passed--> up           (one success is enough)
//
// Whether "unknown" counts as up is for each virtual server to say (`alpha`), because one check is
// shared by all that use it.
#pragma once

#include <cstdint>

#include "common/clock.h"
#include "controlplane/config/model_services.h"
#include "controlplane/health/outcome.h"

namespace headgate::health {

class CheckState {
public:
    enum class Change : std::uint8_t { none, up, down };
    struct Step {
        Change change = Change::none;
        Instant next_launch;
    };

    explicit CheckState(const config::CheckTiming& timing) : timing_(timing) {}

    // Counts the result of a probe that ended at `now`.
    Step record(const Outcome& outcome, Instant now);

    [[nodiscard]] bool known() const { return verdict_ != Verdict::unknown; }
    // Requires for a meaning: known().
    [[nodiscard]] bool up() const { return verdict_ == Verdict::up; }
    // In a row, up to the latest result; forgiven ones included.
    [[nodiscard]] std::uint32_t failures() const { return failures_; }
    [[nodiscard]] std::uint32_t retries() const { return timing_.retry; }
    // The latest result, a local error included.
    [[nodiscard]] const Outcome& last() const { return last_; }

private:
    enum class Verdict : std::uint8_t { unknown, up, down };

    config::CheckTiming timing_;
    Verdict verdict_ = Verdict::unknown;
    std::uint32_t failures_ = 0;
    Outcome last_;
};

// When a check that is configured at `now` is first launched; `random` is uniform in [0, 1).
// keepalived waits 1 s plus up to a whole delay_loop; we spread over at most one second, which is
// enough to keep a thousand checks from starting in the same instant, and finds servers that are
// already dead at start much sooner.
Instant first_launch(const config::CheckTiming& timing, Instant now, double random);

}  // namespace headgate::health
