// Goal: the loop is woken at each deadline, never late because the timer was left alone, and the
// timer is not set for every advert that a BACKUP hears.
#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "controlplane/vrrp/wake_timer.h"

namespace headgate::vrrp {
namespace {

using std::chrono::milliseconds;

Instant at_ms(std::int64_t ms) {
    return Instant{} + milliseconds(ms);
}

TEST(TimerServes, NeverALaterTimer) {
    EXPECT_FALSE(timer_serves(at_ms(101), at_ms(100), at_ms(0)));
    EXPECT_TRUE(timer_serves(at_ms(100), at_ms(100), at_ms(0)));
}

TEST(TimerServes, AnEarlyTimerUntilItIsAboutToFire) {
    EXPECT_TRUE(timer_serves(at_ms(361), at_ms(461), at_ms(100)));
    EXPECT_TRUE(timer_serves(at_ms(361), at_ms(561), at_ms(200)));
    EXPECT_FALSE(timer_serves(at_ms(361), at_ms(661), at_ms(300)));
    // It has expired, and nobody has seen it yet.
    EXPECT_FALSE(timer_serves(at_ms(361), at_ms(661), at_ms(400)));
    // A wake so close to the deadline serves it anyway.
    EXPECT_TRUE(timer_serves(at_ms(361), at_ms(370), at_ms(360)));
}

class WakeTimerTest : public testing::Test {
protected:
    void run_for(Duration duration) { io.run_for(duration); }
    [[nodiscard]] Instant now() const { return clock.now(); }

    boost::asio::io_context io{1};
    RealClock clock;
    WakeTimer timer{io, *WakeTimer::open()};
};

TEST_F(WakeTimerTest, FiresOnceAtItsDeadline) {
    std::vector<Instant> fired;
    Instant seen;
    timer.start([&](Instant set_for) {
        seen = clock.now();
        fired.push_back(set_for);
    });
    const Instant due = now() + milliseconds(20);
    timer.set(due, now());
    run_for(milliseconds(60));
    ASSERT_EQ(fired, std::vector{due});
    EXPECT_GE(seen, due);
}

TEST_F(WakeTimerTest, FiresAgainWhenItsHandlerSetsIt) {
    std::vector<Instant> fired;
    timer.start([&](Instant set_for) {
        fired.push_back(set_for);
        if (fired.size() < 5)
            timer.set(set_for + milliseconds(5), clock.now());
    });
    timer.set(now() + milliseconds(5), now());
    run_for(milliseconds(200));
    ASSERT_EQ(fired.size(), 5U);
    EXPECT_EQ(fired.back() - fired.front(), milliseconds(20));
}

TEST_F(WakeTimerTest, MovesToAnEarlierDeadline) {
    std::vector<Instant> fired;
    timer.start([&](Instant set_for) { fired.push_back(set_for); });
    const Instant soon = now() + milliseconds(10);
    timer.set(now() + std::chrono::hours(1), now());
    timer.set(soon, now());
    run_for(milliseconds(100));
    EXPECT_EQ(fired, std::vector{soon});
}

TEST_F(WakeTimerTest, ADeadlineInThePastIsNow) {
    int num_fired = 0;
    timer.start([&](Instant) { ++num_fired; });
    timer.set(now() - milliseconds(10), now());
    run_for(milliseconds(50));
    EXPECT_EQ(num_fired, 1);
}

}  // namespace
}  // namespace headgate::vrrp
