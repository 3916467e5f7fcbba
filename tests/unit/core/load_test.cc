// Goal: thresholds have IPVS's hysteresis, one worker counts exactly, several lose nothing.
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/load.h"
#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

constexpr ConnectionCount one = ConnectionCount::one_inactive();

void fill(DestinationLoad& load, int connections) {
    for (int made = 0; made < connections; ++made)
        load.add(one);
}

TEST(DestinationLoad, WithoutThresholdIsNeverOverloaded) {
    DestinationLoad load;
    fill(load, 1000);
    EXPECT_FALSE(load.overloaded());
    EXPECT_EQ(load.count().total(), 1000U);
}

TEST(DestinationLoad, IsOverloadedFromTheUpperThresholdToBelowTheLower) {
    DestinationLoad load;
    load.set_thresholds(10, 4);
    fill(load, 9);
    EXPECT_FALSE(load.overloaded());
    fill(load, 1);
    EXPECT_TRUE(load.overloaded());
    for (int left = 9; left >= 4; --left) {
        load.add(-one);
        EXPECT_TRUE(load.overloaded()) << left;
    }
    load.add(-one);
    EXPECT_FALSE(load.overloaded());
}

TEST(DestinationLoad, WithoutALowerThresholdThreeQuartersIsIt) {
    DestinationLoad load;
    load.set_thresholds(10, 0);
    fill(load, 10);
    load.add(-one);
    load.add(-one);
    EXPECT_TRUE(load.overloaded()) << "8 of 10";
    load.add(-one);
    EXPECT_FALSE(load.overloaded()) << "7 of 10";
}

TEST(DestinationLoad, ThreeQuartersExactlyIsNotBelow) {
    DestinationLoad load;
    load.set_thresholds(8, 0);
    fill(load, 8);
    load.add(-one);
    load.add(-one);
    EXPECT_TRUE(load.overloaded()) << "6 of 8";
    load.add(-one);
    EXPECT_FALSE(load.overloaded()) << "5 of 8";
}

TEST(DestinationLoad, ALargerOrNoThresholdOpensItAtOnce) {
    DestinationLoad load;
    load.set_thresholds(10, 2);
    fill(load, 10);
    load.set_thresholds(11, 2);
    EXPECT_FALSE(load.overloaded());
    load.set_thresholds(5, 2);
    EXPECT_TRUE(load.overloaded());
    load.set_thresholds(0, 0);
    EXPECT_FALSE(load.overloaded());
}

TEST(ConnectionCount, CountsBothKindsApart) {
    const ConnectionCount two = ConnectionCount::one_active() + one;
    EXPECT_EQ(two.active(), 1U);
    EXPECT_EQ(two.inactive(), 1U);
    EXPECT_EQ((two + -one).inactive(), 0U);
    EXPECT_EQ((two + -one).active(), 1U);
    EXPECT_EQ((two + -one + -ConnectionCount::one_active()), ConnectionCount());
}

TEST(WorkerLoads, OwnChangesShowAtOnceAndThoseOfOthersWhenFlushed) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(2);
    rig.publish();
    const Snapshot& snapshot = rig.publisher.latest();
    const Slot slot = snapshot.slots()[0].destinations[1];
    const DestinationLoad& load = snapshot.load(slot);
    const Identity place{slot, snapshot.destination(slot).generation};
    WorkerLoads mine;
    WorkerLoads others;
    mine.add(snapshot, place, one);
    EXPECT_EQ(mine.count(load, slot).total(), 1U);
    EXPECT_EQ(others.count(load, slot).total(), 0U);
    mine.flush(snapshot);
    EXPECT_EQ(mine.count(load, slot).total(), 1U);
    EXPECT_EQ(others.count(load, slot).total(), 1U);
    mine.add(snapshot, {slot, place.generation + 1}, one);
    mine.flush(snapshot);
    EXPECT_EQ(load.count().total(), 1U) << "another destination has the slot by now";
}

TEST(WorkerLoads, MoreChangesThanThereIsRoomForAreNotLost) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(200);
    rig.add_service("192.0.2.11").destinations = Rig::destinations(200);
    rig.publish();
    const Snapshot& snapshot = rig.publisher.latest();
    WorkerLoads loads;
    for (int round = 0; round < 3; ++round) {
        for (const ServiceSlots& slots : snapshot.slots())
            for (const Slot slot : slots.destinations)
                loads.add(snapshot, {slot, snapshot.destination(slot).generation}, one);
    }
    loads.flush(snapshot);
    for (const ServiceSlots& slots : snapshot.slots())
        for (const Slot slot : slots.destinations)
            EXPECT_EQ(snapshot.load(slot).count().total(), 3U);
}

TEST(DestinationLoad, ThreadsThatCountAndSettleAgreeInTheEnd) {
    DestinationLoad load;
    load.set_thresholds(4, 1);
    constexpr int num_threads = 3;
    std::vector<std::thread> threads;
    threads.reserve(num_threads);
    for (int worker = 0; worker < num_threads; ++worker)
        threads.emplace_back([&load] {
            for (int round = 0; round < 20000; ++round) {
                fill(load, 3);
                for (int ended = 0; ended < 3; ++ended)
                    load.add(-one);
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_EQ(load.count().total(), 0U);
    EXPECT_FALSE(load.overloaded());
}

}  // namespace
}  // namespace headgate::dataplane
