// Goal: the life of a connection as the core sees it from the client's packets: states, timeouts,
// what ends it, what keeps it, and what the counters say meanwhile.
#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

class Connections : public ::testing::Test {
protected:
    Connections() {
        rig.add_service().destinations = Rig::destinations(2);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(2);
        rig.publish();
    }
    // Whether client 1's connection is still known after `idle` seconds.
    bool survives(std::uint32_t idle) {
        rig.wait(idle);
        return rig.send_tcp(1, flag::ack).reason == Reason::none;
    }
    TrafficStats destination(std::size_t number) {
        return rig.stats().services[0].destinations[number - 1];
    }

    Rig rig;
};

TEST_F(Connections, HalfOpenLivesFor60Seconds) {
    rig.send_tcp(1, flag::syn);
    EXPECT_TRUE(survives(60));
    rig.send_tcp(2, flag::syn);
    rig.wait(61);
    EXPECT_EQ(rig.send_tcp(2, flag::ack).reason, Reason::no_connection);
}

TEST_F(Connections, EstablishedLivesFor900Seconds) {
    rig.establish(1);
    EXPECT_TRUE(survives(900));
    EXPECT_FALSE(survives(901));
}

TEST_F(Connections, AfterFinItLivesFor120Seconds) {
    rig.establish(1);
    rig.send_tcp(1, flag::fin | flag::ack);
    EXPECT_TRUE(survives(120));
    EXPECT_FALSE(survives(121));
}

TEST_F(Connections, AfterRstItLivesFor10Seconds) {
    rig.establish(1);
    rig.send_tcp(1, flag::rst);
    EXPECT_TRUE(survives(10));
    EXPECT_FALSE(survives(11));
}

TEST_F(Connections, UdpLivesFor300Seconds) {
    const MacAddress first = rig.send_udp(1).to;
    rig.wait(300);
    EXPECT_EQ(rig.send_udp(1).to, first);
    rig.wait(301);
    EXPECT_NE(rig.send_udp(1).to, first);
}

TEST_F(Connections, AreFreedWhenTheirTimeHasCome) {
    rig.establish(1);
    rig.send_tcp(2, flag::syn);
    rig.send_udp(3);
    EXPECT_EQ(rig.core.flows(), 3U);
    rig.wait(61);
    EXPECT_EQ(rig.core.flows(), 2U);
    rig.wait(301 - 61);
    EXPECT_EQ(rig.core.flows(), 1U);
    rig.wait(901 - 301);
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(rig.events(Event::connection_expired), 3U);
}

TEST_F(Connections, AnEntryThatTheWheelHasNotReachedIsNotFollowedAnyMore) {
    rig.establish(1);
    rig.now += 901;  // no expire() in between
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::no_connection);
    EXPECT_EQ(rig.core.flows(), 0U);
}

TEST_F(Connections, ASynAfterFinOrRstIsScheduledAgain) {
    for (const std::uint8_t ending : {flag::fin, flag::rst}) {
        const MacAddress before = rig.establish(1).to;
        rig.send_tcp(1, ending);
        EXPECT_NE(rig.send_tcp(1, flag::syn).to, before);
        EXPECT_EQ(rig.core.flows(), 1U);
    }
}

TEST_F(Connections, ASynDoesNotMoveALiveConnection) {
    const MacAddress before = rig.establish(1).to;
    EXPECT_EQ(rig.send_tcp(1, flag::syn).to, before);
    EXPECT_TRUE(survives(900));
}

TEST_F(Connections, APacketOfAHalfOpenConnectionWithSynAndAckDoesNotEstablishIt) {
    rig.send_tcp(1, flag::syn);
    rig.send_tcp(1, flag::syn | flag::ack);
    EXPECT_EQ(destination(1).active_connections, 0U);
}

