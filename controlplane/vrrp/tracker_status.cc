#include "controlplane/vrrp/tracker_status.h"

#include <string>

#include <fmt/format.h>

namespace headgate::vrrp {

namespace {

using Verdict = TrackerState::Verdict;

std::string state_words(const TrackerState& state) {
    switch (state.verdict) {
        case Verdict::unknown:
            return "unknown";
        case Verdict::up:
            return "up";
        case Verdict::down:
            return "down";
        case Verdict::value:
            return fmt::format("{}", state.value);
        case Verdict::disabled:
            return "disabled";
    }
    return "unknown";
}

// By asking the arithmetic itself. A file's number has no up and no down, and what cannot be
// watched has no effect: they stay as they are.
Tracking::Line line_if(const Tracking::Line& line, Verdict verdict) {
    if (line.state.verdict == Verdict::value || line.state.verdict == Verdict::disabled)
        return line;
    Tracking alone({line.use});
    alone.update(line.use.tracker, {.verdict = verdict, .detail = "", .cause = ""});
    return alone.lines().front();
}

bool is_fault(const Tracking::Line& line) {
    return line.effect == Tracking::Effect::fault || line.effect == Tracking::Effect::waiting;
}

std::string detail_of(const Tracking::Line& line, Instant now) {
    if (line.state.verdict == Verdict::unknown)
        return {};
    std::string detail = line.state.detail;
    if (!line.state.cause.empty())
        detail += ": " + line.state.cause;
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - line.state.since);
    return fmt::format("{}, since {}s", detail, age.count());
}

}  // namespace

std::vector<TrackerStatus> tracker_statuses(const Tracking& tracking, Instant now) {
    std::vector<TrackerStatus> statuses;
    for (const Tracking::Line& line : tracking.lines()) {
        const Tracking::Line up = line_if(line, Verdict::up);
        const Tracking::Line down = line_if(line, Verdict::down);
        statuses.push_back({.kind = std::string(keyword_of(line.use.tracker.kind)),
                            .name = line.use.tracker.name,
                            .state = state_words(line.state),
                            .detail = detail_of(line, now),
                            .weight = line.use.weight,
                            .reverse = line.use.reverse,
                            .contribution = line.summand,
                            .contribution_up = up.summand,
                            .contribution_down = down.summand,
                            .faults = is_fault(line),
                            .faults_up = is_fault(up),
                            .faults_down = is_fault(down)});
    }
    return statuses;
}

}  // namespace headgate::vrrp
