// Goal: a budget yields what is in it and no more, in every second anew.
#include <gtest/gtest.h>

#include "dataplane/core/token_budget.h"

namespace headgate::dataplane {
namespace {

std::uint32_t take_all(TokenBudget& budget, std::uint32_t per_second, Tick now) {
    std::uint32_t taken = 0;
    while (taken < 1000 && budget.take(per_second, now))
        ++taken;
    return taken;
}

TEST(TokenBudgetTest, YieldsItsRateInEverySecond) {
    TokenBudget budget;
    for (const Tick now : {Tick{7}, Tick{8}, Tick{100}})
        EXPECT_EQ(take_all(budget, 10, now), 10U);
}

TEST(TokenBudgetTest, IsUsedUpUntilTheNextSecond) {
    TokenBudget budget;
    take_all(budget, 10, 7);
    EXPECT_FALSE(budget.take(10, 7));
    EXPECT_TRUE(budget.take(10, 8));
}

TEST(TokenBudgetTest, FollowsARateThatChanges) {
    TokenBudget budget;
    EXPECT_EQ(take_all(budget, 10, 7), 10U);
    EXPECT_EQ(take_all(budget, 15, 7), 5U);
    EXPECT_EQ(take_all(budget, 3, 7), 0U);
    EXPECT_EQ(take_all(budget, 3, 8), 3U);
}

TEST(TokenBudgetTest, OfNothingYieldsNothing) {
    TokenBudget budget;
    EXPECT_EQ(take_all(budget, 0, 7), 0U);
}

TEST(TokenBudgetTest, WithoutALimitNeverEnds) {
    TokenBudget budget;
    EXPECT_EQ(take_all(budget, TokenBudget::unlimited, 7), 1000U);
    // What was taken then counts when there is a limit.
    EXPECT_EQ(take_all(budget, 1005, 7), 5U);
}

TEST(TokenBudgetTest, GoesOnWhenTicksWrap) {
    TokenBudget budget;
    EXPECT_EQ(take_all(budget, 10, 0xffffffff), 10U);
    EXPECT_EQ(take_all(budget, 10, 0), 10U);
}

}  // namespace
}  // namespace headgate::dataplane
