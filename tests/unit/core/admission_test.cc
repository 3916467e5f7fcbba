// Goal: who may begin a connection. Blocked clients may not, and lose those that they have;
// prefixes and workers have their limits; what the gate keeps out is served all the same, by one
// server.
#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

using packets::PacketBuilder;

class AdmissionTest : public ::testing::Test {
protected:
    AdmissionTest() {
        rig.add_service().destinations = Rig::destinations(5);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(5);
        rig.publish();
    }
    void publish(const std::vector<AccessRule>& rules) {
        Result<AccessList> list = AccessList::build(rules);
        rig.config.protection.access = std::make_shared<const AccessList>(*list);
        rig.publish();
    }
    static AccessRule rule(const char* prefix, Access access) {
        return {*Prefix::parse(prefix), access};
    }
    std::uint32_t enforce() {
        std::uint32_t pieces = 1;
        while (rig.core.enforce_access(rig.publisher.latest(), rig.now))
            ++pieces;
        return pieces;
    }
    Protection& protection() { return rig.config.protection; }

    Rig rig;
};

// ---- block and allow lists ----

TEST_F(AdmissionTest, ABlockedClientBeginsNoConnection) {
    publish({rule("10.1.0.7/32", Access::blocked)});
    EXPECT_EQ(rig.send_tcp(7, flag::syn).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send_tcp(7, flag::ack).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send_udp(7).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send_tcp(8, flag::syn).verdict, Verdict::transmit);
}

TEST_F(AdmissionTest, ABlockedClientLosesItsConnectionsAndNobodyElseDoes) {
    for (std::uint32_t client = 0; client < 2000; ++client)
        rig.establish(client);
    publish({rule("10.1.0.0/24", Access::blocked), rule("10.1.0.128/25", Access::allowed)});
    EXPECT_GT(enforce(), 1U);  // the table has more nodes than one piece looks at
    EXPECT_EQ(rig.events(Event::connection_blocked), 128U);
    EXPECT_EQ(rig.core.flows(), 2000U - 128U);
    EXPECT_EQ(rig.send_tcp(0, flag::ack).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send_tcp(127, flag::ack).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send_tcp(128, flag::ack).verdict, Verdict::transmit);
    EXPECT_EQ(rig.stats().services[0].total.active_connections, 2000U - 128U);
}

TEST_F(AdmissionTest, ATableIsHeldAgainstEachListOnce) {
    rig.establish(7);
    publish({rule("10.9.0.0/16", Access::blocked)});
    EXPECT_EQ(enforce(), 4U);
    EXPECT_EQ(enforce(), 1U);
    publish({rule("10.9.0.0/16", Access::blocked)});  // the same again
    EXPECT_EQ(enforce(), 1U);
    publish({rule("10.1.0.0/16", Access::blocked)});
    EXPECT_EQ(enforce(), 4U);
    EXPECT_EQ(rig.events(Event::connection_blocked), 1U);
}

TEST_F(AdmissionTest, AListThatBlocksNobodyIsHeldAgainstNothing) {
    rig.establish(7);
    publish({rule("10.1.0.0/16", Access::allowed)});
    EXPECT_EQ(enforce(), 1U);
}

TEST_F(AdmissionTest, AListThatIsPublishedInBetweenIsEnforcedFromTheStart) {
    rig.establish(7);
    publish({rule("10.9.0.0/16", Access::blocked)});
    EXPECT_TRUE(rig.core.enforce_access(rig.publisher.latest(), rig.now));
    publish({rule("10.1.0.0/16", Access::blocked)});
    EXPECT_EQ(enforce(), 4U);
    EXPECT_EQ(rig.core.flows(), 0U);
}

TEST_F(AdmissionTest, ABlockedClientIsToldNothing) {
    publish({rule("198.51.100.7/32", Access::blocked)});
    const Sent sent = rig.send(
        PacketBuilder::tcp(flag::syn).from("198.51.100.7", 4000).to("192.0.2.10", 80).ttl(1));
    EXPECT_EQ(sent.reason, Reason::source_blocked);
    EXPECT_TRUE(rig.core.released().empty());
}

TEST_F(AdmissionTest, WhatIsNoServicesIsNotAskedAbout) {
    publish({rule("0.0.0.0/0", Access::blocked)});
    EXPECT_EQ(
        rig.send(PacketBuilder::tcp(flag::syn).from("10.1.0.1", 1).to("192.0.2.1", 22)).reason,
        Reason::no_service);
}

// ---- limits of prefixes ----

