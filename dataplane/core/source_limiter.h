// SourceLimiter: how many connections each prefix of clients has begun in this second.
// Worker-local; bounded and allocated at construction; pure.
//
// Sets of six ways, one cache line each. A prefix is exact as long as at most six of its set have
// opened connections in this second. Then the one with the fewest makes room, so that a flood from
// random addresses displaces no heavy one. A prefix that was displaced starts again from zero: it
// may get more than its limit. None gets less, unless 32 bits of a secret hash and its set are
// those of another. Rejected: a count-min sketch, which never gives a prefix more but charges it
// for others: a flood from random addresses would limit everybody.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/core/hash.h"
#include "dataplane/core/tick.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

class SourceLimiter {
public:
    static constexpr std::uint32_t limit_max = 0xffff;
    // 256 KB for 24 576 prefixes in a second.
    static constexpr std::size_t sets = 4096;
    static constexpr std::size_t ways = 6;

    explicit SourceLimiter(const HashSeed& seed) : seed_(seed), sets_(sets) {}

    // Counts a connection of `prefix`; false, and nothing counted, when it has had `per_second`
    // of them in this second. Requires: per_second <= limit_max.
    bool take(const WideAddress& prefix, std::uint32_t per_second, Tick now);
    // What take() would return.
    [[nodiscard]] bool has(const WideAddress& prefix, std::uint32_t per_second, Tick now) const {
        return find(prefix, now).taken < per_second;
    }

private:
    struct alignas(64) Set {
        std::array<std::uint32_t, ways> tags{};
        std::array<Tick, ways> seconds{};
        std::array<std::uint16_t, ways> counts{};  // of that second; 0: the way was never used
    };
    static_assert(sizeof(Set) == 64, "one cache line per set");

    // Where the prefix is counted, or will be.
    struct Place {
        std::size_t set = 0;
        std::size_t way = 0;
        std::uint32_t tag = 0;
        std::uint32_t taken = 0;
    };
    [[nodiscard]] Place find(const WideAddress& prefix, Tick now) const;

    HashSeed seed_;
    std::vector<Set> sets_;
};

}  // namespace headgate::dataplane
