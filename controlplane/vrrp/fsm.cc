#include "controlplane/vrrp/fsm.h"

#include <algorithm>
#include <utility>

namespace headgate::vrrp {

namespace {

// RFC 9568 6.1: the backup waits for three adverts to be missing.
constexpr int adverts_missed_max = 3;
// Whoever holds back waits as the weakest router would.
constexpr std::uint8_t priority_held = 1;

}  // namespace

std::string_view to_string(State state) {
    static constexpr std::array<std::string_view, 4> names{"INIT", "BACKUP", "MASTER", "FAULT"};
    return names[static_cast<std::size_t>(state)];
}

std::string_view describe(Event event) {
    static constexpr std::array sentences{
#define HEADGATE_WORDS(name, words) std::string_view(words),
        HEADGATE_VRRP_EVENTS(HEADGATE_WORDS)
#undef HEADGATE_WORDS
    };
    return sentences[static_cast<std::size_t>(event)];
}

// RFC 3768 6.1: a share of a second, whatever the interval. RFC 9568 6.1: a share of the interval.
Duration Fsm::skew() const {
    const Duration unit =
        parameters_.version == 2 ? Duration(std::chrono::seconds(1)) : master_interval_;
    const std::uint8_t priority = held_until_ ? priority_held : parameters_.priority;
    return unit * (256 - priority) / 256;
}

Duration Fsm::master_down_interval() const {
    return adverts_missed_max * master_interval_ + skew();
}

Duration Fsm::patience() const {
    switch (wait_) {
        case Wait::full:
            return master_down_interval();
        case Wait::skew_only:
            return skew();
        case Wait::one_advert:
            return master_interval_ + skew();
    }
    return {};
}

std::optional<Instant> Fsm::deadline() const {
    switch (state_) {
        case State::backup: {
            const Instant expiry = wait_since_ + patience();
            return held_until_ ? std::min(expiry, *held_until_) : expiry;
        }
        case State::master:
            return next_garps_ ? std::min(next_advert_, *next_garps_) : next_advert_;
        case State::init:
        case State::fault:
            break;
    }
    return std::nullopt;
}

Actions Fsm::start(Instant now, const IpAddress& own_address) {
    check(state_ == State::init, "an instance is started once");
    Actions actions;
    own_address_ = own_address;
    begin(actions, now, Event::started);
    return actions;
}

Actions Fsm::start_faulty(Instant now) {
    check(state_ == State::init, "an instance is started once");
    Actions actions;
    enter(actions, now, State::fault, Event::interface_down);
    actions.push({.kind = Action::Kind::remove_vips});
    return actions;
}

Actions Fsm::on_interface_up(Instant now, const IpAddress& own_address) {
    Actions actions;
    own_address_ = own_address;
    if (state_ == State::fault)
        begin(actions, now, Event::interface_up);
    else if (state_ == State::master)
        master_address_ = own_address;
    return actions;
}

Actions Fsm::on_interface_down(Instant now) {
    Actions actions;
    if (state_ != State::backup && state_ != State::master)
        return actions;
    leave_master(actions);
    enter(actions, now, State::fault, Event::interface_down);
    actions.push({.kind = Action::Kind::remove_vips});
    master_address_.reset();
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
        wait(now, Wait::one_advert);
        expiry_reason_ = Event::nobody_took_over;
    }
    held_until_ = until;
    return actions;
}

Actions Fsm::on_advert(Instant now, const Advert& advert) {
    switch (state_) {
        case State::backup:
            return as_backup(now, advert);
        case State::master:
            return as_master(now, advert);
        case State::init:
        case State::fault:
            break;
    }
    return {};
}

// RFC 9568 6.4.2.
Actions Fsm::as_backup(Instant now, const Advert& advert) {
    Actions actions;
    if (advert.priority == priority_resign) {
        // Only ever sooner: a stream of resignations must not put the take-over off.
        if (now + skew() < deadline()) {
            wait(now, Wait::skew_only);
            expiry_reason_ = Event::master_resigned;
            actions.push({.kind = Action::Kind::note, .event = Event::resignation_heard});
        }
        return actions;
    }
    const bool preempts =
        !held_until_ && (parameters_.preempt || parameters_.priority == priority_owner);
    if (preempts && advert.priority < parameters_.priority) {
        // The timer goes on, and fires.
        if (wait_ == Wait::full)
            expiry_reason_ = Event::master_weaker;
        actions.push({.kind = Action::Kind::note, .event = Event::weaker_discarded});
        return actions;
    }
    follow(now, advert);
    return actions;
}

