#include "controlplane/vrrp/fsm.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace headgate::vrrp {

namespace {

// Whoever holds back waits as the weakest router would.
constexpr std::uint8_t priority_held = 1;
// Trackers make no owner, and nobody resigns because of a priority.
constexpr int priority_tracked_min = 1;
constexpr int priority_tracked_max = priority_owner - 1;

bool precedes(const Advert& advert, std::uint8_t priority, const IpAddress& address) {
    return advert.priority > priority || (advert.priority == priority && advert.source > address);
}

}  // namespace

std::string_view to_string(State state) {
    static constexpr std::array<std::string_view, 4> names{"INIT", "BACKUP", "MASTER", "FAULT"};
    return names[static_cast<std::size_t>(state)];
}

// ---- arithmetic ---------------------------------------------------------------------------------

std::uint8_t Fsm::effective_priority() const {
    if (is_owner())
        return gave_way_ ? priority_owner - 1 : priority_owner;
    return static_cast<std::uint8_t>(
        std::clamp(parameters_.priority + weight_, priority_tracked_min, priority_tracked_max));
}

// RFC 3768 6.1: a share of a second, whatever the interval. RFC 9568 6.1: a share of the interval.
Duration Fsm::skew_of(std::uint8_t priority) const {
    const Duration unit =
        parameters_.version == 2 ? Duration(std::chrono::seconds(1)) : master_interval_;
    return unit * (256 - priority) / 256;
}

Duration Fsm::skew() const {
    return skew_of(held_until_ ? priority_held : effective_priority());
}

Duration Fsm::master_down_interval() const {
    return parameters_.down_timer_adverts * master_interval_ + skew();
}

Duration Fsm::patience() const {
    switch (wait_) {
        case Wait::full:
            return master_down_interval();
        case Wait::skew_only:
            return skew();
        case Wait::one_advert:
            return master_interval_ + skew();
        case Wait::one_advert_least_skew:
            return master_interval_ + skew_of(priority_owner);
        case Wait::none:
            break;
    }
    return {};
}

std::optional<Instant> Fsm::advert_due() const {
    if (state_ == State::master)
        return next_advert_;
    if (state_ == State::backup && !parameters_.grouped)
        return wait_since_ + patience();
    return std::nullopt;
}

std::optional<Instant> Fsm::deadline() const {
    std::optional<Instant> earliest = split_brain_.deadline();
    const auto also = [&](Instant instant) {
        earliest = earliest ? std::min(*earliest, instant) : instant;
    };
    switch (state_) {
        case State::backup:
            if (!wants_master())
                also(wait_since_ + patience());
            if (held_until_)
                also(*held_until_);
            break;
        case State::master:
            also(next_advert_);
            break;
        case State::init:
        case State::fault:
            break;
    }
    return earliest;
}

// ---- events -------------------------------------------------------------------------------------

Actions Fsm::start(Instant now, const IpAddress& own_address, const Start& how) {
    check(state_ == State::init, "an instance is started once");
    Actions actions;
    own_address_ = own_address;
    if (how.resume && !held_until_) {
        first_begin_ = false;
        enter_master(actions, now, Event::resumed);
        return actions;
    }
    deaf_until_ = how.deaf_until;
    begin(actions, now, Event::started);
    return actions;
}

Actions Fsm::start_faulty(Instant now, const Start& how) {
    check(state_ == State::init, "an instance is started once");
    Actions actions;
    deaf_until_ = how.deaf_until;
    first_begin_ = false;
    faults_[static_cast<std::size_t>(FaultSource::instance)] = true;
    enter_fault(actions, now, FaultSource::instance);
    return actions;
}

void Fsm::set_own_address(const IpAddress& own_address) {
    own_address_ = own_address;
    if (state_ == State::master)
        master_address_ = own_address;
}

Actions Fsm::on_fault(Instant now, FaultSource source) {
    Actions actions;
    if (std::exchange(faults_[static_cast<std::size_t>(source)], true))
        return actions;
    if (state_ == State::backup || state_ == State::master) {
        leave_master(actions);
        enter_fault(actions, now, source);
    }
    return actions;
}

