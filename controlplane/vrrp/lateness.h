// AdvertLateness: how long after their time adverts went out. A backup takes over when they are
// later than it waits for, so this is how near the machine is to a failover that nobody wanted.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>

#include "common/clock.h"

namespace headgate::vrrp {

struct AdvertLateness {
    // Of the buckets, upwards; the bucket behind the last one is for all that is later.
    static constexpr std::array<Duration, 5> bounds{
        std::chrono::microseconds(100), std::chrono::milliseconds(1), std::chrono::milliseconds(10),
        std::chrono::milliseconds(100), std::chrono::seconds(1)};

    std::array<std::uint64_t, bounds.size() + 1> counts{};  // by bucket, each advert in one
    Duration sum{};
    Duration worst{};

    // Requires: not negative.
    void add(Duration lateness);
    bool operator==(const AdvertLateness&) const = default;
};

}  // namespace headgate::vrrp
