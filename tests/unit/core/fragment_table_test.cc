// Goal: the memory for fragments is bounded, and nobody's frame is overwritten while it is needed.
// (Which fragments go where: the packet corpus and the differential test.)
#include "dataplane/core/fragment_table.h"

#include <vector>

#include <gtest/gtest.h>

namespace headgate::dataplane {
namespace {

constexpr Tick now = 1000;

FragmentKey fragment_of(std::uint32_t id) {
    return {wide_v4(Be32(0x0a010001)), wide_v4(Be32(0xc000020a)), id, 17};
}

// Its bytes are all `fill`.
class TestFrame {
public:
    explicit TestFrame(std::uint8_t fill, std::size_t length = 100) : bytes_(length, fill) {}
    FragmentTable::Waiting waiting() {
        return {{bytes_.data(), static_cast<std::uint32_t>(bytes_.size())}, {}, 0};
    }

private:
    std::vector<std::uint8_t> bytes_;
};

bool hold(FragmentTable& table, std::uint32_t id, std::uint8_t fill) {
    TestFrame frame(fill);
    return table.hold(fragment_of(id), frame.waiting(), now);
}

TEST(FragmentTable, TheOldestThatWaitsMakesRoom) {
    FragmentTable table({});
    for (std::uint32_t id = 0; id <= FragmentTable::waiting_max; ++id)
        EXPECT_TRUE(hold(table, id, static_cast<std::uint8_t>(id)));
    EXPECT_TRUE(table.take(fragment_of(0)).empty());
    for (std::uint32_t id = 1; id <= FragmentTable::waiting_max; ++id) {
        const auto taken = table.take(fragment_of(id));
        ASSERT_EQ(taken.size(), 1U) << id;
        EXPECT_EQ(taken[0].frame.data[99], id) << "it is a copy";
    }
    EXPECT_EQ(table.expire(now), 1U) << "the one that made room is counted";
    EXPECT_EQ(table.expire(now), 0U) << "once";
}

TEST(FragmentTable, WhatItHasGivenIsNotOverwrittenUntilItIsTakenBack) {
    FragmentTable table({});
    ASSERT_TRUE(hold(table, 1, 0xaa));
    const Frame given = table.take(fragment_of(1))[0].frame;
    for (std::uint32_t id = 2; id < 2 + 2 * FragmentTable::waiting_max; ++id)
        EXPECT_TRUE(hold(table, id, 0xbb));
    for (std::uint32_t at = 0; at < given.length; ++at)
        ASSERT_EQ(given.data[at], 0xaa);
    EXPECT_TRUE(table.take(fragment_of(1)).empty()) << "it is given once";
    table.reclaim();
    // All places again: as many wait as there are.
    table.expire(now + 2);
    for (std::uint32_t id = 1000; id < 1000 + FragmentTable::waiting_max; ++id)
        EXPECT_TRUE(hold(table, id, 0xcc));
    EXPECT_EQ(table.expire(now), 0U);
}

TEST(FragmentTable, RefusesWhenAllItsMemoryIsGiven) {
    FragmentTable table({});
    for (std::uint32_t id = 0; id < FragmentTable::waiting_max; ++id) {
        ASSERT_TRUE(hold(table, id, 1));
        ASSERT_EQ(table.take(fragment_of(id)).size(), 1U);
    }
    EXPECT_FALSE(hold(table, 100, 2));
    table.reclaim();
    EXPECT_TRUE(hold(table, 100, 2));
}

TEST(FragmentTable, RefusesAFrameThatIsTooLong) {
    FragmentTable table({});
    TestFrame fits(1, FragmentTable::frame_bytes_max);
    TestFrame does_not(1, FragmentTable::frame_bytes_max + 1);
    EXPECT_TRUE(table.hold(fragment_of(1), fits.waiting(), now));
    EXPECT_FALSE(table.hold(fragment_of(1), does_not.waiting(), now));
}

TEST(FragmentTable, TheLatestFatesAreKnownWhenThereAreTooMany) {
    FragmentTable table({});
    constexpr std::uint32_t packets = 4 * FragmentTable::fates;
    for (std::uint32_t id = 0; id < packets; ++id)
        table.remember(fragment_of(id), {.destination = {id, 1}}, now + id / 20000);
    const Tick last = now + packets / 20000;
    std::uint32_t known = 0;
    for (std::uint32_t id = packets - 1000; id < packets; ++id) {
        const FragmentFate* fate = table.find(fragment_of(id), last);
        if (fate == nullptr)
            continue;
        ++known;
        EXPECT_EQ(fate->destination.slot, id);
    }
    EXPECT_GT(known, 990U);
    EXPECT_EQ(table.find(fragment_of(packets - 1), last + FragmentTable::fate_s + 1), nullptr);
}

}  // namespace
}  // namespace headgate::dataplane
