// Goal: who gets the next connection: exact rr and wrr, draining, and what a republication changes.
#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

using Spread = std::map<int, int>;

TEST(Scheduling, RoundRobinIsExact) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(3);
    rig.publish();
    EXPECT_EQ(rig.spread(0, 300), (Spread{{1, 100}, {2, 100}, {3, 100}}));
}

TEST(Scheduling, WeightedRoundRobinIsExactInEveryWindow) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.scheduler = Scheduler::wrr;
    service.destinations = {Rig::destination(1, 3), Rig::destination(2, 2), Rig::destination(3, 1)};
    rig.publish();
    EXPECT_EQ(rig.spread(0, 300), (Spread{{1, 150}, {2, 100}, {3, 50}}));
    for (std::uint32_t window = 0; window < 7; ++window) {
        // Shifts the window by one connection each time.
        rig.spread(1000 + window * 100, 1);
        EXPECT_EQ(rig.spread(1001 + window * 100, 6), (Spread{{1, 3}, {2, 2}, {3, 1}}));
    }
}

TEST(Scheduling, RoundRobinTakesWeightsForYesOrNoOnly) {
    Rig rig;
    rig.add_service().destinations = {Rig::destination(1, 7), Rig::destination(2, 0),
                                      Rig::destination(3, 1)};
    rig.publish();
    EXPECT_EQ(rig.spread(0, 100), (Spread{{1, 50}, {3, 50}}));
}

TEST(Scheduling, ServicesTakeTheirTurnsApart) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(2);
    rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(2);
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::syn).to, Rig::mac_of(1));
    EXPECT_EQ(rig.send_udp(1).to, Rig::mac_of(1));
    EXPECT_EQ(rig.send_tcp(2, flag::syn).to, Rig::mac_of(2));
    EXPECT_EQ(rig.send_udp(2).to, Rig::mac_of(2));
}

TEST(Scheduling, RepublishingTheSameDoesNotStartTheRoundAgain) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(3);
    rig.publish();
    Spread counts;
    for (std::uint32_t client = 0; client < 300; ++client) {
        ++counts[rig.send_tcp(client, flag::syn).to.bytes[5]];
        rig.publish();
    }
    EXPECT_EQ(counts, (Spread{{1, 100}, {2, 100}, {3, 100}}));
}

TEST(Scheduling, AShrunkRoundGoesOnInBounds) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.destinations = Rig::destinations(9);
    rig.publish();
    rig.spread(0, 8);
    rig.config.services[0].destinations = Rig::destinations(2);
    rig.publish();
    EXPECT_EQ(rig.spread(100, 10), (Spread{{1, 5}, {2, 5}}));
}

TEST(Scheduling, WorkersStartAtDifferentDestinations) {
    PersistenceTable persistence(64, {});
    Publisher publisher(2);
    Rig rig;
    rig.add_service().destinations = Rig::destinations(4);
    ASSERT_TRUE(publisher.publish(rig.config));
    Core second({.connections_max = 64, .worker_index = 1, .worker_count = 2, .seed = {}},
                persistence);
    packets::Bytes frame = packets::PacketBuilder::tcp(flag::syn)
                               .macs(director, Rig::mac_of(200))
                               .from(Rig::client_endpoint(1, 1))
                               .to("192.0.2.10", 80)
                               .build();
    Burst burst;
    burst.count = 1;
    burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
    second.process(publisher.latest(), burst, 1000);
    EXPECT_EQ(frame[5], 3);
}

TEST(Scheduling, WeightZeroKeepsConnectionsAndTakesNone) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(2);
    rig.publish();
    ASSERT_EQ(rig.establish(1).to, Rig::mac_of(1));
    rig.config.services[0].destinations[0].weight = 0;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, Rig::mac_of(1));
    EXPECT_EQ(rig.spread(10, 10), (Spread{{2, 10}}));
}

TEST(Scheduling, AddingADestinationMovesNoConnection) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(3);
    rig.publish();
    std::map<std::uint32_t, MacAddress> before;
    for (std::uint32_t client = 0; client < 500; ++client)
        before[client] = rig.establish(client).to;
    // In front, so that every position in the configuration changes.
    auto& destinations = rig.config.services[0].destinations;
    destinations.insert(destinations.begin(), Rig::destination(4));
    rig.publish();
    for (std::uint32_t client = 0; client < 500; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::ack).to, before[client]);
    EXPECT_EQ(rig.spread(1000, 40), (Spread{{1, 10}, {2, 10}, {3, 10}, {4, 10}}));
}

TEST(Scheduling, ADestinationWithoutMacAddressIsNotScheduled) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(2);
    rig.config.services[0].destinations[0].mac.reset();
    rig.publish();
    EXPECT_EQ(rig.spread(0, 10), (Spread{{2, 10}}));
    rig.config.services[0].destinations[1].mac.reset();
    rig.publish();
    EXPECT_EQ(rig.send_tcp(20, flag::syn).reason, Reason::no_destination);
}

