// One BFD session: the state machine of RFC 5880 section 6.8 in asynchronous mode, without
// authentication and echo. Pure: packets and the time come in, packets to be sent and transitions
// come out, deadline() says when it wants to be called next. It knows no socket and no clock, and
// the randomness that the jitter needs is a parameter, so a simulator runs this very code.
//
//              ┌──────┐  Down heard   ┌──────┐
//    start ───►│ Down │──────────────►│ Init │      Any packet with the state Down or AdminDown, or
//              └──────┘◄── silence ───└──────┘      silence, brings Up back to Down.
//                 │ ▲                     │
//      Init heard │ │ Down heard, silence │ Init or Up heard
//                 ▼ │                     ▼
//              ┌──────────────────────────────┐
//              │              Up              │
//              └──────────────────────────────┘
//
// Invariants: Up is reached only over packets of a peer that has heard us; in Init and in Up there
// is always a deadline, at which silence ends the state; at most one packet leaves per event.
#pragma once

#include <cstdint>
#include <optional>
#include <random>

#include "common/clock.h"
#include "controlplane/bfd/packet.h"

namespace headgate::bfd {

// For jitter and discriminators: good enough, small, and the same everywhere for the same seed.
using Random = std::minstd_rand;

// What the configuration decides. Times are at least one microsecond; the multiplier is not 0.
struct Parameters {
    Microseconds min_tx{};   // how often we want to send once the session is up
    Microseconds min_rx{};   // how often we are willing to receive
    Microseconds idle_tx{};  // how often we send while it is not
    std::uint8_t detect_multiplier = 5;
    bool passive = false;  // speaks only when spoken to
    bool operator==(const Parameters&) const = default;
};

// What an event led to.
struct Effects {
    std::optional<ControlPacket> send;
    bool transition = false;  // state() and diagnostic() have changed
};

class Session {
public:
    // `discriminator` is not 0 and not that of another session here. `random` outlives the session.
    Session(const Parameters& parameters, std::uint32_t discriminator, Random& random, Instant now);

    // A packet that has been found to be for this session.
    Effects on_packet(Instant now, const ControlPacket& packet);
    // Something was due at deadline(). Early calls do nothing.
    Effects on_deadline(Instant now);
    // New parameters on a living session: agreed on with the peer by a poll sequence, without
    // leaving Up.
    Effects reconfigure(Instant now, const Parameters& parameters);
    // The end: tells the peer, so that it need not wait for silence.
    Effects shut_down();

    // Absent: nothing will happen until a packet comes.
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] State remote_state() const { return remote_state_; }
    [[nodiscard]] Diagnostic diagnostic() const { return diagnostic_; }
    [[nodiscard]] Diagnostic remote_diagnostic() const { return remote_diagnostic_; }
    [[nodiscard]] std::uint32_t discriminator() const { return discriminator_; }
    [[nodiscard]] std::uint32_t remote_discriminator() const { return remote_discriminator_; }
    // What lies between two of our packets, before jitter.
    [[nodiscard]] Duration tx_interval() const;
    // The silence that ends the session; zero until the peer was heard.
    [[nodiscard]] Duration detection_time() const;
    [[nodiscard]] const Parameters& parameters() const { return parameters_; }
    // When the last packet of the peer came.
    [[nodiscard]] std::optional<Instant> last_heard() const { return last_heard_; }

private:
    void take_over(const ControlPacket& packet);
    [[nodiscard]] State next_state(State heard) const;
    bool enter(State state, Diagnostic diagnostic);
    void poll_if_changed();
    [[nodiscard]] bool may_send_periodically() const;
    [[nodiscard]] Microseconds desired_min_tx() const;
    ControlPacket make_packet(bool is_final);
    ControlPacket send_now(Instant now, bool is_final);
    void schedule(Instant now);

    Parameters parameters_;
    const std::uint32_t discriminator_;
    Random& random_;

    State state_ = State::down;
    Diagnostic diagnostic_ = Diagnostic::none;

    State remote_state_ = State::down;
    Diagnostic remote_diagnostic_ = Diagnostic::none;
    std::uint32_t remote_discriminator_ = 0;
    Microseconds remote_min_tx_{0};
    Microseconds remote_min_rx_{1};  // RFC 5880 6.8.1: until it has said something else
    std::uint8_t remote_multiplier_ = 0;
    bool remote_demand_ = false;
    std::optional<Instant> last_heard_;

    // A poll sequence is under way: what it announces is in force once the peer has confirmed it.
    bool polling_ = false;
    Microseconds announced_min_tx_{};
    Microseconds announced_min_rx_{};
    // In force until then, where a change may not come earlier (RFC 5880 6.8.3).
    Microseconds used_min_tx_{};
    Microseconds used_min_rx_{};

    Duration scheduled_interval_{};  // the tx_interval() that next_tx_ was computed from
    Instant last_tx_{};
    std::optional<Instant> next_tx_;
    std::optional<Instant> silence_ends_;  // Init and Up end here; Down forgets the peer
};

}  // namespace headgate::bfd
