// Goal: the status of a tracker says what it does to the priority, and what it would do otherwise.
#include "controlplane/vrrp/tracker_status.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;
using Verdict = TrackerState::Verdict;

const TrackerId shown_script{TrackerKind::script, "chk"};
const TrackerId shown_file{TrackerKind::file, "switch"};

TEST(TrackerStatus, SaysWhatItWouldDoOtherwise) {
    Tracking tracking(
        {{.tracker = shown_script, .weight = -20}, {.tracker = shown_file, .weight = 2}});
    tracking.update(shown_script, {.verdict = Verdict::down,
                                   .since = Instant(seconds(10)),
                                   .detail = "failed 3/3",
                                   .cause = "exit 1"});
    tracking.update(shown_file,
                    {.verdict = Verdict::value, .value = 7, .detail = "is 7", .cause = ""});
    const auto statuses = tracker_statuses(tracking, Instant(seconds(12)));
    ASSERT_EQ(statuses.size(), 2U);
    EXPECT_EQ(statuses[0],
              (TrackerStatus{"track_script", "chk", "down", "failed 3/3: exit 1, since 2s", -20,
                             false, -20, 0, -20}));
    EXPECT_EQ(statuses[1], (TrackerStatus{"track_file", "switch", "7", "is 7, since 12s", 2, false,
                                          14, 14, 14}));
}

TEST(TrackerStatus, OfOneWithoutAResult) {
    const Tracking tracking({{.tracker = shown_script, .weight = 5, .reverse = true}});
    EXPECT_EQ(tracker_statuses(tracking, Instant{})[0],
              (TrackerStatus{"track_script", "chk", "unknown", "", 5, true, 0, -5, 0}));
}

TEST(TrackerStatus, OfOneThatDecidesBetweenFaultAndNot) {
    Tracking tracking({{.tracker = shown_script, .weight = 0}});
    EXPECT_EQ(tracker_statuses(tracking, Instant{})[0],
              (TrackerStatus{"track_script", "chk", "unknown", "", 0, false, 0, 0, 0, true, false,
                             true}));
    tracking.configure({{.tracker = shown_script, .weight = 0, .reverse = true}});
    tracking.update(shown_script, {.verdict = Verdict::down, .detail = "is down", .cause = ""});
    EXPECT_EQ(tracker_statuses(tracking, Instant{})[0],
              (TrackerStatus{"track_script", "chk", "down", "is down, since 0s", 0, true, 0, 0, 0,
                             false, true, false}));
}

}  // namespace
}  // namespace headgate::vrrp
