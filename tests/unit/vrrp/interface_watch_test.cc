// interface_up_down_delays: what the kernel says counts after it has said so for long enough.
#include "controlplane/vrrp/interface_watch.h"

#include <gtest/gtest.h>

#include "tests/unit/vrrp/one_interface.h"

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;

const Instant start = Instant{} + seconds(100);

class InterfaceWatchTest : public testing::Test, protected OneInterface {
protected:
    // What counts `after` the start, from when on the kernel says `up`.
    bool counts(Duration after, bool up) {
        add_interface(up ? IFF_UP | IFF_RUNNING : IFF_UP);
        watch.update(start + after, table);
        return watch.counts_as_up(*table.find("eth0"));
    }

    InterfaceWatch watch;
};

TEST_F(InterfaceWatchTest, CountsAtOnceWithoutADelay) {
    EXPECT_TRUE(counts(seconds(0), true));
    EXPECT_FALSE(counts(seconds(0), false));
    EXPECT_TRUE(counts(seconds(0), true));
    EXPECT_FALSE(watch.deadline());
}

TEST_F(InterfaceWatchTest, WaitsForTheDelay) {
    watch.configure({{.interface = "eth0", .down = seconds(2), .up = seconds(5)}});
    EXPECT_TRUE(counts(seconds(0), true)) << "the first word counts at once";
    EXPECT_TRUE(counts(seconds(0), false));
    EXPECT_EQ(watch.deadline(), start + seconds(2));
    EXPECT_TRUE(counts(seconds(1), false));
    EXPECT_FALSE(counts(seconds(2), false));
    EXPECT_FALSE(watch.deadline());
    EXPECT_FALSE(counts(seconds(3), true));
    EXPECT_EQ(watch.deadline(), start + seconds(8));
    EXPECT_TRUE(counts(seconds(8), true));
}

TEST_F(InterfaceWatchTest, AFlapStartsTheDelayAnew) {
    watch.configure({{.interface = "eth0", .down = seconds(2), .up = seconds(2)}});
    EXPECT_TRUE(counts(seconds(0), true));
    EXPECT_TRUE(counts(seconds(0), false));
    EXPECT_TRUE(counts(seconds(1), true));
    EXPECT_FALSE(watch.deadline());
    EXPECT_TRUE(counts(seconds(1), false));
    EXPECT_EQ(watch.deadline(), start + seconds(3));
}

TEST_F(InterfaceWatchTest, AnInterfaceThatIsGoneIsDownAndWaitsForNothing) {
    watch.configure({{.interface = "eth0", .down = seconds(2), .up = seconds(2)}});
    EXPECT_TRUE(counts(seconds(0), true));
    EXPECT_TRUE(counts(seconds(0), false));
    remove_interface();
    watch.update(start + seconds(1), table);
    EXPECT_FALSE(watch.deadline());
    EXPECT_FALSE(counts(seconds(2), true)) << "it is back, but not for long enough";
    EXPECT_TRUE(counts(seconds(4), true));
}

TEST_F(InterfaceWatchTest, AReloadKeepsWhatPendsAndForgetsWhatIsNotDelayed) {
    const std::vector<config::InterfaceDelay> delays{
        {.interface = "eth0", .down = seconds(2), .up = seconds(2)}};
    watch.configure(delays);
    EXPECT_TRUE(counts(seconds(0), true));
    EXPECT_TRUE(counts(seconds(0), false));
    watch.configure(delays);
    EXPECT_EQ(watch.deadline(), start + seconds(2));
    watch.configure({});
    EXPECT_FALSE(watch.deadline());
    EXPECT_FALSE(counts(seconds(1), false));
}

}  // namespace
}  // namespace headgate::vrrp
