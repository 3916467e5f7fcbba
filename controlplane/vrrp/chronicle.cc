#include "controlplane/vrrp/chronicle.h"

#include <utility>

namespace headgate::vrrp {

namespace {

constexpr std::size_t entries_max = 10;

}  // namespace

std::int64_t unix_ms_of(Instant when, Instant now, std::chrono::system_clock::time_point wall_now) {
    const auto wall = wall_now - (now - when);
    return std::chrono::duration_cast<std::chrono::milliseconds>(wall.time_since_epoch()).count();
}

void Chronicle::entered(Instant now, State state, std::string reason) {
    if (entries_.size() == entries_max)
        entries_.pop_front();
    const State from = std::exchange(state_, state);
    if (from == State::master)
        ++num_released_;
    entries_.push_back({.when = now, .from = from, .to = state, .reason = std::move(reason)});
}

void Chronicle::heard(Instant now, const IpAddress& source, std::uint8_t priority) {
    const bool resigned = priority == priority_resign;
    if (resigned)
        ++num_zero_received_;
    // What it was worth before it resigned is what is known about it.
    if (resigned && heard_ && heard_->source == source)
        priority = heard_->priority;
    heard_ = {.when = now, .source = source, .priority = priority, .resigned = resigned};
}

void Chronicle::fill(InstanceStatus& status, Instant now,
                     std::chrono::system_clock::time_point wall_now) const {
    for (const Entry& entry : entries_)
        status.transitions.push_back({.from = entry.from,
                                      .to = entry.to,
                                      .reason = entry.reason,
                                      .unix_ms = unix_ms_of(entry.when, now, wall_now)});
    if (heard_)
        status.last_heard = {.source = heard_->source.to_string(),
                             .priority = heard_->priority,
                             .resigned = heard_->resigned,
                             .unix_ms = unix_ms_of(heard_->when, now, wall_now)};
    status.released_master = num_released_;
    status.priority_zero_received = num_zero_received_;
    status.priority_zero_sent = num_zero_sent_;
}

}  // namespace headgate::vrrp
