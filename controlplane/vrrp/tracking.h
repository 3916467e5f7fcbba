// Tracking: what the trackers of one instance make of its priority and its fitness. Pure.
//
// A tracker watches something (a script, a file, an interface) and says up, down or a number; how
// it does that is none of this part's business. Here every use of a tracker by the instance is
// turned into a summand of the priority or, without a weight, into a reason for FAULT.
//
// A tracker that has said nothing yet adds nothing; without a weight it keeps the instance from
// starting, so that nobody becomes MASTER on the strength of a check that has not run.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_tracking.h"

namespace headgate::vrrp {

using config::TrackerId;
using config::TrackerKind;
using config::TrackerUse;

struct TrackerState {
    enum class Verdict : std::uint8_t {
        unknown,  // it has not said anything yet
        up,
        down,
        value,     // a file's number
        disabled,  // it cannot be watched, and has no effect
    };

    Verdict verdict = Verdict::unknown;
    std::int64_t value = 0;
    Instant since{};     // of the verdict
    std::string detail;  // completes "track_script chk ...": "failed 3/3", "is down"
    std::string cause;   // why, when more is known: `exit 1 "connection refused"`
    bool operator==(const TrackerState&) const = default;
};

using TrackerStates = std::map<TrackerId, TrackerState>;

// "track_script": the block in which such trackers are used.
[[nodiscard]] std::string_view keyword_of(TrackerKind kind);

class Tracking {
public:
    // What one use does at the moment.
    enum class Effect : std::uint8_t {
        none,      // it adds 0
        priority,  // it adds `summand`
        fault,
        waiting,  // without a weight, and the tracker has not said anything yet
    };
    struct Line {
        TrackerUse use;
        TrackerState state;
        Effect effect = Effect::none;
        int summand = 0;
        bool operator==(const Line&) const = default;
    };

    Tracking() = default;
    explicit Tracking(const std::vector<TrackerUse>& uses) { configure(uses); }

    // What is known of trackers that stay in use is kept.
    void configure(const std::vector<TrackerUse>& uses);

    // False: nobody here uses that tracker, or it has said the same before.
    bool update(const TrackerId& id, const TrackerState& state);
    void update(const TrackerStates& states);

    // What all weights together add to the priority; the state machine keeps that within its
    // bounds.
    [[nodiscard]] int sum() const;
    // Why the instance must be in FAULT, one sentence: that of the first tracker that is down, else
    // of the first that is waited for. Empty: nothing is in the way.
    [[nodiscard]] std::string problem() const;
    // Nothing is down; there is only something that has not spoken yet.
    [[nodiscard]] bool is_waiting() const;

    // One for each use, in configuration order.
    [[nodiscard]] const std::vector<Line>& lines() const { return lines_; }

private:
    std::vector<Line> lines_;
};

}  // namespace headgate::vrrp