TEST_F(AdmissionTest, APrefixOpensOnlySoManyConnectionsInASecond) {
    protection().source_rate = 3;
    rig.publish();
    const auto opened = [&](std::uint32_t first) {
        int count = 0;
        for (std::uint32_t client = first; client < first + 10; ++client)
            count += rig.send_tcp(client, flag::syn).verdict == Verdict::transmit ? 1 : 0;
        return count;
    };
    EXPECT_EQ(opened(0), 3);
    EXPECT_EQ(opened(256), 3);
    EXPECT_EQ(opened(10), 0);
    EXPECT_EQ(rig.core.counters().get(Reason::source_limited), 24U);
    rig.wait(1);
    EXPECT_EQ(opened(20), 3);
}

TEST_F(AdmissionTest, WhatAPrefixHasGoesOnAboveItsLimit) {
    protection().source_rate = 1;
    rig.publish();
    const MacAddress to = rig.establish(7).to;
    EXPECT_EQ(rig.send_tcp(8, flag::syn).reason, Reason::source_limited);
    EXPECT_EQ(rig.send_tcp(7, flag::syn).to, to);  // again, of the same connection
    EXPECT_EQ(rig.send_tcp(7, flag::ack).to, to);
}

TEST_F(AdmissionTest, ThePrefixesHaveTheLengthsThatAreConfigured) {
    protection().source_rate = 1;
    protection().source_prefix_length_v4 = 31;
    rig.publish();
    rig.send_tcp(4, flag::syn);
    EXPECT_EQ(rig.send_tcp(5, flag::syn).reason, Reason::source_limited);
    EXPECT_EQ(rig.send_tcp(6, flag::syn).verdict, Verdict::transmit);
}

TEST_F(AdmissionTest, AnAllowedClientHasNoLimit) {
    protection().source_rate = 0;
    protection().connection_rate = 0;
    publish({rule("10.1.0.7/32", Access::allowed)});
    EXPECT_EQ(rig.send_tcp(8, flag::syn).reason, Reason::source_limited);
    EXPECT_EQ(rig.establish(7).verdict, Verdict::transmit);
    EXPECT_EQ(rig.core.flows(), 1U);
}

TEST_F(AdmissionTest, AWorkerAllowsItsShare) {
    Core one_of_four({.worker_count = 4, .seed = {}}, rig.persistence);
    protection().source_rate = 10;
    rig.publish();
    for (std::uint16_t port = 0; port < 20; ++port) {
        packets::Bytes frame = PacketBuilder::tcp(flag::syn)
                                   .macs(director, Rig::mac_of(200))
                                   .from(Rig::client_endpoint(1, port))
                                   .to("192.0.2.10", 80)
                                   .build();
        Burst burst;
        burst.count = 1;
        burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
        one_of_four.process(rig.publisher.latest(), burst, rig.now);
    }
    EXPECT_EQ(one_of_four.flows(), 3U);
}

// ---- the gate ----

TEST_F(AdmissionTest, AboveTheRateConnectionsGoOnWithoutAnEntry) {
    protection().connection_rate = 10;
    rig.publish();
    for (std::uint32_t client = 0; client < 100; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::syn).verdict, Verdict::transmit);
    EXPECT_EQ(rig.core.flows(), 10U);
    EXPECT_EQ(rig.events(Event::connection_deferred), 90U);
    EXPECT_EQ(rig.events(Event::connection_created), 10U);
}

TEST_F(AdmissionTest, TheNextPacketOfADeferredConnectionMakesItAtTheSameServer) {
    protection().connection_rate = 0;
    rig.publish();
    std::map<std::uint32_t, MacAddress> to;
    for (std::uint32_t client = 0; client < 100; ++client)
        to[client] = rig.send_tcp(client, flag::syn).to;
    EXPECT_EQ(rig.core.flows(), 0U);
    protection().connection_rate = 1000;
    rig.publish();
    for (std::uint32_t client = 0; client < 50; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::ack).to, to[client]);
    // A SYN that comes again while the gate is open.
    for (std::uint32_t client = 50; client < 100; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::syn).to, to[client]);
    EXPECT_EQ(rig.core.flows(), 100U);
    EXPECT_EQ(rig.events(Event::connection_recovered), 50U);
    for (std::uint32_t client = 0; client < 100; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::psh | flag::ack).to, to[client]);
}

TEST_F(AdmissionTest, ADeferredConnectionGoesOnWhileTheGateStaysShut) {
    protection().connection_rate = 0;
    rig.publish();
    const MacAddress to = rig.send_tcp(7, flag::syn).to;
    rig.wait(60);
    for (int packet = 0; packet < 5; ++packet) {
        EXPECT_EQ(rig.send_tcp(7, flag::ack).to, to);
        rig.wait(900);  // as long as an established connection may be idle
    }
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(rig.events(Event::connection_deferred), 6U);
}

