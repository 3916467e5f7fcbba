// Goal: a prefix gets its rate, in every second; a flood from elsewhere takes nothing from it, and
// gives it little more.
#include <gtest/gtest.h>

#include "dataplane/core/source_limiter.h"

namespace headgate::dataplane {
namespace {

WideAddress prefix(std::uint32_t number) {
    return wide_v4(Be32(number << 8U));
}

class SourceLimiterTest : public ::testing::Test {
protected:
    std::uint32_t taken(std::uint32_t number, std::uint32_t attempts, Tick now) {
        std::uint32_t count = 0;
        for (std::uint32_t attempt = 0; attempt < attempts; ++attempt)
            count += limiter.take(prefix(number), 20, now) ? 1 : 0;
        return count;
    }

    SourceLimiter limiter{HashSeed{}};
};

TEST_F(SourceLimiterTest, EachPrefixGetsItsRate) {
    for (std::uint32_t number = 0; number < 100; ++number)
        EXPECT_EQ(taken(number, 30, 7), 20U) << number;
}

TEST_F(SourceLimiterTest, InEverySecond) {
    EXPECT_EQ(taken(1, 30, 7), 20U);
    EXPECT_EQ(taken(1, 30, 7), 0U);
    EXPECT_EQ(taken(1, 30, 8), 20U);
    // A tick that looks like the first one but for its upper bits.
    EXPECT_EQ(taken(1, 30, 8 + 0x10000), 20U);
}

TEST_F(SourceLimiterTest, ThatMayBeNothing) {
    EXPECT_FALSE(limiter.take(prefix(1), 0, 7));
}

TEST_F(SourceLimiterTest, AFloodFromEverywhereLimitsNobodyElse) {
    std::uint32_t refused = 0;
    for (std::uint32_t number = 0; number < 1'000'000; ++number)
        refused += limiter.take(prefix(number), 20, 7) ? 0 : 1;
    EXPECT_EQ(refused, 0U);
}

TEST_F(SourceLimiterTest, AHeavyPrefixStaysLimitedInAFloodFromEverywhere) {
    EXPECT_EQ(taken(1, 20, 7), 20U);
    for (std::uint32_t number = 1000; number < 1'000'000; ++number)
        limiter.take(prefix(number), 20, 7);
    EXPECT_EQ(taken(1, 30, 7), 0U);
}

}  // namespace
}  // namespace headgate::dataplane
