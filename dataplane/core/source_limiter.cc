#include "dataplane/core/source_limiter.h"

namespace headgate::dataplane {

bool SourceLimiter::take(const WideAddress& prefix, std::uint32_t per_second, Tick now) {
    const std::uint64_t hash = hash_flow(prefix, 0, seed_);
    Set& set = sets_[static_cast<std::size_t>(hash % sets)];
    const auto tag = static_cast<std::uint32_t>(hash >> 32U);
    // Of this second; those of others count for nothing.
    const auto count = [&](std::size_t way) {
        return set.seconds[way] == now ? std::uint32_t{set.counts[way]} : 0;
    };
    std::size_t place = 0;
    for (std::size_t way = 0; way < ways; ++way) {
        if (set.tags[way] == tag && set.counts[way] > 0) {
            place = way;
            break;
        }
        if (count(way) < count(place))
            place = way;
    }
    const std::uint32_t taken = set.tags[place] == tag ? count(place) : 0;
    if (taken >= per_second)
        return false;
    set.tags[place] = tag;
    set.seconds[place] = now;
    set.counts[place] = static_cast<std::uint16_t>(taken + 1);
    return true;
}

}  // namespace headgate::dataplane