Actions Fsm::on_recovery(Instant now, FaultSource source) {
    Actions actions;
    faults_[static_cast<std::size_t>(source)] = false;
    if (state_ == State::fault && std::ranges::none_of(faults_, std::identity{}))
        begin(actions, now, Event::recovered);
    return actions;
}

Actions Fsm::on_weight(Instant now, int weight) {
    Actions actions;
    const std::uint8_t previous = effective_priority();
    weight_ = weight;
    if (state_ == State::master && effective_priority() != previous) {
        master_priority_ = effective_priority();
        advertise(actions, now);
    }
    return actions;
}

Actions Fsm::stop(Instant now) {
    Actions actions;
    leave_master(actions);
    if (state_ != State::init)
        enter(actions, now, State::init, Event::stopped);
    master_address_.reset();
    return actions;
}

Actions Fsm::yield(Instant now, Instant until) {
    Actions actions;
    if (state_ == State::master) {
        leave_master(actions);
        enter_backup(actions, now, Event::yielded);
        // A backup that has heard the resignation is MASTER after its skew, so after one advert
        // more than the longest skew there is nobody to wait for.
        wait(now, Wait::one_advert, Event::nobody_took_over);
    }
    held_until_ = until;
    return actions;
}

Actions Fsm::on_advert(Instant now, const Advert& advert) {
    if (is_owner() && parameters_.owner_ignore_adverts)
        return {};
    if (state_ == State::backup && now >= deaf_until_)
        return as_backup(now, advert);
    if (state_ == State::master)
        return as_master(now, advert);
    return {};
}

Actions Fsm::on_deadline(Instant now) {
    Actions actions;
    if (held_until_ && now >= *held_until_)
        held_until_.reset();
    if (split_brain_.expire(now))
        note(actions, Event::split_brain_ended);
    if (state_ == State::backup)
        on_backup_deadline(actions, now);
    else if (state_ == State::master)
        on_master_deadline(actions, now);
    return actions;
}

Actions Fsm::reconfigure(Instant now, const Parameters& parameters, bool group_changed) {
    Actions actions;
    const std::uint8_t previous_priority = effective_priority();
    const Parameters previous = std::exchange(parameters_, parameters);
    if (!is_owner())
        gave_way_ = false;
    // What was learned from the master stays, where the version lets a router learn it.
    const bool learned = master_address_ && previous.version == 3 && parameters.version == 3;
    if (state_ == State::master || !learned)
        master_interval_ = parameters_.advert_interval;
    if (state_ != State::master)
        return actions;
    master_priority_ = effective_priority();
    if (group_changed || previous_priority != master_priority_)
        advertise(actions, now);
    if (group_changed) {
        actions.push({.kind = Action::Kind::add_vips});
        actions.push({.kind = Action::Kind::send_garps, .event = Event::reconfigured});
    }
    return actions;
}

// ---- BACKUP -------------------------------------------------------------------------------------

// RFC 9568 6.4.2.
Actions Fsm::as_backup(Instant now, const Advert& advert) {
    Actions actions;
    if (advert.priority == priority_resign) {
        // Only ever sooner: a stream of resignations must not put the take-over off.
        if (!wants_master() && now + skew() < wait_since_ + patience()) {
            wait(now, Wait::skew_only, Event::master_resigned);
            note(actions, Event::resignation_heard);
        }
        return actions;
    }
    if (advert.priority != priority_owner)
        gave_way_ = false;  // who we gave way to is not the master any more
    const bool master_heard = master_address_ && now - wait_since_ <= master_down_interval();
    if (master_heard && advert.source != *master_address_ &&
        !precedes(advert, master_priority_, *master_address_))
        suspect(actions, now, advert);
    if (!preempts(actions, now, advert)) {
        follow(now, advert);
        return actions;
    }
    // The timer goes on, and fires.
    if (wait_ == Wait::full)
        expiry_reason_ = Event::master_weaker;
    note(actions, Event::weaker_discarded);
    return actions;
}