TEST_F(Connections, APacketOnItsLastHopEndsHereAndTheConnectionGoesOn) {
    rig.establish(1);
    const auto packet = packets::PacketBuilder::tcp(flag::ack)
                            .from(Rig::client_endpoint(1, 40000))
                            .to("192.0.2.10", 80);
    EXPECT_EQ(rig.send(packets::PacketBuilder(packet).ttl(1)).reason, Reason::hops_exceeded);
    EXPECT_EQ(rig.send(packets::PacketBuilder(packet).ttl(2)).reason, Reason::none);
}

TEST_F(Connections, WhatIsRefusedHasNotTheServerOfThePacketBefore) {
    rig.establish(1);
    ASSERT_NE(rig.core.fates()[0].destination.slot, no_slot);
    ASSERT_EQ(rig.send_tcp(2, flag::ack).reason, Reason::no_connection);
    EXPECT_EQ(rig.core.fates()[0].destination.slot, no_slot);
}

TEST_F(Connections, SurviveWhileTheServiceIsInactive) {
    const MacAddress before = rig.establish(1).to;
    rig.config.services[0].active = false;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::service_inactive);
    rig.config.services[0].active = true;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, before);
}

TEST_F(Connections, OfARemovedDestinationAreRefusedByNameAndBeginAnewWithASyn) {
    ASSERT_EQ(rig.establish(1).to, Rig::mac_of(1));
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    const Sent refused = rig.send_tcp(1, flag::ack);
    EXPECT_EQ(refused.reason, Reason::destination_removed);
    EXPECT_EQ(refused.verdict, Verdict::kernel);
    EXPECT_EQ(refused.to, director);
    EXPECT_EQ(rig.send_tcp(1, flag::syn).to, Rig::mac_of(2));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, Rig::mac_of(2));
}

TEST_F(Connections, OfADestinationThatCameBackAreNotItsOwn) {
    rig.establish(1);
    const auto all = rig.config.services[0].destinations;
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    rig.config.services[0].destinations = all;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::destination_removed);
    EXPECT_EQ(destination(1).connections, 0U);
}

TEST_F(Connections, OfUdpWhoseDestinationIsGoneAreScheduledAgain) {
    ASSERT_EQ(rig.send_udp(1).to, Rig::mac_of(1));
    rig.config.services[1].destinations.erase(rig.config.services[1].destinations.begin());
    rig.publish();
    EXPECT_EQ(rig.send_udp(1).to, Rig::mac_of(2));
}

TEST_F(Connections, WaitForAMacAddressThatIsUnknownAtTheMoment) {
    rig.establish(1);
    rig.config.services[0].destinations[0].mac.reset();
    rig.publish();
    const Sent sent = rig.send_tcp(1, flag::ack);
    EXPECT_EQ(sent.reason, Reason::destination_unresolved);
    EXPECT_EQ(sent.verdict, Verdict::drop);
    EXPECT_EQ(sent.to, director);
    rig.config.services[0].destinations[0].mac = Rig::mac_of(1);
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, Rig::mac_of(1));
}

TEST_F(Connections, AreCountedByStateAsIpvsDoes) {
    rig.send_tcp(1, flag::syn);
    EXPECT_EQ(destination(1).inactive_connections, 1U);
    rig.send_tcp(1, flag::ack);
    EXPECT_EQ(destination(1).active_connections, 1U);
    EXPECT_EQ(destination(1).inactive_connections, 0U);
    rig.send_tcp(1, flag::fin | flag::ack);
    EXPECT_EQ(destination(1).active_connections, 0U);
    EXPECT_EQ(destination(1).inactive_connections, 1U);
    rig.wait(121);
    EXPECT_EQ(destination(1).inactive_connections, 0U);
    EXPECT_EQ(destination(1).connections, 1U);
    EXPECT_EQ(destination(1).packets, 3U);
    EXPECT_EQ(destination(1).bytes, 3U * 40U);
    EXPECT_EQ(rig.stats().services[0].total.packets, 3U);
    EXPECT_EQ(rig.stats().services[0].total.connections, 1U);
}

