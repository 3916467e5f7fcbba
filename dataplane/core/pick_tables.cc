// The round of smooth weighted round robin, and the Maglev table filled by the same turns.
#include "dataplane/core/pick_tables.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "common/check.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {
namespace {

// Primes. The first gives 40 destinations a hundred entries each; a table must not change its size
// with every destination that comes or goes, or all clients would change theirs.
constexpr std::size_t maglev_size = 4093;
constexpr std::size_t maglev_size_large = 65537;
constexpr std::size_t maglev_large_from = 1024;

// The weights divided by their greatest common divisor, scaled down when the round is too long.
std::vector<std::uint64_t> round_shares(const std::vector<PickCandidate>& candidates) {
    std::uint64_t divisor = 0;
    std::uint64_t total = 0;
    for (const PickCandidate& candidate : candidates) {
        divisor = std::gcd(divisor, std::uint64_t{candidate.weight});
        total += candidate.weight;
    }
    check(divisor > 0, "a candidate has a weight");
    std::vector<std::uint64_t> shares;
    shares.reserve(candidates.size());
    for (const PickCandidate& candidate : candidates) {
        const bool fits = total / divisor <= sequence_max;
        const std::uint64_t share = fits ? candidate.weight / divisor
                                         : std::uint64_t{candidate.weight} * sequence_max / total;
        shares.push_back(std::max<std::uint64_t>(share, 1));
    }
    return shares;
}

// Smooth weighted round robin: each turn everyone gains its share, the richest takes the turn and
// pays for the whole round.
std::vector<std::uint32_t> smooth_turns(const std::vector<std::uint64_t>& shares) {
    const std::uint64_t round = std::reduce(shares.begin(), shares.end());
    std::vector<std::uint32_t> turns;
    if (round == shares.size()) {  // all equal: in order, and without the quadratic work
        turns.resize(shares.size());
        std::iota(turns.begin(), turns.end(), 0);
        return turns;
    }
    std::vector<std::int64_t> credit(shares.size(), 0);
    turns.reserve(round);
    for (std::uint64_t turn = 0; turn < round; ++turn) {
        for (std::size_t index = 0; index < shares.size(); ++index)
            credit[index] += static_cast<std::int64_t>(shares[index]);
        const auto richest = std::ranges::max_element(credit);
        *richest -= static_cast<std::int64_t>(round);
        turns.push_back(static_cast<std::uint32_t>(richest - credit.begin()));
    }
    return turns;
}

// Every destination walks its own permutation of the table and takes the next free entry whenever
// it is its turn; the turns follow the weights.
std::vector<Slot> fill_maglev(const std::vector<PickCandidate>& candidates,
                              const std::vector<std::uint32_t>& turns) {
    const std::size_t size =
        candidates.size() < maglev_large_from ? maglev_size : maglev_size_large;
    struct Walk {
        std::size_t at;
        std::size_t step;
    };
    std::vector<Walk> walks;
    walks.reserve(candidates.size());
    for (const PickCandidate& candidate : candidates) {
        // A fixed seed: every node must build the same table.
        const std::uint64_t hash =
            hash_flow(wide(candidate.endpoint.address), candidate.endpoint.port, HashSeed{});
        walks.push_back({(hash >> 32U) % size, (hash & 0xffffffffU) % (size - 1) + 1});
    }
    std::vector<Slot> table(size, no_slot);
    for (std::size_t filled = 0; filled < size; ++filled) {
        const std::uint32_t owner = turns[filled % turns.size()];
        Walk& walk = walks[owner];
        while (table[walk.at] != no_slot)
            walk.at = (walk.at + walk.step) % size;
        table[walk.at] = candidates[owner].slot;
    }
    return table;
}

}  // namespace

PickTables build_pick_tables(std::vector<PickCandidate> candidates) {
    PickTables tables;
    if (!candidates.empty()) {
        const std::vector<std::uint32_t> turns = smooth_turns(round_shares(candidates));
        tables.sequence.reserve(turns.size());
        for (const std::uint32_t turn : turns)
            tables.sequence.push_back(candidates[turn].slot);
        tables.maglev = fill_maglev(candidates, turns);
    }
    tables.candidates = std::move(candidates);
    return tables;
}

}  // namespace headgate::dataplane
