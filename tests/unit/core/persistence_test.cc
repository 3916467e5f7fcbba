// Goal: clients of a persistent service stay with their destination as IPVS's templates keep them:
// by prefix, for the timeout, as long as connections exist, and not when the destination is gone.
// Method: through the core; the table alone for its bounds; threads for the locks (run it under a
// thread sanitizer).
#include <algorithm>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

class Persistence : public ::testing::Test {
protected:
    Persistence() {
        ServiceConfig& service = rig.add_service();
        service.destinations = Rig::destinations(3);
        service.persistence_timeout_s = 50;
        rig.publish();
    }
    MacAddress open(std::uint32_t client, std::uint16_t port) {
        return rig.send_tcp(client, flag::syn, port).to;
    }
    // Opens a connection and lets it end without a trace but the client's binding.
    MacAddress visit(std::uint32_t client, std::uint16_t port) {
        const MacAddress to = open(client, port);
        rig.send_tcp(client, flag::rst, port);
        return to;
    }

    Rig rig;
};

TEST_F(Persistence, AClientStaysAndAnotherGetsAnother) {
    const MacAddress first = open(1, 1);
    for (std::uint16_t port = 2; port < 20; ++port)
        EXPECT_EQ(open(1, port), first);
    EXPECT_NE(open(2, 1), first);
    EXPECT_EQ(rig.persistence.size(), 2U);
    EXPECT_EQ(rig.events(Event::persistence_created), 2U);
}

TEST_F(Persistence, LastsForItsTimeoutAfterTheLastConnectionBegan) {
    const MacAddress first = visit(1, 1);
    rig.wait(50);
    EXPECT_EQ(visit(1, 2), first);
    rig.wait(50);
    EXPECT_EQ(visit(1, 3), first);
    rig.wait(51);
    EXPECT_NE(visit(1, 4), first);
}

TEST_F(Persistence, LastsWhileAConnectionExists) {
    const MacAddress first = open(1, 1);
    for (int minute = 0; minute < 20; ++minute) {
        rig.wait(60);
        ASSERT_EQ(rig.send_tcp(1, flag::ack, 1).to, first);
    }
    EXPECT_EQ(open(1, 2), first);
}

TEST_F(Persistence, IsFreedWhenItIsOver) {
    visit(1, 1);
    rig.wait(51 + PersistenceTable::sweep_period_s);
    EXPECT_EQ(rig.persistence.size(), 0U);
}

TEST_F(Persistence, GoesByThePrefixOfTheClient) {
    rig.config.services[0].persistence_prefix_length = 24;
    rig.publish();
    const MacAddress first = open(0x0101, 1);
    EXPECT_EQ(open(0x01fe, 1), first);
    EXPECT_NE(open(0x0201, 1), first);
    EXPECT_EQ(rig.persistence.size(), 2U);
}

TEST_F(Persistence, IsOfOneServiceOnly) {
    ServiceConfig& other = rig.add_service("192.0.2.10", 53, Protocol::udp);
    other.destinations = Rig::destinations(3);
    other.persistence_timeout_s = 50;
    rig.publish();
    EXPECT_EQ(open(1, 1), Rig::mac_of(1));
    EXPECT_EQ(open(2, 1), Rig::mac_of(2));
    EXPECT_EQ(rig.send_udp(2).to, Rig::mac_of(1));
}

class GroupPersistence : public Persistence {
protected:
    GroupPersistence() {
        ServiceConfig& other = rig.add_service("192.0.2.10", 53, Protocol::udp);
        other.destinations = Rig::destinations(4);
        // In another order, so that slots and positions differ.
        std::ranges::reverse(other.destinations);
        other.persistence_timeout_s = 50;
        for (ServiceConfig& service : rig.config.services)
            service.group = "both";
        rig.publish();
    }
};

TEST_F(GroupPersistence, SendsAClientToTheSameServerOnAllServices) {
    for (std::uint32_t client = 1; client < 20; ++client) {
        const MacAddress first = open(client, 1);
        EXPECT_EQ(rig.send_udp(client).to, first);
        EXPECT_EQ(open(client, 2), first);
    }
    EXPECT_EQ(rig.persistence.size(), 19U);
}

TEST_F(GroupPersistence, SchedulesAnewWhereTheServerIsNot) {
    ASSERT_EQ(rig.send_udp(1).to, Rig::mac_of(4));  // which the other service has not
    const MacAddress next = open(1, 1);
    EXPECT_NE(next, Rig::mac_of(4));
    EXPECT_EQ(rig.send_udp(1, 2).to, next) << "the later one counts";
}

TEST_F(GroupPersistence, SurvivesARepublicationAndEndsWithTheGroup) {
    const MacAddress first = open(1, 1);
    rig.config.services[0].destinations.push_back(Rig::destination(9));
    rig.publish();
    EXPECT_EQ(rig.send_udp(1).to, first);
    for (ServiceConfig& service : rig.config.services)
        service.group = "another";
    rig.publish();
    open(1, 2);
    EXPECT_EQ(rig.events(Event::persistence_created), 2U);
}

TEST_F(Persistence, FollowsADestinationOfWeightZero) {
    ASSERT_EQ(visit(1, 1), Rig::mac_of(1));
    rig.config.services[0].destinations[0].weight = 0;
    rig.publish();
    EXPECT_EQ(visit(1, 2), Rig::mac_of(1));
    EXPECT_NE(visit(2, 1), Rig::mac_of(1));
}

