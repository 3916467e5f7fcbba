// What a router makes of a second master. Pure; parts of Fsm.
#pragma once

#include <cstdint>
#include <optional>

#include "common/clock.h"
#include "common/net.h"

namespace headgate::vrrp {

// A master that hears a weaker one expects it to yield to the next advert that gets through. When
// the weaker one is still heard after a whole master down interval, it does not hear us, or does
// not obey: two masters live beside each other.
class SplitBrain {
public:
    struct Suspect {
        IpAddress other;  // the master that should not be
        std::uint8_t priority = 0;
        Instant since{};  // its first advert
        bool operator==(const Suspect&) const = default;
    };

    // An advert of a master that should have yielded. `bound`: for how long the protocol lets two
    // masters be, which is also how long silence takes to end the suspicion. True: it begins.
    bool heard(Instant now, const IpAddress& other, std::uint8_t priority, Duration bound);
    // True: the suspicion has ended. Call it at deadline() or later; early calls do nothing.
    bool expire(Instant now);
    void reset() { *this = SplitBrain{}; }

    [[nodiscard]] std::optional<Suspect> suspect() const {
        return begun_ ? suspect_ : std::nullopt;
    }
    [[nodiscard]] std::optional<Instant> deadline() const;

private:
    std::optional<Suspect> suspect_;  // also before the suspicion has begun
    bool begun_ = false;
    Instant last_{};
    Duration bound_{};
};

// Two routers of priority 255 have the same addresses and both answer for them. The one with the
// lower address is to yield; when it goes on, the other one has to, or nobody would.
class RogueOwner {
public:
    // An advert of the other owner, which is to yield. True: it does not.
    bool heard(Instant now, Duration advert_interval, Duration master_down_interval);
    void reset() { *this = RogueOwner{}; }

private:
    int num_adverts_ = 0;  // in a row
    Instant first_{};
    Instant last_{};
};

}  // namespace headgate::vrrp