bool Fsm::preempts(Actions& actions, Instant now, const Advert& advert) {
    if (advert.priority >= effective_priority()) {
        if (preempt_allowed_)
            note(actions, Event::preempt_delay_stopped);
        preempt_allowed_.reset();
        return false;
    }
    if (held_until_)
        return false;
    if (is_owner())
        return true;
    if (!parameters_.preempt)
        return false;
    if (parameters_.preempt_delay == Duration::zero())
        return true;
    if (!preempt_allowed_) {
        preempt_allowed_ = now + parameters_.preempt_delay;
        note(actions, Event::preempt_delay_started);
    }
    return now >= *preempt_allowed_;
}

void Fsm::follow(Instant now, const Advert& advert) {
    master_address_ = advert.source;
    master_priority_ = advert.priority;
    master_interval_ =
        parameters_.version == 2 ? parameters_.advert_interval : advert.advert_interval;
    wait(now, Wait::full, Event::master_silent);
}

void Fsm::wait(Instant now, Wait wait, Event expiry_reason) {
    wait_since_ = now;
    wait_ = wait;
    expiry_reason_ = expiry_reason;
    expired_ = false;
}

void Fsm::on_backup_deadline(Actions& actions, Instant now) {
    if (now < wait_since_ + patience())
        return;
    if (parameters_.grouped)
        expired_ = true;
    else
        enter_master(actions, now, expiry_reason_);
}

// ---- MASTER -------------------------------------------------------------------------------------

// RFC 9568 6.4.3.
Actions Fsm::as_master(Instant now, const Advert& advert) {
    Actions actions;
    if (advert.priority == priority_resign) {
        // Another master has gone; whoever has followed it is to hear of us before its skew ends.
        advertise(actions, now);
        return actions;
    }
    if (advert.priority == effective_priority() && advert.source == own_address_) {
        note(actions, Event::own_address_heard);
        return actions;
    }
    const bool both_own = is_owner() && advert.priority == priority_owner;
    if (both_own)
        note(actions, Event::two_owners);
    if (precedes(advert, effective_priority(), own_address_)) {
        if (parameters_.higher_prio_send_advert)
            advertise(actions, now);
        enter_backup(actions, now, Event::higher_priority_heard);
        follow(now, advert);
    } else if (both_own &&
               rogue_owner_.heard(now, parameters_.advert_interval, master_down_interval())) {
        gave_way_ = true;
        enter_backup(actions, now, Event::rogue_owner);
        follow(now, advert);
    } else {
        meet_weaker(actions, now, advert);
    }
    return actions;
}

void Fsm::meet_weaker(Actions& actions, Instant now, const Advert& advert) {
    suspect(actions, now, advert);
    // One answer per half interval is enough for any router that follows the protocol, and keeps
    // one that does not from using us to flood the network with ARP.
    if (last_election_ && now - *last_election_ < parameters_.advert_interval / 2)
        return;
    last_election_ = now;
    if (parameters_.lower_prio_no_advert) {
        note(actions, Event::weaker_tolerated);
    } else {
        note(actions, Event::forcing_election);
        advertise(actions, now);
    }
    actions.push({.kind = Action::Kind::send_garps, .event = Event::forcing_election});
}

// `advert` is of a master beside the one that is to be.
void Fsm::suspect(Actions& actions, Instant now, const Advert& advert) {
    // It may advertise, and so hear of its mistake, less often than we do.
    const Duration its_own = (parameters_.down_timer_adverts + 1) * advert.advert_interval;
    const Duration bound = std::max(master_down_interval(), its_own);
    if (split_brain_.heard(now, advert.source, advert.priority, bound))
        note(actions, Event::split_brain_begun);
}

void Fsm::on_master_deadline(Actions& actions, Instant now) {
    if (now >= next_advert_) {
        const Duration taken_over_after =
            parameters_.down_timer_adverts * parameters_.advert_interval +
            skew_of(parameters_.late_takeover_priority);
        if (parameters_.late_takeover_priority != 0 && now - last_advert_ > taken_over_after) {
            enter_backup(actions, now, Event::timer_late);
            wait(now, Wait::full, Event::master_silent);
            return;
        }
        const Instant due = next_advert_;
        advertise(actions, now);
        // From the time it was due, so that lateness does not add up; unless a whole interval
        // was lost, which a burst of adverts would not bring back.
        if (due + parameters_.advert_interval > now)
            next_advert_ = due + parameters_.advert_interval;
    }
}

