// Goal: packets that open a connection never fill more than a quarter of a receive ring, and get as
// much of it as there is when a worker keeps up. Method: the rule alone, and a ring that is
// simulated under a flood with a worker that is too slow for it.
#include "dataplane/port/opening_share.h"

#include <algorithm>
#include <cstdint>

#include <gtest/gtest.h>

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t ring_frames = 2048;

TEST(OpeningShareTest, IsWhatTheRingHasBelowItsQuarter) {
    EXPECT_EQ(opening_limit(0, 0, ring_frames), 512U);
    EXPECT_EQ(opening_limit(5000, 0, ring_frames), 5512U);
    EXPECT_EQ(opening_limit(5000, 12, ring_frames), 5500U);
    EXPECT_EQ(opening_limit(5000, 511, ring_frames), 5001U);
}

TEST(OpeningShareTest, IsNothingInARingThatIsAQuarterFull) {
    for (const std::uint32_t backlog : {512U, 513U, 2048U}) {
        EXPECT_EQ(opening_limit(5000, backlog, ring_frames), 5000U) << backlog;
    }
}

// A flood of a million SYNs a second needs little more than an hour for so many.
TEST(OpeningShareTest, DoesNotWrapAt32Bits) {
    constexpr std::uint64_t many = 0xffff'ffff;
    EXPECT_EQ(opening_limit(many, 0, ring_frames), many + 512);
}

// A worker takes 64 frames while 16 of established connections come in with a thousand SYNs.
TEST(OpeningShareTest, LeavesRoomForEstablishedConnectionsInAFlood) {
    constexpr std::uint32_t syns_per_burst = 1000;
    constexpr std::uint32_t established_per_burst = 16;
    constexpr std::uint32_t burst = 64;
    std::uint64_t passed = 0;
    std::uint32_t backlog = 0;
    std::uint64_t taken = 0;
    constexpr std::uint32_t turns = 10'000;
    for (std::uint32_t turn = 0; turn < turns; ++turn) {
        const std::uint64_t limit = opening_limit(passed, backlog, ring_frames);
        const std::uint64_t let_in = std::min<std::uint64_t>(syns_per_burst, limit - passed);
        passed += let_in;
        backlog += static_cast<std::uint32_t>(let_in) + established_per_burst;
        ASSERT_LE(backlog, ring_frames / 4 + established_per_burst) << "in turn " << turn;
        const std::uint32_t take = std::min(burst, backlog);
        backlog -= take;
        taken += take;
    }
    EXPECT_EQ(taken, std::uint64_t{turns} * burst) << "the worker never waits for a SYN";
}

}  // namespace
}  // namespace headgate::dataplane
