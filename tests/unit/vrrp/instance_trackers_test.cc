// Goal: what trackers say changes the priority or the state of an instance as keepalived means it.
// Method: see instance_rig.h.
#include "controlplane/vrrp/instance.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/vrrp/instance_rig.h"

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;

using Verdict = TrackerState::Verdict;

const TrackerId chk{TrackerKind::script, "chk"};
const TrackerId second_chk{TrackerKind::script, "other"};

config::VrrpInstance config_tracking(std::vector<TrackerUse> uses) {
    config::VrrpInstance config = config_with({vip("10.0.0.100/32")});
    config.trackers = std::move(uses);
    return config;
}

TrackerState said(Verdict verdict) {
    return {.verdict = verdict,
            .value = 0,
            .since = {},
            .detail = verdict == Verdict::up ? "succeeded" : "failed",
            .cause = ""};
}

class WeightedInstanceTest : public InstanceTest {
protected:
    WeightedInstanceTest() : InstanceTest(config_tracking({{.tracker = chk, .weight = -60}})) {}
};

TEST_F(WeightedInstanceTest, AdvertisesTheChangedPriorityAtOnce) {
    become_master();
    instance.on_tracker(at(seconds(4)), chk, said(Verdict::down));
    EXPECT_EQ(link.take(), Calls{"advert 40"});
    EXPECT_EQ(status().priority, 40);
    instance.on_tracker(at(seconds(4)), chk, said(Verdict::up));
    EXPECT_EQ(link.take(), Calls{"advert 100"});
    instance.on_tracker(at(seconds(4)), second_chk, said(Verdict::down));
    EXPECT_EQ(link.take(), Calls{}) << "nobody here uses it";
}

TEST_F(WeightedInstanceTest, StartsWithWhatWasSaidBefore) {
    instance.start(at(Duration{}), up, {}, {{chk, said(Verdict::down)}});
    EXPECT_EQ(status().priority, 40);
    EXPECT_EQ(instance.state(), State::backup);
}

TEST_F(WeightedInstanceTest, TakesOverAReloadedWeight) {
    become_master();
    instance.on_tracker(at(seconds(4)), chk, said(Verdict::down));
    link.take();
    instance.reconfigure(at(seconds(4)), config_tracking({{.tracker = chk, .weight = -10}}));
    EXPECT_EQ(link.take().front(), "advert 90");
    EXPECT_EQ(instance.state(), State::master);
}

class UnweightedInstanceTest : public InstanceTest {
protected:
    UnweightedInstanceTest() : InstanceTest(config_tracking({{.tracker = chk}})) {}
};

TEST_F(UnweightedInstanceTest, WaitsForTheFirstWord) {
    start();
    EXPECT_EQ(instance.state(), State::fault);
    EXPECT_EQ(status().reason, "waiting for the first result of tracked script chk");
    instance.on_tracker(at(seconds(1)), chk, said(Verdict::up));
    EXPECT_EQ(instance.state(), State::backup);
}

TEST_F(UnweightedInstanceTest, IsInFaultWhileItIsDown) {
    instance.start(at(Duration{}), up, {}, {{chk, said(Verdict::up)}});
    run_until(seconds(4));
    ASSERT_EQ(instance.state(), State::master);
    instance.on_tracker(at(seconds(4)), chk, said(Verdict::down));
    EXPECT_EQ(instance.state(), State::fault);
    EXPECT_EQ(status().reason, "tracked script chk failed");
    EXPECT_TRUE(link.kernel.empty());
    instance.on_link(at(seconds(5)), down);
    EXPECT_EQ(status().reason, "interface eth0 down");
    instance.on_tracker(at(seconds(6)), chk, said(Verdict::up));
    EXPECT_EQ(instance.state(), State::fault) << "the interface is still down";
    instance.on_link(at(seconds(7)), up);
    EXPECT_EQ(instance.state(), State::backup);
}

TEST_F(UnweightedInstanceTest, ANewTrackerStopsNobodyBeforeItHasSpoken) {
    instance.start(at(Duration{}), up, {}, {{chk, said(Verdict::up)}});
    run_until(seconds(4));
    instance.reconfigure(at(seconds(5)),
                         config_tracking({{.tracker = chk}, {.tracker = second_chk}}));
    EXPECT_EQ(instance.state(), State::master);
    instance.on_tracker(at(seconds(6)), second_chk, said(Verdict::down));
    EXPECT_EQ(instance.state(), State::fault);
}

TEST_F(UnweightedInstanceTest, ARestartDoesNotWaitWhereNobodyElseCanBeMaster) {
    instance.start(at(Duration{}), up, {.resume = true}, {});
    EXPECT_EQ(instance.state(), State::master);
    instance.on_tracker(at(seconds(1)), chk, said(Verdict::down));
    EXPECT_EQ(instance.state(), State::fault);
}

TEST_F(UnweightedInstanceTest, ARestartDoesNotOverlookWhatIsDown) {
    instance.start(at(Duration{}), up, {.resume = true}, {{chk, said(Verdict::down)}});
    EXPECT_EQ(instance.state(), State::fault);
}

}  // namespace
}  // namespace headgate::vrrp