void Fsm::advertise(Actions& actions, Instant now) {
    actions.push({.kind = Action::Kind::send_advert, .priority = effective_priority()});
    last_advert_ = now;
    next_advert_ = now + parameters_.advert_interval;
}

// ---- the sync group -----------------------------------------------------------------------------

Actions Fsm::take_over(Instant now) {
    check(wants_master(), "only who wants to takes over");
    Actions actions;
    enter_master(actions, now, expiry_reason_);
    return actions;
}

Actions Fsm::join_master(Instant now) {
    check(state_ == State::backup, "only a backup joins a group that is MASTER");
    Actions actions;
    enter_master(actions, now, Event::group_master);
    return actions;
}

Actions Fsm::step_back(Instant now) {
    check(state_ == State::master, "only a master steps back");
    Actions actions;
    leave_master(actions);
    enter_backup(actions, now, Event::group_backup);
    wait(now, Wait::full, Event::master_silent);
    return actions;
}

// ---- transitions --------------------------------------------------------------------------------

void Fsm::note(Actions& actions, Event event) {
    ++counts_[static_cast<std::size_t>(event)];
    actions.push({.kind = Action::Kind::note, .event = event});
}

void Fsm::enter(Actions& actions, Instant now, State state, Event reason) {
    if (split_brain_.suspect())
        note(actions, Event::split_brain_ended);
    split_brain_.reset();
    preempt_allowed_.reset();
    state_ = state;
    reason_ = reason;
    since_ = now;
    ++counts_[static_cast<std::size_t>(reason)];
    actions.push({.kind = Action::Kind::transition, .event = reason});
}

// RFC 9568 6.4.1.
void Fsm::begin(Actions& actions, Instant now, Event reason) {
    const bool first = std::exchange(first_begin_, false);
    const Instant from = std::max(now, deaf_until_);
    const bool owner = is_owner() && !held_until_;
    if (owner && !parameters_.grouped && from == now) {
        enter_master(actions, now, Event::owner);
        return;
    }
    master_interval_ = parameters_.advert_interval;
    enter_backup(actions, now, reason);
    if (owner) {
        wait(from, Wait::none, Event::owner);
        expired_ = from == now;
    } else {
        const bool eager = first && parameters_.grouped && parameters_.initial_master;
        wait(from, eager ? Wait::one_advert_least_skew : Wait::full, Event::master_silent);
    }
}

void Fsm::enter_backup(Actions& actions, Instant now, Event reason) {
    enter(actions, now, State::backup, reason);
    actions.push({.kind = Action::Kind::remove_vips});
    master_address_.reset();
    master_priority_ = 0;
    rogue_owner_.reset();
    expired_ = false;
}

void Fsm::enter_fault(Actions& actions, Instant now, FaultSource source) {
    enter(actions, now, State::fault,
          source == FaultSource::instance ? Event::fault : Event::group_fault);
    actions.push({.kind = Action::Kind::remove_vips});
    master_address_.reset();
}

void Fsm::enter_master(Actions& actions, Instant now, Event reason) {
    held_until_.reset();
    gave_way_ = false;
    expired_ = false;
    master_interval_ = parameters_.advert_interval;
    master_address_ = own_address_;
    master_priority_ = effective_priority();
    last_election_.reset();
    // The advert first: it stops the other backups, and costs nothing to be early.
    advertise(actions, now);
    enter(actions, now, State::master, reason);
    actions.push({.kind = Action::Kind::add_vips});
    actions.push({.kind = Action::Kind::send_garps, .event = reason});
}

// The VIPs go before the others are told, so that no two routers ever answer for them.
void Fsm::leave_master(Actions& actions) {
    if (state_ != State::master)
        return;
    actions.push({.kind = Action::Kind::remove_vips});
    actions.push({.kind = Action::Kind::send_advert, .priority = priority_resign});
}

}  // namespace headgate::vrrp
