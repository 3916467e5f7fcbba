#include "controlplane/bfd/session.h"

#include <algorithm>

#include "common/check.h"

namespace headgate::bfd {

Session::Session(const Parameters& parameters, std::uint32_t discriminator, Random& random,
                 Instant now)
    : parameters_(parameters), discriminator_(discriminator), random_(random) {
    check(discriminator != 0, "a session has a discriminator");
    check(parameters.detect_multiplier != 0, "a session has a detection multiplier");
    used_min_tx_ = announced_min_tx_ = desired_min_tx();
    used_min_rx_ = announced_min_rx_ = parameters_.min_rx;
    // The first packet goes at once: the peer may be waiting for nothing else.
    last_tx_ = now - tx_interval();
    schedule(now);
}

// ---- events -------------------------------------------------------------------------------------

Effects Session::on_packet(Instant now, const ControlPacket& packet) {
    Effects effects;
    if (state_ == State::admin_down)
        return effects;
    take_over(packet);
    last_heard_ = now;
    const State next = next_state(packet.state);
    if (next != state_) {
        const bool is_fall = next == State::down;
        effects.transition = enter(next, is_fall ? Diagnostic::neighbor_down : Diagnostic::none);
    }
    silence_ends_ = now + detection_time();
    if (packet.poll) {
        effects.send = send_now(now, true);
    } else if (effects.transition && may_send_periodically()) {
        // RFC 5880 6.8.7: news does not wait for its turn.
        effects.send = send_now(now, false);
    } else {
        schedule(now);
    }
    return effects;
}

Effects Session::on_deadline(Instant now) {
    Effects effects;
    if (silence_ends_ && *silence_ends_ <= now) {
        silence_ends_.reset();
        remote_discriminator_ = 0;
        remote_state_ = State::down;
        remote_demand_ = false;
        if (state_ == State::init || state_ == State::up) {
            effects.transition = enter(State::down, Diagnostic::detection_time_expired);
            if (may_send_periodically())
                effects.send = send_now(now, false);
            else
                schedule(now);
            return effects;
        }
        schedule(now);
    }
    if (next_tx_ && *next_tx_ <= now)
        effects.send = send_now(now, false);
    return effects;
}

Effects Session::reconfigure(Instant now, const Parameters& parameters) {
    Effects effects;
    if (parameters == parameters_ || state_ == State::admin_down)
        return effects;
    parameters_ = parameters;
    poll_if_changed();
    if (may_send_periodically())
        effects.send = send_now(now, false);
    else
        schedule(now);
    return effects;
}

Effects Session::shut_down() {
    Effects effects;
    if (state_ == State::admin_down)
        return effects;
    // A passive one that was never spoken to has nobody to tell.
    const bool has_peer = remote_discriminator_ != 0 || !parameters_.passive;
    effects.transition = enter(State::admin_down, Diagnostic::administratively_down);
    polling_ = false;
    next_tx_.reset();
    silence_ends_.reset();
    if (has_peer)
        effects.send = make_packet(false);
    return effects;
}

std::optional<Instant> Session::deadline() const {
    if (next_tx_ && silence_ends_)
        return std::min(*next_tx_, *silence_ends_);
    return next_tx_ ? next_tx_ : silence_ends_;
}

// ---- states -------------------------------------------------------------------------------------

// RFC 5880 6.8.6, the part about the state variables.
void Session::take_over(const ControlPacket& packet) {
    remote_discriminator_ = packet.my_discriminator;
    remote_state_ = packet.state;
    remote_diagnostic_ = packet.diagnostic;
    remote_demand_ = packet.demand;
    remote_min_rx_ = packet.required_min_rx;
    remote_min_tx_ = packet.desired_min_tx;
    remote_multiplier_ = packet.detect_multiplier;
    if (packet.final && polling_) {
        polling_ = false;
        used_min_tx_ = announced_min_tx_;
        used_min_rx_ = announced_min_rx_;
        poll_if_changed();  // what has changed again since
    }
}

State Session::next_state(State heard) const {
    switch (state_) {
        case State::down:
            if (heard == State::down)
                return State::init;
            return heard == State::init ? State::up : State::down;
        case State::init:
            if (heard == State::admin_down)
                return State::down;
            return heard == State::down ? State::init : State::up;
        case State::up:
            return heard == State::admin_down || heard == State::down ? State::down : State::up;
        case State::admin_down:
            break;
    }
    return state_;
}

// Always true, for the caller's Effects.
bool Session::enter(State state, Diagnostic diagnostic) {
    state_ = state;
    diagnostic_ = diagnostic;
    poll_if_changed();
    return true;
}

// Announces the times that hold from now on, and finds out which of them may be used at once. A
// peer that is not up has no timer running on the old ones.
void Session::poll_if_changed() {
    const Microseconds min_tx = desired_min_tx();
    const Microseconds min_rx = parameters_.min_rx;
    const bool is_changed = min_tx != announced_min_tx_ || min_rx != announced_min_rx_;
    announced_min_tx_ = min_tx;
    announced_min_rx_ = min_rx;
    if (state_ != State::up) {
        polling_ = false;
        used_min_tx_ = min_tx;
        used_min_rx_ = min_rx;
        return;
    }
    polling_ = polling_ || is_changed;
    // Sending faster, and waiting longer, do no harm before the peer knows.
    used_min_tx_ = std::min(used_min_tx_, min_tx);
    used_min_rx_ = std::max(used_min_rx_, min_rx);
}

// ---- times --------------------------------------------------------------------------------------

// RFC 5880 6.8.3: not less than a second while the session is not up, so that a peer that is not
// there is not flooded.
Microseconds Session::desired_min_tx() const {
    return state_ == State::up ? parameters_.min_tx
                               : std::max(parameters_.min_tx, parameters_.idle_tx);
}

Duration Session::tx_interval() const {
    return std::max(used_min_tx_, remote_min_rx_);
}

Duration Session::detection_time() const {
    return Duration(std::max(used_min_rx_, remote_min_tx_)) * remote_multiplier_;
}

// RFC 5880 6.8.7.
bool Session::may_send_periodically() const {
    if (state_ == State::admin_down || (parameters_.passive && remote_discriminator_ == 0))
        return false;
    if (remote_min_rx_ == Microseconds(0))
        return false;
    const bool is_demand_active =
        remote_demand_ && state_ == State::up && remote_state_ == State::up;
    return !is_demand_active || polling_;
}

ControlPacket Session::make_packet(bool is_final) {
    return {.state = state_,
            .diagnostic = diagnostic_,
            // A packet cannot have both; the poll goes on with the next one.
            .poll = polling_ && !is_final,
            .final = is_final,
            .control_plane_independent = false,
            .demand = false,
            .detect_multiplier = parameters_.detect_multiplier,
            .my_discriminator = discriminator_,
            .your_discriminator = remote_discriminator_,
            .desired_min_tx = announced_min_tx_,
            .required_min_rx = announced_min_rx_,
            .required_min_echo_rx = Microseconds(0)};
}

ControlPacket Session::send_now(Instant now, bool is_final) {
    last_tx_ = now;
    next_tx_.reset();
    schedule(now);
    return make_packet(is_final);
}

// Sets or moves the time of the next periodic packet, if what it depends on has changed. Intervals
// are shortened by up to a quarter at random, and with a multiplier of 1, where every packet
// counts, by at least a tenth (RFC 5880 6.8.7).
void Session::schedule(Instant now) {
    if (!may_send_periodically()) {
        next_tx_.reset();
        return;
    }
    const Duration interval = tx_interval();
    if (next_tx_ && interval == scheduled_interval_)
        return;
    scheduled_interval_ = interval;
    const int shortest = 750;
    const int longest = parameters_.detect_multiplier == 1 ? 900 : 1000;
    std::uniform_int_distribution<int> permille(shortest, longest);
    next_tx_ = std::max(now, last_tx_ + interval / 1000 * permille(random_));
}

}  // namespace headgate::bfd
