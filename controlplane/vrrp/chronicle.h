// Chronicle: what an instance remembers for those who ask why: its last transitions, and
// whom it heard last. Bounded, whatever the peers do. VRRP thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

class Chronicle {
public:
    // `reason`: as it is shown.
    void entered(Instant now, State state, std::string reason);
    // An advert of another router that was not refused.
    void heard(Instant now, const IpAddress& source, std::uint8_t priority);
    void resigned() { ++num_zero_sent_; }

    // Fills in what is remembered. `now` and `wall_now` are the same moment.
    void fill(InstanceStatus& status, Instant now,
              std::chrono::system_clock::time_point wall_now) const;

private:
    struct Entry {
        Instant when{};
        State from = State::init;
        State to = State::init;
        std::string reason;
    };
    struct Heard {
        Instant when{};
        IpAddress source;
        std::uint8_t priority = 0;
        bool resigned = false;
    };

    State state_ = State::init;
    std::deque<Entry> entries_;  // the oldest first
    std::optional<Heard> heard_;
    std::uint64_t num_released_ = 0;
    std::uint64_t num_zero_received_ = 0;
    std::uint64_t num_zero_sent_ = 0;
};

// The time on the wall of an earlier or later moment on the other clock.
[[nodiscard]] std::int64_t unix_ms_of(Instant when, Instant now,
                                      std::chrono::system_clock::time_point wall_now);

}  // namespace headgate::vrrp