TEST(Scheduling, ANewMacAddressIsUsedAtOnce) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(1);
    rig.publish();
    rig.establish(1);
    rig.config.services[0].destinations[0].mac = Rig::mac_of(77);
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, Rig::mac_of(77));
}

TEST(Scheduling, ThresholdsAreKeptExactlyAndOpenAgain) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.destinations = Rig::destinations(2);
    service.destinations[0].connections_upper = 4;
    service.destinations[0].connections_lower = 2;
    rig.publish();
    EXPECT_EQ(rig.spread(0, 20), (Spread{{1, 4}, {2, 16}}));
    rig.wait(61);  // half-open ones are over
    EXPECT_EQ(rig.spread(100, 4), (Spread{{1, 2}, {2, 2}}));
}

TEST(Scheduling, ARoundInWhichNobodyHasATurnGoesOnWhereItWas) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.destinations = Rig::destinations(3);
    for (DestinationConfig& destination : service.destinations)
        destination.connections_upper = 1;
    rig.publish();
    ASSERT_EQ(rig.spread(0, 2), (Spread{{1, 1}, {2, 1}}));
    ASSERT_EQ(rig.send_tcp(2, flag::syn).to, Rig::mac_of(3));
    EXPECT_EQ(rig.send_tcp(3, flag::syn).reason, Reason::no_destination);
    for (DestinationConfig& destination : rig.config.services[0].destinations)
        destination.connections_upper = 0;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(4, flag::syn).to, Rig::mac_of(1));
}

TEST(Scheduling, LoadsSurviveARepublicationAndGoWithTheirDestination) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.scheduler = Scheduler::lc;
    service.destinations = Rig::destinations(2);
    rig.publish();
    rig.spread(0, 10);
    rig.config.services[0].destinations.push_back(Rig::destination(3));
    rig.publish();
    EXPECT_EQ(rig.spread(100, 5), (Spread{{3, 5}}));
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    rig.config.services[0].destinations.push_back(Rig::destination(1));
    rig.publish();
    EXPECT_EQ(rig.spread(200, 5), (Spread{{1, 5}}));
    rig.wait(61);
    EXPECT_EQ(rig.spread(300, 6), (Spread{{1, 2}, {2, 2}, {3, 2}}))
        << "old connections of the first were not its own any more";
}

TEST(Scheduling, AnActiveConnectionWeighsAs256InactiveOnes) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.scheduler = Scheduler::lc;
    service.destinations = Rig::destinations(2);
    rig.publish();
    ASSERT_EQ(rig.establish(1).to, Rig::mac_of(1));
    EXPECT_EQ(rig.spread(100, 256), (Spread{{2, 256}}));
    EXPECT_EQ(rig.send_tcp(1000, flag::syn).to, Rig::mac_of(1)) << "equal: the first";
}

TEST(Scheduling, LocalityMovesOnOnlyWhenAnotherHasLessThanHalfItsWeight) {
    Rig rig;
    ServiceConfig& service = rig.add_service();
    service.scheduler = Scheduler::lblc;
    service.destinations = {Rig::destination(1, 1), Rig::destination(2, 2)};
    rig.publish();
    ASSERT_EQ(rig.establish(1).to, Rig::mac_of(1));
    ASSERT_EQ(rig.establish(2).to, Rig::mac_of(1));
    ASSERT_EQ(rig.establish(3).to, Rig::mac_of(2)) << "2 of 1, and 0 of 2";
    rig.send_tcp(1, flag::rst);
    rig.send_tcp(2, flag::rst);
    rig.config.services[0].scheduler = Scheduler::rr;  // forgets where the clients are sent to
    rig.publish();
    rig.config.services[0].scheduler = Scheduler::lblc;
    rig.publish();
    ASSERT_EQ(rig.establish(4).to, Rig::mac_of(1));
    ASSERT_EQ(rig.establish(5).to, Rig::mac_of(1));
    EXPECT_EQ(rig.establish(6).to, Rig::mac_of(1)) << "2 of 1, but 1 of 2 is half";
}

TEST(SlotRegistry, GenerationsWrapPastThoseInUse) {
    SlotRegistry<int> registry(0xfffffffe);
    EXPECT_EQ(registry.identify(1).generation, 0xfffffffeU);
    EXPECT_EQ(registry.identify(2).generation, 0xffffffffU);
    EXPECT_EQ(registry.identify(3).generation, 1U);
    SlotRegistry<int> late(0xffffffff);
    const Identity first = late.identify(1);
    EXPECT_EQ(late.identify(2).generation, 1U);
    late.retain({2});
    for (int key = 3; key < 10; ++key)
        EXPECT_NE(late.identify(key).generation, 1U);
    EXPECT_EQ(late.identify(10).slot, 8U);
    EXPECT_EQ(late.identify(3).slot, first.slot) << "a free slot is used again";
}

}  // namespace
}  // namespace headgate::dataplane