TEST_F(AdmissionTest, ADeferredConnectionThatIsNotAnsweredIsForgotten) {
    protection().connection_rate = 0;
    rig.publish();
    rig.send_tcp(7, flag::syn);
    rig.wait(61);
    EXPECT_EQ(rig.send_tcp(7, flag::ack).reason, Reason::no_connection);
}

TEST_F(AdmissionTest, ConnectionsAreScheduledAgainOnceTheGateHasBeenOpenForLong) {
    protection().connection_rate = 0;
    rig.publish();
    rig.send_tcp(7, flag::syn);
    protection().connection_rate = TokenBudget::unlimited;
    rig.publish();
    rig.wait(61);
    EXPECT_EQ(rig.spread(100, 50),
              (std::map<int, int>{{1, 10}, {2, 10}, {3, 10}, {4, 10}, {5, 10}}))
        << "round robin";
    EXPECT_EQ(rig.send_tcp(8, flag::ack).reason, Reason::no_connection);
}

TEST_F(AdmissionTest, DatagramsOfADeferredFlowStayTogether) {
    protection().connection_rate = 0;
    rig.publish();
    const MacAddress to = rig.send_udp(7).to;
    rig.wait(299);
    protection().connection_rate = 1000;
    rig.publish();
    EXPECT_EQ(rig.send_udp(7).to, to);
    EXPECT_EQ(rig.core.flows(), 1U);
}

TEST_F(AdmissionTest, ADeferredClientOfAPersistentServiceGoesWhereItIsBound) {
    rig.config.services[0].persistence_timeout_s = 300;
    rig.publish();
    std::map<std::uint32_t, MacAddress> to;
    for (std::uint32_t client = 0; client < 10; ++client)
        to[client] = rig.establish(client).to;
    protection().connection_rate = 0;
    rig.publish();
    for (std::uint32_t client = 0; client < 10; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::syn, 50000).to, to[client]);
    const MacAddress unbound = rig.send_tcp(77, flag::syn, 1).to;
    for (std::uint16_t port = 2; port < 20; ++port)
        EXPECT_EQ(rig.send_tcp(77, flag::syn, port).to, unbound);
    EXPECT_EQ(rig.persistence.size(), 10U);
    protection().connection_rate = 1000;
    rig.publish();
    EXPECT_EQ(rig.send_tcp(77, flag::ack, 9).to, unbound);
    EXPECT_EQ(rig.persistence.size(), 11U);
}

TEST_F(AdmissionTest, OnePacketServicesPassByTheGate) {
    rig.config.services[1].one_packet = true;
    protection().connection_rate = 0;
    rig.publish();
    EXPECT_EQ(rig.send_udp(7).verdict, Verdict::transmit);
    EXPECT_EQ(rig.events(Event::connection_deferred), 0U);
}

// ---- budgets of what is rare ----

class BudgetTest : public AdmissionTest {
protected:
    static PacketBuilder fragment(std::uint16_t id, bool first) {
        PacketBuilder packet =
            first ? PacketBuilder::udp() : PacketBuilder::raw(17, packets::Bytes(64));
        return packet.from("198.51.100.7", 4000)
            .to("192.0.2.10", 53)
            .identification(id)
            .fragment(static_cast<std::uint16_t>(first ? 0x2000 : 8));
    }
    static PacketBuilder icmp_error() {
        return PacketBuilder::icmp(3, 4, 1300,
                                   PacketBuilder::tcp(flag::ack)
                                       .from("192.0.2.10", 80)
                                       .to(Rig::client_endpoint(7, 40000))
                                       .build_packet())
            .from("203.0.113.9")
            .to("192.0.2.10");
    }
};

TEST_F(BudgetTest, FragmentsOpenOnlySoMuchInASecond) {
    protection().fragment_rate = 2;
    rig.publish();
    EXPECT_EQ(rig.send(fragment(1, true)).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(fragment(2, true)).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(fragment(3, true)).reason, Reason::fragment_limited);
    // Later ones of what is known cost nothing; early ones have a budget of their own.
    for (int count = 0; count < 5; ++count)
        EXPECT_EQ(rig.send(fragment(1, false)).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(fragment(4, false)).reason, Reason::fragment_held);
    EXPECT_EQ(rig.send(fragment(5, false)).reason, Reason::fragment_held);
    EXPECT_EQ(rig.send(fragment(6, false)).reason, Reason::fragment_limited);
    rig.wait(1);
    EXPECT_EQ(rig.send(fragment(3, true)).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(fragment(6, false)).reason, Reason::fragment_held);
}

