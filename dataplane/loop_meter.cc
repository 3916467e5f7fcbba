#include "dataplane/loop_meter.h"

#include <algorithm>
#include <bit>

namespace headgate::dataplane {

void LoopMeter::add(Duration took) {
    const auto ns = static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0));
    busy_ns_.add(ns);
    // Rounded up, so that what is a little longer than the bound is above it.
    const std::uint64_t us = (ns + 999) / 1000;
    const auto bucket = us == 0 ? 0 : static_cast<std::size_t>(std::bit_width(us - 1));
    turns_[std::min(bucket, buckets - 1)].add(1);
}

bool LoopMeter::begin(Instant now) {
    if (begun_ && now - second_began_ < std::chrono::seconds(1))
        return false;
    const std::uint64_t busy_ns = busy_ns_.get();
    const bool measured = begun_;
    if (measured) {
        const auto passed_ns = static_cast<std::uint64_t>((now - second_began_).count());
        permille_.set(
            std::min<std::uint64_t>((busy_ns - busy_before_ns_) * 1000 / passed_ns, 1000));
    }
    begun_ = true;
    second_began_ = now;
    busy_before_ns_ = busy_ns;
    return measured;
}

}  // namespace headgate::dataplane