TEST_F(Persistence, LeavesADestinationOfWeightZeroWhenToldTo) {
    ASSERT_EQ(visit(1, 1), Rig::mac_of(1));
    rig.config.services[0].expire_quiescent = true;
    rig.publish();
    EXPECT_EQ(visit(1, 2), Rig::mac_of(1));
    rig.config.services[0].destinations[0].inhibited = true;
    rig.publish();
    const MacAddress next = visit(1, 3);
    EXPECT_NE(next, Rig::mac_of(1));
    EXPECT_EQ(visit(1, 4), next) << "and is bound to the other one";
}

TEST_F(Persistence, NeverStaysWithADestinationThatLeaves) {
    ASSERT_EQ(visit(1, 1), Rig::mac_of(1));
    rig.config.services[0].destinations[0].leaving = true;
    rig.publish();
    EXPECT_NE(visit(1, 2), Rig::mac_of(1));
}

TEST_F(Persistence, KeepsTheClientsOfADestinationOverItsThreshold) {
    rig.config.services[0].destinations[0].connections_upper = 1;
    rig.publish();
    ASSERT_EQ(open(1, 1), Rig::mac_of(1));
    EXPECT_EQ(open(1, 2), Rig::mac_of(1));
    EXPECT_NE(open(2, 1), Rig::mac_of(1));
}

TEST_F(Persistence, LastsWhileTicksWrap) {
    rig.now = 0xffffffff - 20;
    const MacAddress first = visit(1, 1);
    rig.wait(50);
    EXPECT_EQ(visit(1, 2), first);
    rig.wait(51);
    EXPECT_NE(visit(1, 3), first);
}

TEST_F(Persistence, EndsWithItsDestination) {
    ASSERT_EQ(visit(1, 1), Rig::mac_of(1));
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    const MacAddress next = visit(1, 2);
    EXPECT_NE(next, Rig::mac_of(1));
    rig.config.services[0].destinations.push_back(Rig::destination(1));
    rig.publish();
    EXPECT_EQ(visit(1, 3), next) << "and does not come back with it";
}

TEST_F(Persistence, OfADestinationThatIsGoneIsFreedEarly) {
    rig.config.services[0].persistence_timeout_s = 5000;
    rig.publish();
    visit(1, 1);
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    rig.wait(11 + PersistenceTable::sweep_period_s);
    EXPECT_EQ(rig.persistence.size(), 0U);
}

TEST_F(Persistence, MovesOnWhenTheDestinationCannotBeReached) {
    ASSERT_EQ(visit(1, 1), Rig::mac_of(1));
    rig.config.services[0].destinations[0].mac.reset();
    rig.publish();
    const MacAddress next = visit(1, 2);
    EXPECT_NE(next, Rig::mac_of(1));
    rig.config.services[0].destinations[0].mac = Rig::mac_of(1);
    rig.publish();
    EXPECT_EQ(visit(1, 3), next);
}

TEST_F(Persistence, SwitchedOffIsForgotten) {
    visit(1, 1);
    rig.config.services[0].persistence_timeout_s = 0;
    rig.publish();
    EXPECT_EQ(rig.spread(10, 30), (std::map<int, int>{{1, 10}, {2, 10}, {3, 10}}));
}

TEST(PersistenceTable, WhenFullForwardsWithoutBindingAndCountsIt) {
    Rig rig(4096, 64);  // one binding per stripe
    ServiceConfig& service = rig.add_service();
    service.destinations = Rig::destinations(3);
    service.persistence_timeout_s = 50;
    rig.publish();
    for (std::uint32_t client = 0; client < 1000; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::syn).verdict, Verdict::transmit);
    EXPECT_EQ(rig.persistence.size(), 64U);
    EXPECT_EQ(rig.events(Event::persistence_full), 1000U - 64U);
}

TEST(PersistenceTable, KeepsTheBindingOfTheWorkerThatWasFaster) {
    PersistenceTable table(64, {});
    const PersistenceKey key{wide_v4(Be32(1)), 1};
    const Identity one{1, 1};
    const Identity two{2, 2};
    // Both workers looked before either bound.
    const auto first = table.bind(key, std::nullopt, one, 50, 1000);
    const auto second = table.bind(key, std::nullopt, two, 50, 1000);
    EXPECT_TRUE(first.created);
    EXPECT_FALSE(second.created);
    EXPECT_EQ(second.destination, one);
    EXPECT_EQ(second.binding, first.binding);
    // Who saw the old binding may replace it.
    EXPECT_EQ(table.bind(key, one, two, 50, 1000).destination, two);
}

TEST(PersistenceTable, ThreadsBindReleaseAndSweepWithoutLosingABinding) {
    constexpr std::uint32_t clients = 500;
    PersistenceTable table(64 * clients, {});
    const Snapshot empty;
    std::atomic<bool> wrong{false};
    const auto work = [&table, &wrong](std::uint32_t seed) {
        for (std::uint32_t round = 0; round < 20000; ++round) {
            const std::uint32_t client = (round * 7 + seed) % clients;
            const PersistenceKey key{wide_v4(Be32(client)), 1};
            const auto seen = table.find(key, 1000);
            const auto bound = table.bind(key, seen, {client, 1}, 50, 1000);
            if (bound.destination.slot != client)
                wrong = true;
            table.release(bound.binding);
        }
    };
    std::vector<std::thread> threads;
    for (std::uint32_t seed = 0; seed < 3; ++seed)
        threads.emplace_back(work, seed);
    for (int sweep = 0; sweep < 200; ++sweep)
        table.expire(empty, 1000);
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_FALSE(wrong);
    for (Tick second = 0; second < 2 * PersistenceTable::sweep_period_s; ++second)
        table.expire(empty, 1051);
    EXPECT_EQ(table.size(), 0U) << "every connection was released";
}

}  // namespace
}  // namespace headgate::dataplane
