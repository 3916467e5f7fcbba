// Goal: what an instance remembers is right and bounded.
#include "controlplane/vrrp/chronicle.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;
using WallTime = std::chrono::system_clock::time_point;

const IpAddress stranger = *IpAddress::parse("192.0.2.3");

Instant at_second(int second) {
    return Instant(seconds(1000 + second));
}

// Second 100 of the story is second 5000 on the wall.
InstanceStatus seen(const Chronicle& chronicle) {
    InstanceStatus status;
    chronicle.fill(status, at_second(100), WallTime(seconds(5000)));
    return status;
}

TEST(Chronicle, KeepsTheLastTransitionsWithTheirTimesOnTheWall) {
    Chronicle chronicle;
    chronicle.entered(at_second(0), State::backup, "started");
    chronicle.entered(at_second(4), State::master, "no advert");
    InstanceStatus status = seen(chronicle);
    ASSERT_EQ(status.transitions.size(), 2U);
    EXPECT_EQ(status.transitions[1],
              (Transition{State::backup, State::master, "no advert", 4'904'000}));
    EXPECT_EQ(status.released_master, 0U);
    for (int second = 5; second < 50; ++second)
        chronicle.entered(at_second(second), second % 2 == 0 ? State::master : State::backup, "");
    status = seen(chronicle);
    EXPECT_EQ(status.transitions.size(), 10U);
    EXPECT_EQ(status.transitions.back().unix_ms, 4'949'000);
    EXPECT_EQ(status.released_master, 23U);
}

TEST(Chronicle, KnowsWhatARouterWasWorthBeforeItResigned) {
    Chronicle chronicle;
    EXPECT_FALSE(seen(chronicle).last_heard);
    chronicle.heard(at_second(1), stranger, 110);
    EXPECT_EQ(seen(chronicle).last_heard, (HeardAdvert{"192.0.2.3", 110, false, 4'901'000}));
    chronicle.heard(at_second(2), stranger, 0);
    EXPECT_EQ(seen(chronicle).last_heard, (HeardAdvert{"192.0.2.3", 110, true, 4'902'000}));
    chronicle.heard(at_second(3), *IpAddress::parse("192.0.2.4"), 0);
    chronicle.resigned();
    const InstanceStatus status = seen(chronicle);
    EXPECT_EQ(status.last_heard, (HeardAdvert{"192.0.2.4", 0, true, 4'903'000}));
    EXPECT_EQ(status.priority_zero_received, 2U);
    EXPECT_EQ(status.priority_zero_sent, 1U);
}

}  // namespace
}  // namespace headgate::vrrp