TEST_F(Connections, OfARemovedDestinationDoNotDisturbTheCountersOfTheNextInItsSlot) {
    rig.establish(1);
    rig.establish(3);  // both slots have been used
    rig.config.services[0].destinations = {Rig::destination(9)};
    rig.publish();
    rig.establish(2);
    rig.wait(600);
    rig.send_tcp(2, flag::ack);
    rig.wait(301);  // the first two connections have ended
    EXPECT_EQ(rig.core.flows(), 1U);
    EXPECT_EQ(destination(1).active_connections, 1U);
    EXPECT_EQ(destination(1).connections, 1U);
    EXPECT_EQ(destination(1).packets, 3U);
}

TEST_F(Connections, OfOneBurstSeeEachOther) {
    std::vector<packets::Bytes> frames;
    for (const std::uint8_t flags : {flag::syn, flag::ack, flag::ack}) {
        frames.push_back(packets::PacketBuilder::tcp(flags)
                             .macs(director, Rig::mac_of(200))
                             .from("10.1.0.1", 1)
                             .to("192.0.2.10", 80)
                             .build());
    }
    Burst burst;
    burst.count = 3;
    for (std::size_t index = 0; index < 3; ++index)
        burst.frames[index] = {frames[index].data(),
                               static_cast<std::uint32_t>(frames[index].size())};
    rig.core.process(rig.publisher.latest(), burst, rig.now);
    for (std::size_t index = 0; index < 3; ++index)
        EXPECT_EQ(burst.verdicts[index], Verdict::transmit);
    EXPECT_EQ(rig.core.flows(), 1U);
    EXPECT_EQ(destination(1).active_connections, 1U);
}

TEST_F(Connections, FramesOfAnUnknownInterfaceGoToTheKernel) {
    packets::Bytes frame = packets::PacketBuilder::tcp(flag::syn).to("192.0.2.10", 80).build();
    Burst burst;
    burst.count = 1;
    burst.interface = 7;
    burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
    rig.core.process(rig.publisher.latest(), burst, rig.now);
    EXPECT_EQ(burst.verdicts[0], Verdict::kernel);
    EXPECT_EQ(burst.reasons[0], Reason::no_service);
}

// ---- timeouts of the service ----

TEST_F(Connections, LiveForTheTimeoutsOfTheirService) {
    rig.config.services[0].timeouts = {.tcp_s = 3000, .tcp_fin_s = 20, .udp_s = 7};
    rig.config.services[1].timeouts = {.tcp_s = 5, .tcp_fin_s = 5, .udp_s = 40};
    rig.publish();
    rig.establish(1);
    EXPECT_TRUE(survives(3000));
    rig.send_tcp(1, flag::fin | flag::ack);
    EXPECT_TRUE(survives(20));
    EXPECT_FALSE(survives(21));
    const MacAddress first = rig.send_udp(1).to;
    rig.wait(40);
    EXPECT_EQ(rig.send_udp(1).to, first);
    rig.wait(41);
    EXPECT_NE(rig.send_udp(1).to, first);
}

TEST_F(Connections, OfSctpKeepTheDefaultTimeouts) {
    ServiceConfig& service = rig.add_service("192.0.2.11", 80, Protocol::sctp);
    service.destinations = Rig::destinations(2);
    service.timeouts = {.tcp_s = 5, .tcp_fin_s = 5, .udp_s = 5};
    rig.publish();
    const auto send = [this](std::uint8_t chunk) {
        return rig.send(packets::PacketBuilder::sctp(chunk)
                            .from(Rig::client_endpoint(1, 40000))
                            .to("192.0.2.11", 80));
    };
    constexpr std::uint8_t init = 1;
    constexpr std::uint8_t data = 0;
    send(init);
    send(data);
    rig.wait(900);
    EXPECT_EQ(send(data).reason, Reason::none);
    rig.wait(901);
    EXPECT_EQ(send(data).reason, Reason::no_connection);
}

