// interface_up_down_delays: what the kernel says counts after it has said so for long enough.
#include "controlplane/vrrp/interface_watch.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;

const Instant start = Instant{} + seconds(100);

TEST(InterfaceWatch, CountsAtOnceWithoutADelay) {
    InterfaceWatch watch;
    EXPECT_TRUE(watch.update(start, "eth0", true));
    EXPECT_FALSE(watch.update(start, "eth0", false));
    EXPECT_TRUE(watch.update(start, "eth0", true));
    EXPECT_FALSE(watch.deadline());
}

TEST(InterfaceWatch, WaitsForTheDelay) {
    InterfaceWatch watch;
    watch.configure({{.interface = "eth0", .down = seconds(2), .up = seconds(5)}});
    EXPECT_TRUE(watch.update(start, "eth0", true)) << "the first word counts at once";
    EXPECT_TRUE(watch.update(start, "eth0", false));
    EXPECT_EQ(watch.deadline(), start + seconds(2));
    EXPECT_TRUE(watch.update(start + seconds(1), "eth0", false));
    EXPECT_FALSE(watch.update(start + seconds(2), "eth0", false));
    EXPECT_FALSE(watch.deadline());
    EXPECT_FALSE(watch.update(start + seconds(3), "eth0", true));
    EXPECT_EQ(watch.deadline(), start + seconds(8));
    EXPECT_TRUE(watch.update(start + seconds(8), "eth0", true));
}

TEST(InterfaceWatch, AFlapStartsTheDelayAnew) {
    InterfaceWatch watch;
    watch.configure({{.interface = "eth0", .down = seconds(2), .up = seconds(2)}});
    EXPECT_TRUE(watch.update(start, "eth0", true));
    EXPECT_TRUE(watch.update(start, "eth0", false));
    EXPECT_TRUE(watch.update(start + seconds(1), "eth0", true));
    EXPECT_FALSE(watch.deadline());
    EXPECT_TRUE(watch.update(start + seconds(1), "eth0", false));
    EXPECT_EQ(watch.deadline(), start + seconds(3));
}

}  // namespace
}  // namespace headgate::vrrp
