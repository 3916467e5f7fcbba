#include "tests/sim/judge.h"

#include <fmt/format.h>

namespace headgate::sim {

namespace {

constexpr Duration repair_max = std::chrono::milliseconds(100);

double milliseconds_of(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

void Judge::disturbed(Instant now) {
    quiet_since_ = now;
    settled_transitions_.reset();
    masterless_.clear();
}

void Judge::priorities_changed(Instant now) {
    disturbed(now);
    masters_.clear();
}

void Judge::before(Instant now) {
    limit(masters_, now, bounds_.masters_overlap_max, "are both MASTER");
    limit(vips_, now, bounds_.vips_overlap_max, "both have VIPs");
    limit(masterless_, now, bounds_.masterless_max, "has no MASTER");
    limit(incomplete_, now, repair_max, "is MASTER without all of its VIPs");
}

void Judge::after(Instant now) {
    for (std::size_t left = 0; left < routers_.size(); ++left) {
        for (std::size_t right = left + 1; right < routers_.size(); ++right) {
            const bool connected = network_.connected(left, right);
            watch(masters_, {left, right}, connected && is_master(left) && is_master(right), now);
            watch(vips_, {left, right},
                  connected && routers_[left]->has_any_vip() && routers_[right]->has_any_vip(),
                  now);
        }
        watch(masterless_, {left, left}, is_up(left) && !has_master(left), now);
        watch(incomplete_, {left, left}, is_master(left) && !routers_[left]->has_all_vips(), now);
    }
    if (now >= quiet_since_ + bounds_.settle)
        check_settled(now);
}

void Judge::watch(Stopwatch& stopwatch, Pair pair, bool holds, Instant now) {
    if (!holds)
        stopwatch.erase(pair);
    else
        stopwatch.try_emplace(pair, now);
}

void Judge::limit(const Stopwatch& stopwatch, Instant now, Duration most, const char* what) {
    for (const auto& [pair, since] : stopwatch) {
        if (now - since <= most)
            continue;
        const std::string who = pair.first == pair.second
                                    ? fmt::format("router {}", pair.first)
                                    : fmt::format("routers {} and {}", pair.first, pair.second);
        broken(now, fmt::format("{} {} for {:.3f} ms, more than {:.3f} ms", who, what,
                                milliseconds_of(now - since), milliseconds_of(most)));
    }
}

void Judge::check_settled(Instant now) {
    ++num_settled_checks_;
    std::uint64_t transitions = 0;
    for (std::size_t router = 0; router < routers_.size(); ++router) {
        transitions += routers_[router]->num_transitions();
        if (is_up(router))
            check_part(now, router);
        if (!is_master(router) && routers_[router]->has_any_vip())
            broken(now, fmt::format("router {} still has a VIP and is not MASTER", router));
    }
    if (settled_transitions_.value_or(transitions) != transitions)
        broken(now, "a router changed its state without a cause");
    settled_transitions_ = transitions;
}

// The part of the network that `member` can hear.
void Judge::check_part(Instant now, std::size_t member) {
    const config::VrrpInstance& candidate = routers_[member]->config();
    const bool preempts = candidate.preempt || candidate.priority == vrrp::priority_owner;
    std::size_t num_masters = 0;
    for (std::size_t router = 0; router < routers_.size(); ++router) {
        if (!is_master(router) || !network_.connected(member, router))
            continue;
        ++num_masters;
        if (preempts && routers_[router]->config().priority < candidate.priority)
            broken(now, fmt::format("router {} preempts and has a higher priority than MASTER {}",
                                    member, router));
    }
    if (num_masters != 1)
        broken(now, fmt::format("router {} hears {} masters", member, num_masters));
}

bool Judge::is_up(std::size_t router) const {
    return routers_[router]->running() && network_.link_up(router);
}

bool Judge::is_master(std::size_t router) const {
    return routers_[router]->running() && routers_[router]->state() == vrrp::State::master;
}

bool Judge::has_master(std::size_t member) const {
    for (std::size_t router = 0; router < routers_.size(); ++router) {
        if (network_.connected(member, router) && is_master(router))
            return true;
    }
    return false;
}

void Judge::broken(Instant now, const std::string& what) {
    if (!violation_)
        violation_ = fmt::format(
            "at {:.6f} s: {}", std::chrono::duration<double>(now.time_since_epoch()).count(), what);
}

}  // namespace headgate::sim
