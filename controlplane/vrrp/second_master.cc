#include "controlplane/vrrp/second_master.h"

namespace headgate::vrrp {

namespace {

// Of another owner, so many adverts and so much time (in tenths of the interval) are no accident.
constexpr int rogue_adverts_max = 2;
constexpr int rogue_patience_tenths = 12;

}  // namespace

bool SplitBrain::heard(Instant now, const IpAddress& other, std::uint8_t priority, Duration bound) {
    if (!suspect_ || now - last_ > bound_) {
        begun_ = false;
        suspect_ = {.other = other, .priority = priority, .since = now};
    }
    suspect_->other = other;
    suspect_->priority = priority;
    last_ = now;
    bound_ = bound;
    if (begun_ || now - suspect_->since <= bound)
        return false;
    begun_ = true;
    return true;
}

bool SplitBrain::expire(Instant now) {
    if (!begun_ || now <= last_ + bound_)
        return false;
    reset();
    return true;
}

std::optional<Instant> SplitBrain::deadline() const {
    // Past the bound, as heard() counts it.
    return begun_ ? std::optional(last_ + bound_ + Duration(1)) : std::nullopt;
}

bool RogueOwner::heard(Instant now, Duration advert_interval, Duration master_down_interval) {
    if (num_adverts_ == 0 || now - last_ > master_down_interval) {
        num_adverts_ = 0;
        first_ = now;
    }
    last_ = now;
    ++num_adverts_;
    return num_adverts_ > rogue_adverts_max &&
           now - first_ > advert_interval * rogue_patience_tenths / 10;
}

}  // namespace headgate::vrrp
