// What trackers do to the priority and the fitness of an instance.
#include "controlplane/vrrp/tracking.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;
using Effect = Tracking::Effect;
using Verdict = TrackerState::Verdict;

const TrackerId script{TrackerKind::script, "chk"};
const TrackerId file{TrackerKind::file, "switch"};

TrackerUse use(const TrackerId& id, int weight, bool reverse = false) {
    return {.tracker = id, .weight = weight, .reverse = reverse};
}

TrackerState verdict(Verdict what, std::string detail = "") {
    return {.verdict = what, .value = 0, .since = {}, .detail = std::move(detail), .cause = ""};
}

TrackerState number(std::int64_t value) {
    return {.verdict = Verdict::value, .value = value, .since = {}, .detail = "", .cause = ""};
}

Tracking after(const TrackerUse& one, const TrackerState& state) {
    Tracking tracking({one});
    tracking.update(one.tracker, state);
    return tracking;
}

TEST(Tracking, AddsAPositiveWeightWhileUpAndANegativeOneWhileDown) {
    const auto sum = [](int weight, bool reverse, Verdict state) {
        return after(use(script, weight, reverse), verdict(state)).sum();
    };
    EXPECT_EQ(sum(20, false, Verdict::up), 20);
    EXPECT_EQ(sum(20, false, Verdict::down), 0);
    EXPECT_EQ(sum(-20, false, Verdict::up), 0);
    EXPECT_EQ(sum(-20, false, Verdict::down), -20);
    EXPECT_EQ(sum(20, true, Verdict::up), -20);
    EXPECT_EQ(sum(20, true, Verdict::down), 0);
    EXPECT_EQ(sum(-20, true, Verdict::up), 0);
    EXPECT_EQ(sum(-20, true, Verdict::down), 20);
    EXPECT_EQ(sum(20, false, Verdict::unknown), 0);
    EXPECT_EQ(sum(-20, false, Verdict::unknown), 0);
}

TEST(Tracking, AWeightIsNeverAFault) {
    const Tracking tracking = after(use(script, -20), verdict(Verdict::down, "failed"));
    EXPECT_EQ(tracking.problem(), "");
    EXPECT_FALSE(tracking.is_waiting());
}

TEST(Tracking, WithoutAWeightDownIsAFault) {
    const Tracking tracking = after(
        use(script, 0),
        {.verdict = Verdict::down, .value = 0, .since = {}, .detail = "failed", .cause = "exit 1"});
    EXPECT_EQ(tracking.problem(), "tracked script chk failed: exit 1");
    EXPECT_FALSE(tracking.is_waiting());
    EXPECT_EQ(tracking.sum(), 0);
    EXPECT_EQ(after(use(script, 0), verdict(Verdict::up)).problem(), "");
}

TEST(Tracking, ReverseWithoutAWeightFaultsWhileUp) {
    EXPECT_NE(after(use(script, 0, true), verdict(Verdict::up, "succeeded")).problem(), "");
    EXPECT_EQ(after(use(script, 0, true), verdict(Verdict::down)).problem(), "");
}

TEST(Tracking, WaitsForATrackerWithoutAWeightThatHasNotSpoken) {
    Tracking tracking({use(script, 0)});
    EXPECT_TRUE(tracking.is_waiting());
    EXPECT_EQ(tracking.problem(), "waiting for the first result of tracked script chk");
    tracking.update(script, verdict(Verdict::up));
    EXPECT_FALSE(tracking.is_waiting());
    EXPECT_EQ(tracking.problem(), "");
}

TEST(Tracking, AFaultIsToldBeforeWhatIsWaitedFor) {
    Tracking tracking({use(script, 0), use(file, 0)});
    tracking.update(file, number(1));
    EXPECT_FALSE(tracking.is_waiting());
    EXPECT_EQ(tracking.problem().rfind("tracked file switch", 0), 0U);
}

TEST(Tracking, MultipliesAFilesNumber) {
    const auto of = [](int weight, std::int64_t value, bool reverse = false) {
        return after(use(file, weight, reverse), number(value));
    };
    EXPECT_EQ(of(1, 5).sum(), 5);
    EXPECT_EQ(of(2, -10).sum(), -20);
    EXPECT_EQ(of(2, -10, true).sum(), 20);
    EXPECT_EQ(of(1, 0).sum(), 0);
    EXPECT_EQ(of(1, 1'000'000).sum(), 253);
    EXPECT_EQ(of(1, -253).sum(), -253);
    EXPECT_EQ(of(1, -253).problem(), "");
    EXPECT_NE(of(1, -254).problem(), "");
    EXPECT_NE(of(254, -2'147'483'648).problem(), "");
    EXPECT_EQ(of(254, 2'147'483'647).sum(), 253);
    EXPECT_NE(of(0, 1).problem(), "");
    EXPECT_EQ(of(0, 0).problem(), "");
    EXPECT_NE(of(0, 0, true).problem(), "");
    EXPECT_EQ(of(0, 7, true).problem(), "");
}

TEST(Tracking, AddsUpWhatAllOfThemAdd) {
    Tracking tracking({use(script, 100), use(file, 1)});
    tracking.update(script, verdict(Verdict::up));
    EXPECT_EQ(tracking.sum(), 100);
    tracking.update(file, number(-30));
    EXPECT_EQ(tracking.sum(), 70);
}

TEST(Tracking, TellsApartWhatIsNew) {
    Tracking tracking({use(script, 0)});
    EXPECT_FALSE(tracking.update(file, number(1)));
    EXPECT_FALSE(tracking.update({TrackerKind::file, "chk"}, number(1)));
    EXPECT_TRUE(tracking.update(script, verdict(Verdict::up)));
    EXPECT_FALSE(tracking.update(script, verdict(Verdict::up)));
    EXPECT_TRUE(tracking.update(script, verdict(Verdict::up, "succeeded")));
}

TEST(Tracking, KeepsWhatItKnowsOverAReconfiguration) {
    Tracking tracking({use(script, -20), use(file, 1)});
    tracking.update(script, verdict(Verdict::down));
    tracking.configure({use(script, -30)});
    EXPECT_EQ(tracking.sum(), -30);
    ASSERT_EQ(tracking.lines().size(), 1U);
    EXPECT_EQ(tracking.lines()[0].effect, Effect::priority);
    EXPECT_EQ(tracking.lines()[0].summand, -30);
    tracking.configure({});
    tracking.configure({use(script, -30)});
    EXPECT_EQ(tracking.sum(), 0);
}

}  // namespace
}  // namespace headgate::vrrp