TEST_F(Connections, ATimeoutThatIsTooLongIsRefused) {
    rig.config.services[0].timeouts.tcp_s = timeout_max_s + 1;
    EXPECT_FALSE(rig.publisher.publish(rig.config));
}

TEST_F(Connections, LiveOnWhileTicksWrap) {
    rig.now = 0xffffffff - 100;
    rig.establish(1);
    rig.send_tcp(2, flag::syn);
    rig.wait(61);
    EXPECT_EQ(rig.core.flows(), 1U);
    EXPECT_TRUE(survives(900 - 61));
    EXPECT_FALSE(survives(901));
}

TEST_F(Connections, WhatFoundNoRoomIsRememberedWhileTicksWrap) {
    Rig small(2);
    small.add_service().destinations = Rig::destinations(2);
    small.publish();
    small.now = 0xffffffff - 100;
    small.establish(1);
    small.establish(2);
    EXPECT_EQ(small.send_tcp(3, flag::syn).verdict, Verdict::transmit);
    small.now += 900;
    EXPECT_EQ(small.send_tcp(3, flag::ack).verdict, Verdict::transmit);
    small.now += 1000;
    EXPECT_EQ(small.send_tcp(4, flag::ack).reason, Reason::no_connection);
}

// ---- one-packet scheduling ----

class OnePacket : public ::testing::Test {
protected:
    OnePacket() {
        ServiceConfig& service = rig.add_service("192.0.2.10", 53, Protocol::udp);
        service.destinations = Rig::destinations(3);
        service.one_packet = true;
        rig.publish();
    }
    Rig rig;
};

TEST_F(OnePacket, SchedulesEveryPacketAndRemembersNone) {
    for (std::uint8_t packet = 0; packet < 9; ++packet)
        EXPECT_EQ(rig.send_udp(1).to, Rig::mac_of(packet % 3 + 1));
    EXPECT_EQ(rig.core.flows(), 0U);
    const ServiceTrafficStats stats = rig.stats().services[0];
    EXPECT_EQ(stats.total.connections, 9U);
    EXPECT_EQ(stats.destinations[1].packets, 3U);
    EXPECT_EQ(stats.destinations[1].inactive_connections, 0U);
}

TEST_F(OnePacket, KeepsTheClientsOfAPersistentService) {
    rig.config.services[0].persistence_timeout_s = 50;
    rig.publish();
    const MacAddress first = rig.send_udp(1, 1).to;
    for (std::uint16_t port = 2; port < 6; ++port)
        EXPECT_EQ(rig.send_udp(1, port).to, first);
    EXPECT_NE(rig.send_udp(2, 1).to, first);
    rig.wait(51 + PersistenceTable::sweep_period_s);
    EXPECT_EQ(rig.persistence.size(), 0U) << "no connection holds the client";
}

TEST_F(OnePacket, NeedsNoRoom) {
    Rig small(1);
    ServiceConfig& service = small.add_service("192.0.2.10", 53, Protocol::udp);
    service.destinations = Rig::destinations(2);
    small.publish();
    small.send_udp(1);
    small.config.services[0].one_packet = true;
    small.publish();
    EXPECT_EQ(small.send_udp(2, 1).to, Rig::mac_of(2));
    EXPECT_EQ(small.send_udp(2, 1).to, Rig::mac_of(1));
    EXPECT_EQ(small.events(Event::forwarded_stateless), 0U);
}

// ---- a destination that leaves ----

TEST_F(Connections, OfALeavingDestinationGoOnAndNobodyElseComes) {
    const MacAddress first = rig.establish(1).to;
    rig.config.services[0].destinations[0].leaving = true;
    rig.publish();
    EXPECT_EQ(first, Rig::mac_of(1));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, first);
    EXPECT_EQ(rig.spread(10, 6), (std::map<int, int>{{2, 6}}));
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::destination_removed);
}

}  // namespace
}  // namespace headgate::dataplane
