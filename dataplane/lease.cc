#include "dataplane/lease.h"

namespace headgate::dataplane {

Lease::Lease(bool standalone, Instant now) {
    if (!standalone)
        lost_at_ = now;
}

void Lease::control_applied(std::chrono::seconds lease) {
    lease_ = lease;
    lost_at_.reset();
    idle_since_.reset();
}

void Lease::control_lost(Instant now) {
    lost_at_ = now;
}

bool Lease::expired(Instant now) const {
    return lost_at_ && now - *lost_at_ >= lease_;
}

bool Lease::should_exit(bool any_active, Instant now) {
    if (any_active || !expired(now)) {
        idle_since_.reset();
        return false;
    }
    if (!idle_since_)
        idle_since_ = now;
    return now - *idle_since_ >= exit_after;
}

}  // namespace headgate::dataplane
