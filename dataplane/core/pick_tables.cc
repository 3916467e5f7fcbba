// The round of smooth weighted round robin, the buckets of sh and dh, and the Maglev table.
//
// Buckets are filled from the last destination of the configuration to the first: IPVS puts a new
// destination in front of the others, so this is how they lie in the kernel after keepalived has
// added them in their order. There, one that is removed and added again comes to the front; here it
// keeps its place.
#include "dataplane/core/pick_tables.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "common/check.h"
#include "dataplane/core/ipvs_hash.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {
namespace {

// Primes. IPVS has the first, which gives 40 destinations a hundred entries each; a table must not
// change its size with every destination that comes or goes, or all clients would change theirs.
constexpr std::uint32_t maglev_size = 4093;
constexpr std::uint32_t maglev_size_large = 65521;
constexpr std::size_t maglev_large_from = 1024;
// The turns of a destination in a row are below this power of two: half the bits of the default
// table, as in IPVS.
constexpr int maglev_turn_bits = 6;

bool ignores_weights(Scheduler scheduler) {
    return scheduler == Scheduler::rr || scheduler == Scheduler::lc || scheduler == Scheduler::dh;
}

std::uint32_t weight_of(const PickInput& input, const PickCandidate& candidate) {
    return ignores_weights(input.scheduler) ? std::min(candidate.weight, 1U) : candidate.weight;
}

// A destination with a place in a table of hashes, the first in line first.
struct Place {
    ChoiceIndex choice = closed_choice;
    Endpoint endpoint;
    std::uint32_t weight = 0;
};

std::vector<Choice> list_choices(const PickInput& input) {
    std::vector<Choice> choices;
    for (const PickCandidate& candidate : input.candidates) {
        if (candidate.takes_connections())
            choices.push_back({candidate.load.get(), candidate.slot, weight_of(input, candidate)});
    }
    return choices;
}

std::vector<Place> list_places(const PickInput& input) {
    std::vector<Place> places;
    ChoiceIndex next = 0;
    for (const PickCandidate& candidate : input.candidates) {
        const ChoiceIndex choice = candidate.takes_connections() ? next++ : closed_choice;
        places.push_back({choice, candidate.endpoint, weight_of(input, candidate)});
    }
    std::ranges::reverse(places);
    return places;
}

std::uint32_t common_divisor(const auto& weighted) {
    std::uint32_t divisor = 0;
    for (const auto& item : weighted)
        divisor = std::gcd(divisor, item.weight);
    return divisor;
}

// The weights divided by their greatest common divisor, scaled down when the round is too long.
std::vector<std::uint64_t> round_shares(const std::vector<Choice>& choices) {
    const std::uint64_t divisor = common_divisor(choices);
    check(divisor > 0, "a choice has a weight");
    std::uint64_t total = 0;
    for (const Choice& choice : choices)
        total += choice.weight;
    std::vector<std::uint64_t> shares;
    shares.reserve(choices.size());
    for (const Choice& choice : choices) {
        const bool fits = total / divisor <= sequence_max;
        const std::uint64_t share =
            fits ? choice.weight / divisor : std::uint64_t{choice.weight} * sequence_max / total;
        shares.push_back(std::max<std::uint64_t>(share, 1));
    }
    return shares;
}

// Smooth weighted round robin: each turn everyone gains its share, the richest takes the turn and
// pays for the whole round. IPVS's wrr gives the same shares in runs.
std::vector<ChoiceIndex> smooth_turns(const std::vector<std::uint64_t>& shares) {
    const std::uint64_t round = std::reduce(shares.begin(), shares.end());
    std::vector<ChoiceIndex> turns;
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
        turns.push_back(static_cast<ChoiceIndex>(richest - credit.begin()));
    }
    return turns;
}

std::vector<ChoiceIndex> heaviest_first(const std::vector<Choice>& choices) {
    std::vector<ChoiceIndex> order(choices.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, std::ranges::greater{},
                             [&choices](ChoiceIndex index) { return choices[index].weight; });
    return order;
}

// As many buckets in a row as the weight says, but at least one, again and again.
std::vector<ChoiceIndex> fill_source_hash(const std::vector<Place>& places) {
    std::vector<ChoiceIndex> buckets;
    buckets.reserve(std::size_t{1} << source_hash_bits);
    std::size_t at = 0;
    std::uint32_t run = 0;
    while (buckets.size() < buckets.capacity()) {
        buckets.push_back(places[at].choice);
        if (++run < places[at].weight)
            continue;
        run = 0;
        at = (at + 1) % places.size();
    }
    return buckets;
}

std::uint32_t fold(const Endpoint& endpoint) {
    return fold_address(wide(endpoint.address)) + endpoint.port;
}

// Every destination walks its own permutation of the table and takes the next free entry whenever
// it is its turn; it has as many turns in a row as its weight says, those of weight 0 have none.
std::vector<ChoiceIndex> fill_maglev(const std::vector<Place>& places) {
    const std::uint32_t size = places.size() < maglev_large_from ? maglev_size : maglev_size_large;
    const std::uint32_t divisor = common_divisor(places);
    if (divisor == 0)
        return {};
    const std::uint32_t heaviest = std::ranges::max(places, {}, &Place::weight).weight / divisor;
    const int shift = std::max(static_cast<int>(std::bit_width(heaviest)) - maglev_turn_bits, 0);
    constexpr ChoiceIndex unset = closed_choice - 1;
    struct Walk {
        std::uint32_t at;
        std::uint32_t step;
        std::uint32_t turns;
    };
    std::vector<Walk> walks;
    walks.reserve(places.size());
    for (const Place& place : places) {
        const std::uint32_t turns = std::max((place.weight / divisor) >> shift, 1U);
        walks.push_back({sip_hash(fold(place.endpoint), maglev_entry_key) % size,
                         sip_hash(fold(place.endpoint), maglev_step_key) % (size - 1) + 1,
                         place.weight == 0 ? 0 : turns});
    }
    std::vector<ChoiceIndex> table(size, unset);
    for (std::uint32_t filled = 0; filled < size;) {
        for (std::size_t index = 0; index < places.size(); ++index) {
            auto& [at, step, turns] = walks[index];
            for (std::uint32_t turn = 0; turn < turns && filled < size; ++turn, ++filled) {
                while (table[at] != unset)
                    at = (at + step) % size;
                table[at] = places[index].choice;
            }
        }
    }
    return table;
}

}  // namespace

PickTables build_pick_tables(PickInput input) {
    PickTables tables;
    tables.choices = list_choices(input);
    if (!tables.choices.empty()) {
        switch (input.scheduler) {
            case Scheduler::rr:
            case Scheduler::wrr:
            case Scheduler::twos:
                tables.sequence = smooth_turns(round_shares(tables.choices));
                break;
            case Scheduler::fo:
            case Scheduler::ovf:
                tables.by_weight = heaviest_first(tables.choices);
                break;
            case Scheduler::sh:
            case Scheduler::dh:
                tables.buckets = fill_source_hash(list_places(input));
                break;
            case Scheduler::mh:
                tables.buckets = fill_maglev(list_places(input));
                break;
            default:  // the others search
                break;
        }
        if (!is_hashing(input.scheduler)) {
            std::vector<Place> open = list_places(input);
            std::erase_if(open, [](const Place& place) { return place.choice == closed_choice; });
            tables.maglev = fill_maglev(open);
        }
    }
    tables.input = std::move(input);
    return tables;
}

}  // namespace headgate::dataplane
