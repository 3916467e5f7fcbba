// Goal: without a control plane, services on VRRP addresses stop when their lease is over, and the
// process ends when it serves nothing; never before.
#include "dataplane/lease.h"

#include <gtest/gtest.h>

namespace headgate::dataplane {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant start{seconds(1000)};

TEST(Lease, HoldsWhileTheControlPlaneIsConnected) {
    Lease lease(false, start);
    lease.control_applied(seconds(3));
    EXPECT_FALSE(lease.expired(start + seconds(100000)));
    EXPECT_FALSE(lease.should_exit(false, start + seconds(100000)));
}

TEST(Lease, ExpiresWhenTheControlPlaneHasBeenGoneForItsTime) {
    Lease lease(false, start);
    lease.control_applied(seconds(3));
    lease.control_lost(start);
    EXPECT_FALSE(lease.expired(start + milliseconds(2999)));
    EXPECT_TRUE(lease.expired(start + seconds(3)));
}

TEST(Lease, IsRenewedByAControlPlaneThatReturns) {
    Lease lease(false, start);
    lease.control_applied(seconds(3));
    lease.control_lost(start);
    ASSERT_FALSE(lease.should_exit(false, start + seconds(3)));
    lease.control_applied(seconds(5));
    EXPECT_FALSE(lease.expired(start + seconds(4)));
    lease.control_lost(start + seconds(10));
    EXPECT_FALSE(lease.expired(start + seconds(14)));
    EXPECT_TRUE(lease.expired(start + seconds(15)));
    EXPECT_FALSE(lease.should_exit(false, start + seconds(34)))
        << "the 30 s begin anew with the new loss";
}

TEST(Lease, EndsTheProcessThirtySecondsAfterTheLastServiceStopped) {
    Lease lease(false, start);
    lease.control_applied(seconds(3));
    lease.control_lost(start);
    EXPECT_FALSE(lease.should_exit(false, start + seconds(3)));
    EXPECT_FALSE(lease.should_exit(false, start + milliseconds(32999)));
    EXPECT_TRUE(lease.should_exit(false, start + seconds(33)));
}

TEST(Lease, KeepsAProcessThatStillServesSomething) {
    Lease lease(false, start);
    lease.control_applied(seconds(3));
    lease.control_lost(start);
    EXPECT_FALSE(lease.should_exit(true, start + seconds(100000)));
    EXPECT_FALSE(lease.should_exit(false, start + seconds(100001)));
    EXPECT_TRUE(lease.should_exit(false, start + seconds(100031)));
}

TEST(Lease, EndsAProcessThatNoControlPlaneEverFound) {
    Lease lease(false, start);
    EXPECT_FALSE(lease.should_exit(false, start));
    EXPECT_TRUE(lease.should_exit(false, start + seconds(30)));
}

TEST(Lease, NeverEndsAProcessWithATableOfItsOwn) {
    Lease lease(true, start);
    EXPECT_FALSE(lease.expired(start + seconds(100000)));
    EXPECT_FALSE(lease.should_exit(false, start + seconds(100000)));
}

}  // namespace
}  // namespace headgate::dataplane