TEST_F(BudgetTest, OfAnAllowedClientHaveNoLimit) {
    protection().fragment_rate = 0;
    protection().icmp_error_rate = 0;
    publish({rule("198.51.100.0/24", Access::allowed), rule("203.0.113.9/32", Access::allowed)});
    EXPECT_EQ(rig.send(fragment(1, true)).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(fragment(2, false)).reason, Reason::fragment_held);
    rig.establish(7);
    EXPECT_EQ(rig.send(icmp_error()).verdict, Verdict::transmit);
}

TEST_F(BudgetTest, OfABlockedClientAreDropped) {
    rig.establish(7);
    publish({rule("198.51.100.0/24", Access::blocked), rule("203.0.113.9/32", Access::blocked)});
    EXPECT_EQ(rig.send(fragment(1, true)).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send(fragment(1, false)).reason, Reason::source_blocked);
    EXPECT_EQ(rig.send(icmp_error()).reason, Reason::source_blocked);
}

TEST_F(BudgetTest, OnlySoManyIcmpErrorsArePassedOnInASecond) {
    rig.establish(7);
    protection().icmp_error_rate = 2;
    rig.publish();
    EXPECT_EQ(rig.send(icmp_error()).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(icmp_error()).verdict, Verdict::transmit);
    EXPECT_EQ(rig.send(icmp_error()).reason, Reason::icmp_limited);
    rig.wait(1);
    EXPECT_EQ(rig.send(icmp_error()).verdict, Verdict::transmit);
}

TEST_F(BudgetTest, AnIcmpErrorAboutADeferredConnectionFindsItsServer) {
    protection().connection_rate = 0;
    rig.publish();
    const MacAddress to = rig.send_tcp(7, flag::syn).to;
    EXPECT_EQ(rig.send(icmp_error()).to, to);
}

TEST_F(BudgetTest, AnswersAreAsManyAsConfigured) {
    protection().icmp_answer_rate = 2;
    rig.publish();
    for (const std::size_t answers : {1U, 1U, 0U}) {
        rig.send(PacketBuilder::tcp(flag::syn).from("10.1.0.1", 1).to("192.0.2.10", 80).ttl(1));
        EXPECT_EQ(rig.core.released().size(), answers);
    }
}

// ---- a flood ----

TEST(FloodTest, TakesNothingFromEstablishedConnections) {
    // Where there are fewer rounds, everything is smaller but the time: the gate learns from one
    // second to the next.
    constexpr std::uint32_t rate = rounds(5'000);
    constexpr std::uint32_t established = 2 * rate;
    constexpr std::uint32_t capacity = 4 * rate;
    constexpr std::uint32_t flood = 4 * rate;
    Rig rig(capacity);
    rig.add_service().destinations = Rig::destinations(5);
    rig.config.protection.connection_rate = rate;
    rig.publish();
    std::map<std::uint32_t, MacAddress> to;
    for (std::uint32_t client = 0; client < established; ++client) {
        if (client % (rate / 2) == 0)
            rig.wait(1);
        to[client] = rig.establish(client).to;
    }
    ASSERT_EQ(rig.core.flows(), established);
    // Seconds of SYNs from all over, and clients among them that mean it.
    constexpr std::uint32_t seconds = 20;
    std::uint32_t source = 1'000'000;
    std::map<std::uint32_t, MacAddress> honest;
    for (std::uint32_t second = 0; second < seconds; ++second) {
        rig.wait(1);
        for (std::uint32_t syn = 0; syn < flood; ++syn)
            ASSERT_EQ(rig.send_tcp(source++, flag::syn).verdict, Verdict::transmit);
        for (std::uint32_t client = 0; client < established; client += 50)
            ASSERT_EQ(rig.send_tcp(client, flag::psh | flag::ack).to, to[client]);
        const std::uint32_t client = 500'000 + second;
        honest[client] = rig.send_tcp(client, flag::syn).to;
        ASSERT_EQ(rig.send_tcp(client, flag::ack).to, honest[client]);
        ASSERT_EQ(rig.send_tcp(client, flag::psh | flag::ack).to, honest[client]);
    }
    for (const auto& [client, server] : to)
        ASSERT_EQ(rig.send_tcp(client, flag::ack).to, server) << client;
    for (const auto& [client, server] : honest)
        ASSERT_EQ(rig.send_tcp(client, flag::ack).to, server) << client;
    EXPECT_LE(rig.core.flows(), capacity);
    EXPECT_EQ(rig.stats().services[0].total.active_connections, established + honest.size());
    EXPECT_GE(rig.events(Event::connection_deferred), seconds * (flood - rate));
}

}  // namespace
}  // namespace headgate::dataplane
