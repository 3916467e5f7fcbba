// Goal: a worker's time is told right: its share that was busy, second by second, and how long each
// turn took.
#include "dataplane/loop_meter.h"

#include <gtest/gtest.h>

namespace headgate::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class LoopMeterTest : public ::testing::Test {
protected:
    // A turn of the loop that takes so long.
    bool turn(Duration took) {
        const bool is_new = meter.begin(now);
        now += took;
        meter.add(took);
        return is_new;
    }
    void sleep(Duration took) { now += took; }

    LoopMeter meter;
    Instant now{std::chrono::hours(1)};
};

TEST_F(LoopMeterTest, TellsTheBusyShareOfTheLastSecond) {
    EXPECT_FALSE(turn(milliseconds(250)));
    sleep(milliseconds(700));
    EXPECT_FALSE(meter.begin(now));
    sleep(milliseconds(50));
    EXPECT_TRUE(meter.begin(now));
    EXPECT_EQ(meter.busy_permille(), 250U);
    for (int count = 0; count < 10; ++count)
        EXPECT_EQ(turn(milliseconds(100)), false);
    EXPECT_TRUE(meter.begin(now));
    EXPECT_EQ(meter.busy_permille(), 1000U);
    EXPECT_EQ(meter.busy_us(), 1'250'000U);
}

TEST_F(LoopMeterTest, AWorkerThatSleepsIsIdle) {
    turn(milliseconds(10));
    sleep(milliseconds(990));
    EXPECT_TRUE(meter.begin(now));
    sleep(milliseconds(1000));
    EXPECT_TRUE(meter.begin(now));
    EXPECT_EQ(meter.busy_permille(), 0U);
}

TEST_F(LoopMeterTest, CountsTurnsByHowLongTheyTake) {
    for (const std::int64_t ns : {1, 1000, 1001, 2000, 2001, 4000, 60'000'000, 70'000'000})
        meter.add(nanoseconds(ns));
    EXPECT_EQ(meter.turns(0), 2U);  // up to 1 us
    EXPECT_EQ(meter.turns(1), 2U);
    EXPECT_EQ(meter.turns(2), 2U);
    EXPECT_EQ(meter.turns(16), 1U);  // up to 65.536 ms
    EXPECT_EQ(meter.turns(17), 1U);
}

}  // namespace
}  // namespace headgate::dataplane