// RFC 9568 6.4.3.
Actions Fsm::as_master(Instant now, const Advert& advert) {
    Actions actions;
    if (advert.priority == priority_resign) {
        // Another master has gone; whoever has followed it is to hear of us before its skew ends.
        advertise(actions, now);
        return actions;
    }
    const bool stronger = advert.priority > parameters_.priority ||
                          (advert.priority == parameters_.priority && advert.source > own_address_);
    if (stronger) {
        enter_backup(actions, now, Event::higher_priority_heard);
        follow(now, advert);
        return actions;
    }
    // One answer per half interval is enough for any router that follows the protocol, and keeps
    // one that does not from using us to flood the network with ARP.
    if (last_election_ && now - *last_election_ < parameters_.advert_interval / 2)
        return actions;
    last_election_ = now;
    actions.push({.kind = Action::Kind::note, .event = Event::forcing_election});
    advertise(actions, now);
    announce(actions, now);
    return actions;
}

Actions Fsm::on_deadline(Instant now) {
    Actions actions;
    if (held_until_ && now >= *held_until_)
        held_until_.reset();
    if (state_ == State::backup && now >= deadline()) {
        enter_master(actions, now, expiry_reason_);
    } else if (state_ == State::master) {
        if (now >= next_advert_) {
            const Instant due = next_advert_;
            advertise(actions, now);
            // From the time it was due, so that lateness does not add up; unless a whole interval
            // was lost, which a burst of adverts would not bring back.
            if (due + parameters_.advert_interval > now)
                next_advert_ = due + parameters_.advert_interval;
        }
        if (next_garps_ && now >= *next_garps_) {
            next_garps_.reset();
            actions.push({.kind = Action::Kind::send_garps});
        }
    }
    return actions;
}

Actions Fsm::reconfigure(Instant now, const Parameters& parameters, bool group_changed) {
    Actions actions;
    const Parameters previous = std::exchange(parameters_, parameters);
    // What was learned from the master stays, where the version lets a router learn it.
    const bool learned = master_address_ && previous.version == 3 && parameters.version == 3;
    if (state_ == State::master || !learned)
        master_interval_ = parameters_.advert_interval;
    if (state_ != State::master)
        return actions;
    master_priority_ = parameters_.priority;
    if (group_changed || previous.priority != parameters_.priority)
        advertise(actions, now);
    if (group_changed) {
        actions.push({.kind = Action::Kind::add_vips});
        announce(actions, now);
    }
    return actions;
}

void Fsm::enter(Actions& actions, Instant now, State state, Event reason) {
    state_ = state;
    reason_ = reason;
    since_ = now;
    actions.push({.kind = Action::Kind::transition, .event = reason});
}

// RFC 9568 6.4.1.
void Fsm::begin(Actions& actions, Instant now, Event reason) {
    if (parameters_.priority == priority_owner && !held_until_) {
        enter_master(actions, now, Event::owner);
        return;
    }
    master_interval_ = parameters_.advert_interval;
    enter_backup(actions, now, reason);
    wait(now, Wait::full);
    expiry_reason_ = Event::master_silent;
}

void Fsm::enter_backup(Actions& actions, Instant now, Event reason) {
    enter(actions, now, State::backup, reason);
    actions.push({.kind = Action::Kind::remove_vips});
    master_address_.reset();
    master_priority_ = 0;
}

void Fsm::enter_master(Actions& actions, Instant now, Event reason) {
    held_until_.reset();
    master_interval_ = parameters_.advert_interval;
    master_address_ = own_address_;
    master_priority_ = parameters_.priority;
    last_election_.reset();
    // The advert first: it stops the other backups, and costs nothing to be early.
    advertise(actions, now);
    enter(actions, now, State::master, reason);
    actions.push({.kind = Action::Kind::add_vips});
    announce(actions, now);
}

// The VIPs go before the others are told, so that no two routers ever answer for them.
void Fsm::leave_master(Actions& actions) {
    if (state_ != State::master)
        return;
    actions.push({.kind = Action::Kind::remove_vips});
    actions.push({.kind = Action::Kind::send_advert, .priority = priority_resign});
}

void Fsm::follow(Instant now, const Advert& advert) {
    master_address_ = advert.source;
    master_priority_ = advert.priority;
    master_interval_ =
        parameters_.version == 2 ? parameters_.advert_interval : advert.advert_interval;
    wait(now, Wait::full);
    expiry_reason_ = Event::master_silent;
}

void Fsm::wait(Instant now, Wait wait) {
    wait_since_ = now;
    wait_ = wait;
}

void Fsm::advertise(Actions& actions, Instant now) {
    actions.push({.kind = Action::Kind::send_advert, .priority = parameters_.priority});
    next_advert_ = now + parameters_.advert_interval;
}

void Fsm::announce(Actions& actions, Instant now) {
    actions.push({.kind = Action::Kind::send_garps});
    next_garps_.reset();
    if (parameters_.garp_delay > Duration::zero())
        next_garps_ = now + parameters_.garp_delay;
}

}  // namespace headgate::vrrp
