// Goal: rounds are exact and smooth, long rounds are bounded, and the Maglev table is fair, stable
// under change, and the same wherever it is built.
#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include "dataplane/core/pick_tables.h"

namespace headgate::dataplane {
namespace {

std::vector<PickCandidate> candidates(std::vector<std::uint32_t> weights) {
    std::vector<PickCandidate> result;
    for (std::uint32_t slot = 0; slot < weights.size(); ++slot)
        result.push_back({slot, {IpAddress::v4(Be32(0x0a000001U + slot)), 80}, weights[slot]});
    return result;
}

std::map<Slot, std::size_t> counts(const std::vector<Slot>& table) {
    std::map<Slot, std::size_t> result;
    for (const Slot slot : table)
        ++result[slot];
    return result;
}

TEST(PickTables, AreEmptyWithoutCandidates) {
    const PickTables tables = build_pick_tables({});
    EXPECT_TRUE(tables.sequence.empty());
    EXPECT_TRUE(tables.maglev.empty());
}

TEST(PickTables, ARoundIsAsShortAsTheWeightsAllow) {
    EXPECT_EQ(build_pick_tables(candidates({300, 200, 100})).sequence.size(), 6U);
    EXPECT_EQ(build_pick_tables(candidates({5, 5, 5})).sequence, (std::vector<Slot>{0, 1, 2}));
}

TEST(PickTables, TurnsOfOneDestinationLieApart) {
    const auto sequence = build_pick_tables(candidates({4, 2, 1})).sequence;
    EXPECT_EQ(counts(sequence), (std::map<Slot, std::size_t>{{0, 4}, {1, 2}, {2, 1}}));
    // Twice over, because a round is followed by the next.
    for (std::size_t at = 0; at < 14; ++at) {
        const bool three_in_a_row = sequence[at % 7] == sequence[(at + 1) % 7] &&
                                    sequence[at % 7] == sequence[(at + 2) % 7];
        EXPECT_FALSE(three_in_a_row);
    }
}

TEST(PickTables, LongRoundsAreApproximatedAndBounded) {
    const auto sequence = build_pick_tables(candidates({0x7fffffff, 0x3fffffff, 1})).sequence;
    EXPECT_LE(sequence.size(), sequence_max + 3);
    auto shares = counts(sequence);
    EXPECT_NEAR(static_cast<double>(shares[0]) / static_cast<double>(shares[1]), 2.0, 0.01);
    EXPECT_EQ(shares[2], 1U) << "a small weight is never rounded to nothing";
}

TEST(PickTables, MaglevFollowsTheWeights) {
    const auto table = build_pick_tables(candidates({3, 2, 1})).maglev;
    auto shares = counts(table);
    const auto size = static_cast<double>(table.size());
    EXPECT_NEAR(static_cast<double>(shares[0]) / size, 3.0 / 6, 0.001);
    EXPECT_NEAR(static_cast<double>(shares[1]) / size, 2.0 / 6, 0.001);
    EXPECT_NEAR(static_cast<double>(shares[2]) / size, 1.0 / 6, 0.001);
}

TEST(PickTables, MaglevMovesFewClientsWhenADestinationGoes) {
    auto all = candidates(std::vector<std::uint32_t>(10, 1));
    const auto before = build_pick_tables(all).maglev;
    all.erase(all.begin() + 4);
    const auto after = build_pick_tables(all).maglev;
    ASSERT_EQ(before.size(), after.size());
    std::size_t moved = 0;
    for (std::size_t at = 0; at < before.size(); ++at)
        moved += before[at] != 4 && before[at] != after[at] ? 1 : 0;
    EXPECT_LT(moved, before.size() / 10);
}

TEST(PickTables, MaglevDependsOnAddressesNotOnSlots) {
    auto one = candidates({1, 1, 1});
    auto other = one;
    for (PickCandidate& candidate : other)
        candidate.slot += 100;
    const auto a = build_pick_tables(one).maglev;
    const auto b = build_pick_tables(other).maglev;
    EXPECT_TRUE(std::ranges::equal(a, b, {}, [](Slot slot) { return slot + 100; }));
}

TEST(PickTables, ManyDestinationsGetALargerTable) {
    const auto table = build_pick_tables(candidates(std::vector<std::uint32_t>(2000, 1))).maglev;
    EXPECT_EQ(counts(table).size(), 2000U);
}

}  // namespace
}  // namespace headgate::dataplane
