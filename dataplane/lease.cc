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
    const std::optional<Instant> end = expires_at();
    return end && now >= *end;
}

std::optional<Instant> Lease::expires_at() const {
    if (!lost_at_)
        return std::nullopt;
    return *lost_at_ + lease_;
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
