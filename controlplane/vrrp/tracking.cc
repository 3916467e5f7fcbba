#include "controlplane/vrrp/tracking.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace headgate::vrrp {

namespace {

using Effect = Tracking::Effect;
using Verdict = TrackerState::Verdict;

// keepalived: a file's number times its weight is a fault from here down, and no more than 253.
constexpr std::int64_t file_fault = -254;
constexpr std::int64_t file_max = 253;

struct Outcome {
    Effect effect = Effect::none;
    int summand = 0;
};

Outcome fault_if(bool faulty) {
    return {.effect = faulty ? Effect::fault : Effect::none};
}

Outcome add(int summand) {
    return {.effect = summand == 0 ? Effect::none : Effect::priority, .summand = summand};
}

// Weights are at most 254, and the reader of the file keeps its number within 32 bits.
Outcome outcome_of_value(const TrackerUse& use, std::int64_t value) {
    if (use.weight == 0)
        return fault_if((value != 0) != use.reverse);
    const std::int64_t product = value * use.weight * (use.reverse ? -1 : 1);
    if (product <= file_fault)
        return fault_if(true);
    return add(static_cast<int>(std::min(product, file_max)));
}

Outcome outcome_of(const TrackerUse& use, const TrackerState& state) {
    switch (state.verdict) {
        case Verdict::unknown:
            return {.effect = use.weight == 0 ? Effect::waiting : Effect::none};
        case Verdict::value:
            return outcome_of_value(use, state.value);
        case Verdict::disabled:
            return {};
        case Verdict::up:
        case Verdict::down:
            break;
    }
    const bool up = state.verdict == Verdict::up;
    if (use.weight == 0)
        return fault_if(up == use.reverse);
    if (up != (use.weight > 0))
        return {};
    return add(use.reverse ? -use.weight : use.weight);
}

void evaluate(Tracking::Line& line) {
    const Outcome outcome = outcome_of(line.use, line.state);
    line.effect = outcome.effect;
    line.summand = outcome.summand;
}

std::string_view noun_of(TrackerKind kind) {
    switch (kind) {
        case TrackerKind::interface:
            return "interface";
        case TrackerKind::script:
            return "tracked script";
        case TrackerKind::file:
            return "tracked file";
        case TrackerKind::process:
            return "tracked process";
        case TrackerKind::bfd:
            return "BFD session";
        case TrackerKind::virtual_server:
            return "virtual server";
    }
    return "tracker";
}

std::string problem_of(const Tracking::Line& line) {
    const auto& [kind, name] = line.use.tracker;
    if (line.effect == Effect::waiting)
        return fmt::format("waiting for the first result of {} {}", noun_of(kind), name);
    std::string sentence = fmt::format("{} {} {}", noun_of(kind), name, line.state.detail);
    if (!line.state.cause.empty())
        sentence += ": " + line.state.cause;
    if (line.use.reverse)
        sentence += ", and `reverse` makes that a fault";
    return sentence;
}

}  // namespace

std::string_view keyword_of(TrackerKind kind) {
    switch (kind) {
        case TrackerKind::interface:
            return "track_interface";
        case TrackerKind::script:
            return "track_script";
        case TrackerKind::file:
            return "track_file";
        case TrackerKind::process:
            return "track_process";
        case TrackerKind::bfd:
            return "track_bfd";
        case TrackerKind::virtual_server:
            return "track_virtual_server";
    }
    return "tracker";
}

void Tracking::configure(const std::vector<TrackerUse>& uses) {
    const std::vector<Line> before = std::exchange(lines_, {});
    for (const TrackerUse& use : uses) {
        const auto known = std::ranges::find_if(
            before, [&](const Line& line) { return line.use.tracker == use.tracker; });
        Line& line = lines_.emplace_back(
            Line{.use = use, .state = known == before.end() ? TrackerState{} : known->state});
        evaluate(line);
    }
}

bool Tracking::update(const TrackerId& id, const TrackerState& state) {
    bool changed = false;
    for (Line& line : lines_) {
        if (line.use.tracker != id || line.state == state)
            continue;
        line.state = state;
        evaluate(line);
        changed = true;
    }
    return changed;
}

void Tracking::update(const TrackerStates& states) {
    for (const auto& [id, state] : states)
        update(id, state);
}

int Tracking::sum() const {
    int sum = 0;
    for (const Line& line : lines_)
        sum += line.summand;
    return sum;
}

std::string Tracking::problem() const {
    for (const Effect effect : {Effect::fault, Effect::waiting}) {
        const auto found = std::ranges::find(lines_, effect, &Line::effect);
        if (found != lines_.end())
            return problem_of(*found);
    }
    return {};
}

bool Tracking::is_waiting() const {
    return std::ranges::find(lines_, Effect::fault, &Line::effect) == lines_.end() &&
           std::ranges::find(lines_, Effect::waiting, &Line::effect) != lines_.end();
}

}  // namespace headgate::vrrp
