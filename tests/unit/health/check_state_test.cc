// Goal: a check's verdict follows keepalived's counting of retries, and its launch times too.
#include "controlplane/health/check_state.h"

#include <gtest/gtest.h>

namespace headgate::health {
namespace {

using std::chrono::seconds;

constexpr Instant t0{seconds(1000)};

config::CheckTiming timing(std::uint32_t retry) {
    return {.delay_loop = seconds(10),
            .connect_timeout = seconds(2),
            .retry = retry,
            .delay_before_retry = seconds(1)};
}

const Outcome good{Code::l4_ok, "connected", {}};
const Outcome bad{Code::l4_refused, "Connection refused", {}};

TEST(CheckState, IsUnknownUntilTheFirstResult) {
    CheckState state(timing(3));
    EXPECT_FALSE(state.known());
    const auto step = state.record(good, t0);
    EXPECT_EQ(step.change, CheckState::Change::up);
    EXPECT_EQ(step.next_launch, t0 + seconds(10));
    EXPECT_TRUE(state.known());
    EXPECT_TRUE(state.up());
}

TEST(CheckState, TheFirstFailureEverNeedsNoRetries) {
    CheckState state(timing(3));
    const auto step = state.record(bad, t0);
    EXPECT_EQ(step.change, CheckState::Change::down);
    EXPECT_EQ(step.next_launch, t0 + seconds(10));
    EXPECT_FALSE(state.up());
}

TEST(CheckState, ForgivesRetryFailuresAtTheRetryPace) {
    CheckState state(timing(2));
    state.record(good, t0);
    for (std::uint32_t failure = 1; failure <= 2; ++failure) {
        const auto step = state.record(bad, t0);
        EXPECT_EQ(step.change, CheckState::Change::none);
        EXPECT_EQ(step.next_launch, t0 + seconds(1));
        EXPECT_TRUE(state.up());
        EXPECT_EQ(state.failures(), failure);
    }
    const auto step = state.record(bad, t0);
    EXPECT_EQ(step.change, CheckState::Change::down);
    EXPECT_EQ(step.next_launch, t0 + seconds(10));
}

TEST(CheckState, WithoutRetriesOneFailureIsEnough) {
    CheckState state(timing(0));
    state.record(good, t0);
    EXPECT_EQ(state.record(bad, t0).change, CheckState::Change::down);
}

TEST(CheckState, ASuccessForgetsEarlierFailures) {
    CheckState state(timing(1));
    state.record(good, t0);
    state.record(bad, t0);
    state.record(good, t0);
    EXPECT_EQ(state.failures(), 0U);
    EXPECT_EQ(state.record(bad, t0).change, CheckState::Change::none);
}

TEST(CheckState, OneSuccessBringsItBack) {
    CheckState state(timing(2));
    state.record(bad, t0);
    EXPECT_EQ(state.record(bad, t0).change, CheckState::Change::none);
    EXPECT_EQ(state.record(good, t0).change, CheckState::Change::up);
}

TEST(CheckState, ALocalErrorChangesNothing) {
    CheckState state(timing(0));
    const Outcome local{Code::local_error, "Too many open files", {}};
    EXPECT_EQ(state.record(local, t0).change, CheckState::Change::none);
    EXPECT_FALSE(state.known());
    state.record(good, t0);
    EXPECT_EQ(state.record(local, t0).change, CheckState::Change::none);
    EXPECT_TRUE(state.up());
    EXPECT_EQ(state.failures(), 0U);
}

TEST(FirstLaunch, IsSpreadOverAtMostOneSecondOrOneLoop) {
    EXPECT_EQ(first_launch(timing(0), t0, 0.0), t0);
    EXPECT_EQ(first_launch(timing(0), t0, 0.5), t0 + std::chrono::milliseconds(500));
    config::CheckTiming fast = timing(0);
    fast.delay_loop = std::chrono::milliseconds(100);
    EXPECT_EQ(first_launch(fast, t0, 0.5), t0 + std::chrono::milliseconds(50));
}

}  // namespace
}  // namespace headgate::health
