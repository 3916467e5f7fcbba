#include "dataplane/core/source_limiter.h"

namespace headgate::dataplane {

SourceLimiter::Place SourceLimiter::find(const WideAddress& prefix, Tick now) const {
    const std::uint64_t hash = hash_flow(prefix, 0, seed_);
    Place found{static_cast<std::size_t>(hash % sets), 0, static_cast<std::uint32_t>(hash >> 32U),
                0};
    const Set& set = sets_[found.set];
    // Of this second; those of others count for nothing.
    const auto count = [&](std::size_t way) {
        return set.seconds[way] == now ? std::uint32_t{set.counts[way]} : 0;
    };
    for (std::size_t way = 0; way < ways; ++way) {
        if (set.tags[way] == found.tag && set.counts[way] > 0) {
            found.way = way;
            break;
        }
        if (count(way) < count(found.way))
            found.way = way;
    }
    found.taken = set.tags[found.way] == found.tag ? count(found.way) : 0;
    return found;
}

bool SourceLimiter::take(const WideAddress& prefix, std::uint32_t per_second, Tick now) {
    const Place place = find(prefix, now);
    if (place.taken >= per_second)
        return false;
    Set& set = sets_[place.set];
    set.tags[place.way] = place.tag;
    set.seconds[place.way] = now;
    set.counts[place.way] = static_cast<std::uint16_t>(place.taken + 1);
    return true;
}

}  // namespace headgate::dataplane
