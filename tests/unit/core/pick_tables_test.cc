// Goal: rounds are exact and smooth, long rounds are bounded, and the Maglev table is fair, stable
// under change, and the same wherever it is built.
#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "dataplane/core/pick_tables.h"

namespace headgate::dataplane {
namespace {

PickInput input(Scheduler scheduler, std::vector<std::uint32_t> weights) {
    PickInput result{scheduler, {}};
    for (std::uint32_t slot = 0; slot < weights.size(); ++slot)
        result.candidates.push_back({slot,
                                     {IpAddress::v4(Be32(0x0a000001U + slot)), 80},
                                     weights[slot],
                                     true,
                                     std::make_shared<DestinationLoad>()});
    return result;
}

std::vector<ChoiceIndex> sequence_of(std::vector<std::uint32_t> weights) {
    return build_pick_tables(input(Scheduler::wrr, std::move(weights))).sequence;
}

std::vector<Slot> slots_of(const PickTables& tables, const std::vector<ChoiceIndex>& indices) {
    std::vector<Slot> result;
    result.reserve(indices.size());
    for (const ChoiceIndex index : indices)
        result.push_back(index == closed_choice ? no_slot : tables.choices[index].slot);
    return result;
}

std::map<Slot, std::size_t> counts(const std::vector<Slot>& table) {
    std::map<Slot, std::size_t> result;
    for (const Slot slot : table)
        ++result[slot];
    return result;
}

// Entries of the Maglev table that change their owner when one of `servers` goes, but those that
// it had: IPVS's and the stateless one are the same.
double moved_share(std::uint32_t servers, std::uint32_t gone) {
    PickInput all = input(Scheduler::mh, std::vector<std::uint32_t>(servers, 1));
    const PickTables with = build_pick_tables(all);
    const auto before = slots_of(with, with.buckets);
    all.candidates.erase(all.candidates.begin() + gone);
    const PickTables without = build_pick_tables(all);
    const auto after = slots_of(without, without.buckets);
    EXPECT_EQ(before.size(), after.size());
    std::size_t moved = 0;
    for (std::size_t at = 0; at < before.size(); ++at)
        moved += before[at] != gone && before[at] != after[at] ? 1 : 0;
    return static_cast<double>(moved) / static_cast<double>(before.size());
}

TEST(PickTables, AreEmptyWithoutCandidates) {
    for (const Scheduler scheduler : {Scheduler::rr, Scheduler::fo, Scheduler::sh, Scheduler::mh}) {
        const PickTables tables = build_pick_tables(input(scheduler, {0, 0}));
        EXPECT_TRUE(tables.choices.empty());
        EXPECT_TRUE(tables.sequence.empty());
        EXPECT_TRUE(tables.by_weight.empty());
        EXPECT_TRUE(tables.buckets.empty());
        EXPECT_TRUE(tables.maglev.empty());
    }
}

TEST(PickTables, ARoundIsAsShortAsTheWeightsAllow) {
    EXPECT_EQ(sequence_of({300, 200, 100}).size(), 6U);
    EXPECT_EQ(sequence_of({5, 5, 5}), (std::vector<ChoiceIndex>{0, 1, 2}));
}

TEST(PickTables, TurnsOfOneDestinationLieApart) {
    const auto sequence = sequence_of({4, 2, 1});
    EXPECT_EQ(counts(sequence), (std::map<Slot, std::size_t>{{0, 4}, {1, 2}, {2, 1}}));
    // Twice over, because a round is followed by the next.
    for (std::size_t at = 0; at < 14; ++at) {
        const bool three_in_a_row = sequence[at % 7] == sequence[(at + 1) % 7] &&
                                    sequence[at % 7] == sequence[(at + 2) % 7];
        EXPECT_FALSE(three_in_a_row);
    }
}

TEST(PickTables, LongRoundsAreApproximatedAndBounded) {
    const auto sequence = sequence_of({0x7fffffff, 0x3fffffff, 1});
    EXPECT_LE(sequence.size(), sequence_max + 3);
    auto shares = counts(sequence);
    EXPECT_NEAR(static_cast<double>(shares[0]) / static_cast<double>(shares[1]), 2.0, 0.01);
    EXPECT_EQ(shares[2], 1U) << "a small weight is never rounded to nothing";
}

TEST(PickTables, MaglevFollowsTheWeights) {
    const PickTables tables = build_pick_tables(input(Scheduler::wlc, {3, 2, 1}));
    auto shares = counts(tables.maglev);
    const auto size = static_cast<double>(tables.maglev.size());
    EXPECT_NEAR(static_cast<double>(shares[0]) / size, 3.0 / 6, 0.001);
    EXPECT_NEAR(static_cast<double>(shares[1]) / size, 2.0 / 6, 0.001);
    EXPECT_NEAR(static_cast<double>(shares[2]) / size, 1.0 / 6, 0.001);
}

// The paper has 65537 entries for 1000 servers and sees 2.7 % of them move beyond the necessary;
// the bound here is what a table of 4093 entries gives, over every server that can go.
TEST(PickTables, MaglevMovesFewClientsWhenAnyDestinationGoes) {
    for (const std::uint32_t servers : {2U, 5U, 10U, 40U}) {
        double worst = 0;
        for (std::uint32_t gone = 0; gone < servers; ++gone)
            worst = std::max(worst, moved_share(servers, gone));
        RecordProperty("worst_of_" + std::to_string(servers), std::to_string(worst));
        EXPECT_LT(worst, 0.06) << servers << " servers";
    }
}

TEST(PickTables, MaglevDependsOnAddressesNotOnSlots) {
    PickInput one = input(Scheduler::rr, {1, 1, 1});
    PickInput other = one;
    for (PickCandidate& candidate : other.candidates)
        candidate.slot += 100;
    EXPECT_EQ(build_pick_tables(one).maglev, build_pick_tables(other).maglev);
}

TEST(PickTables, ManyDestinationsGetALargerTable) {
    const PickTables tables =
        build_pick_tables(input(Scheduler::rr, std::vector<std::uint32_t>(2000, 1)));
    EXPECT_EQ(counts(tables.maglev).size(), 2000U);
}

TEST(PickTables, HashTablesKeepThePlacesOfTheInhibited) {
    for (const Scheduler scheduler : {Scheduler::sh, Scheduler::mh}) {
        PickInput all = input(scheduler, {1, 2, 3});
        const PickTables with = build_pick_tables(all);
        all.candidates[1].open = false;
        const PickTables without = build_pick_tables(all);
        auto expected = slots_of(with, with.buckets);
        std::ranges::replace(expected, Slot{1}, no_slot);
        EXPECT_EQ(slots_of(without, without.buckets), expected);
    }
}

TEST(PickTables, SourceHashGivesBucketsByWeight) {
    const PickTables tables = build_pick_tables(input(Scheduler::sh, {1, 2, 5}));
    ASSERT_EQ(tables.buckets.size(), 256U);
    EXPECT_EQ(std::vector<Slot>(tables.buckets.begin(), tables.buckets.begin() + 9),
              (std::vector<Slot>{2, 2, 2, 2, 2, 1, 1, 0, 2}));
    const PickTables unweighted = build_pick_tables(input(Scheduler::dh, {1, 2, 5}));
    EXPECT_EQ(std::vector<Slot>(unweighted.buckets.begin(), unweighted.buckets.begin() + 4),
              (std::vector<Slot>{2, 1, 0, 2}));
}

TEST(PickTables, FailoverTriesTheHeaviestFirst) {
    EXPECT_EQ(build_pick_tables(input(Scheduler::fo, {2, 7, 0, 7, 1})).by_weight,
              (std::vector<ChoiceIndex>{1, 2, 0, 3}));
}

}  // namespace
}  // namespace headgate::dataplane
