// Goal: the lateness of adverts is counted in the bucket whose bound it does not exceed.
#include "controlplane/vrrp/lateness.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::microseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(AdvertLateness, FallsIntoTheBucketBelowWhoseBoundItStays) {
    AdvertLateness lateness;
    lateness.add(nanoseconds(0));
    lateness.add(microseconds(100));
    lateness.add(microseconds(100) + nanoseconds(1));
    lateness.add(seconds(1));
    lateness.add(seconds(3));
    EXPECT_EQ(lateness.counts, (std::array<std::uint64_t, 6>{2, 1, 0, 0, 1, 1}));
    EXPECT_EQ(lateness.sum, microseconds(4'000'200) + nanoseconds(1));
    EXPECT_EQ(lateness.worst, seconds(3));
}

}  // namespace
}  // namespace headgate::vrrp
