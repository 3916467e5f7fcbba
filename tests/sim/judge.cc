#include "tests/sim/judge.h"

#include <fmt/format.h>

namespace headgate::sim {

namespace {

constexpr Duration repair_max = std::chrono::milliseconds(100);

double milliseconds_of(Duration duration) {
    return std::chrono::duration<double, std::milli>(duration).count();
}

}  // namespace

void Judge::disturbed(Instant now, bool coherent) {
    quiet_since_ = now;
    coherent_ = coherent;
    settled_transitions_.reset();
    masterless_.clear();
    beside_.clear();
}

void Judge::rules_changed(Instant now, bool coherent) {
    disturbed(now, coherent);
    masters_.clear();
    followed_.clear();
}

void Judge::before(Instant now) {
    limit(masters_, now, bounds_.masters_overlap_max, "are both MASTER");
    limit(vips_, now, bounds_.vips_overlap_max, "both have VIPs");
    limit(masterless_, now, bounds_.masterless_max, "has no MASTER");
    limit(incomplete_, now, repair_max, "is MASTER without all of its VIPs");
}

void Judge::after(Instant now) {
    for (std::size_t router = 0; router < routers_.size(); ++router)
        check_patience(now, router);
    for (std::size_t left = 0; left < routers_.size(); ++left) {
        for (std::size_t right = left + 1; right < routers_.size(); ++right) {
            const bool connected = network_.connected(left, right);
            watch(masters_, {left, right}, connected && is_master(left) && is_master(right), now);
            watch(vips_, {left, right},
                  connected && leg(left).has_any_vip() && leg(right).has_any_vip(), now);
        }
        watch(masterless_, {left, left},
              coherent_ && routers_[left]->is_up(now) && num_heard_by(left) == 0, now);
        watch(incomplete_, {left, left}, is_master(left) && !leg(left).has_all_vips(), now);
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
        transitions += leg(router).num_transitions();
        if (coherent_ && routers_[router]->is_up(now))
            check_part(now, router);
        check_alarm(now, router);
        if (!is_master(router) && leg(router).has_any_vip())
            broken(now, fmt::format("router {} still has a VIP and is not MASTER", router));
    }
    if (coherent_ && settled_transitions_.value_or(transitions) != transitions)
        broken(now, "a router changed its state without a cause");
    settled_transitions_ = transitions;
}

// The part of the network that `member` can hear.
void Judge::check_part(Instant now, std::size_t member) {
    const config::VrrpInstance& candidate = leg(member).config();
    const bool preempts = candidate.preempt || candidate.priority == vrrp::priority_owner;
    std::size_t num_masters = 0;
    for (std::size_t router = 0; router < routers_.size(); ++router) {
        if (!is_master(router) || !network_.connected(member, router))
            continue;
        ++num_masters;
        if (preempts && leg(router).config().priority < candidate.priority)
            broken(now, fmt::format("router {} preempts and has a higher priority than MASTER {}",
                                    member, router));
    }
    if (num_masters != 1)
        broken(now, fmt::format("router {} hears {} masters", member, num_masters));
}

bool Judge::is_master(std::size_t router) const {
    return leg(router).is_master();
}

// It has become MASTER beside one that it heard, and that it had to leave alone.
void Judge::check_patience(Instant now, std::size_t router) {
    const config::VrrpInstance& config = leg(router).config();
    const bool owner = config.priority == vrrp::priority_owner;
    for (std::size_t master = 0; master < routers_.size(); ++master) {
        if (master == router)
            continue;
        const Pair pair{router, master};
        const auto since = followed_.find(pair);
        // A resignation may have been on its way for some time, and is obeyed.
        if (since != followed_.end() && is_master(router) && is_master(master) && !owner &&
            network_.connected(router, master) && !leg(router).was_resigned_to()) {
            if (!config.preempt && now - since->second > bounds_.heard)
                broken(now, fmt::format("router {} has nopreempt and takes over from MASTER {}",
                                        router, master));
        }
        watch(followed_, pair,
              routers_[router]->is_up(now) && leg(router).state() == vrrp::State::backup &&
                  is_master(master) && network_.connected(router, master) &&
                  num_heard_by(router) == 1,
              now);
    }
}

// The stronger of two masters hears the other, and is not heard. A third one may make the other
// yield now and then: what counts is how long they have been beside each other without a break.
void Judge::check_alarm(Instant now, std::size_t router) {
    for (std::size_t other = 0; other < routers_.size(); ++other) {
        if (other == router)
            continue;
        const Pair pair{router, other};
        watch(beside_, pair,
              is_master(router) && is_master(other) && network_.reaches(other, router) &&
                  !network_.reaches(router, other) &&
                  leg(other).config().priority < leg(router).config().priority,
              now);
        const auto since = beside_.find(pair);
        if (since != beside_.end() &&
            now - since->second > bounds_.masters_overlap_max + bounds_.heard &&
            !leg(router).suspects_split_brain())
            broken(now, fmt::format("router {} does not suspect MASTER {}", router, other));
    }
}

std::size_t Judge::num_heard_by(std::size_t member) const {
    std::size_t num_masters = 0;
    for (std::size_t router = 0; router < routers_.size(); ++router) {
        if (network_.reaches(router, member) && is_master(router))
            ++num_masters;
    }
    return num_masters;
}

void Judge::broken(Instant now, const std::string& what) {
    if (!violation_)
        violation_ = fmt::format(
            "at {:.6f} s: {}", std::chrono::duration<double>(now.time_since_epoch()).count(), what);
}

}  // namespace headgate::sim
