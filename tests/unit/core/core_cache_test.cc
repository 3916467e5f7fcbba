// Goal: the core puts into the flow cache what the program may forward, takes it out when that
// ends, and knows by when each connection would end although it does not see its packets. Method:
// single packets to a core with a small cache; a simulated program reads what it writes.
#include <memory>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/flow_scan.h"
#include "dataplane/core/packet_watch.h"
#include "dataplane/flow_destinations.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/core/simulated_program.h"

namespace headgate::dataplane {
namespace {

using packets::PacketBuilder;

constexpr std::uint8_t admit_after = 3;
constexpr Tick idle_s = 10;
constexpr Tick tcp_out_s = 900;
constexpr Tick udp_s = 300;

class CoreCacheTest : public ::testing::Test {
protected:
    CoreCacheTest() : rig(4096, 64, program.memory()) {
        rig.config.flow_cache = {.admit_after = admit_after, .idle_s = idle_s};
        rig.add_service().destinations = Rig::destinations(1);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(1);
        publish();
        rig.wait(1);
    }

    void publish() {
        rig.publish();
        flow_destinations.follow(rig.publisher.latest());
    }
    [[nodiscard]] std::uint64_t cached() const { return rig.core.flow_cache().size(); }

    static PacketBuilder segment(std::uint32_t client, std::uint8_t flags = flag::ack) {
        return PacketBuilder::tcp(flags)
            .from(Rig::client_endpoint(client, 40000))
            .to("192.0.2.10", 80);
    }
    static PacketBuilder datagram(std::uint32_t client) {
        return PacketBuilder::udp().from(Rig::client_endpoint(client, 40000)).to("192.0.2.10", 53);
    }
    // What a queue does with a packet: true if the program has forwarded it.
    bool arrives(PacketBuilder packet) {
        packets::Bytes frame = packet.macs(director, Rig::mac_of(200)).build();
        if (program.forward(frame, 0))
            return true;
        rig.send(packet);
        return false;
    }
    // The program forwards it, and it is this late.
    bool forwarded(PacketBuilder packet, std::uint32_t lateness = 0) {
        packets::Bytes frame = packet.macs(director, Rig::mac_of(200)).build();
        return program.forward(frame, lateness);
    }
    // Established, and in the cache if there is room.
    void enter(std::uint32_t client) {
        rig.establish(client);
        for (int packet = 0; packet < admit_after; ++packet)
            rig.send_tcp(client, flag::ack);
    }
    // Without anything that looks at connections.
    void jump(Tick seconds) {
        rig.now += seconds;
        program.controls()[0].tick = rig.now;
    }
    void scan(FlowScan& scan) {
        while (!rig.core.scan(rig.publisher.latest(), scan, rig.now)) {
        }
    }
    Tick expires_s() {
        FlowScan all({}, 1, false);
        scan(all);
        return all.records().empty() ? 0 : all.records()[0].expires_s;
    }
    TraceSteps trace(std::uint32_t client, std::uint8_t flags) {
        packets::Bytes frame = segment(client, flags).macs(director, director).build();
        Packet packet;
        EXPECT_EQ(parse({frame.data(), static_cast<std::uint32_t>(frame.size())}, director, packet),
                  Reason::none);
        return rig.core.trace(rig.publisher.latest(), packet, rig.now);
    }
    // So that 8 ways are full; returns the first client that found no room.
    std::uint32_t fill_up() {
        std::uint32_t client = 1;
        for (; cached() < 8; ++client)
            enter(client);
        enter(client);
        EXPECT_EQ(cached(), 8U);
        return client;
    }

    SimulatedProgram program{1};
    FlowDestinations flow_destinations{program.control_memory()};
    Rig rig;
};

// ---- what enters ----

TEST_F(CoreCacheTest, TakesAConnectionAfterSomePackets) {
    rig.establish(1);
    for (int packet = 0; packet < admit_after; ++packet) {
        EXPECT_EQ(cached(), 0U);
        EXPECT_FALSE(arrives(segment(1)));
    }
    EXPECT_EQ(cached(), 1U);
    EXPECT_EQ(rig.events(Event::flow_cached), 1U);
    EXPECT_TRUE(arrives(segment(1)));
    rig.send_tcp(1, flag::ack);  // one that the program has left
    rig.send_tcp(1, flag::ack);
    rig.send_tcp(1, flag::ack);
    EXPECT_EQ(cached(), 1U) << "once";
    EXPECT_FALSE(forwarded(segment(2)));
}

TEST_F(CoreCacheTest, TakesUdpWhichHasNoHandshake) {
    for (int packet = 0; packet <= admit_after; ++packet) {
        EXPECT_EQ(cached(), 0U);
        EXPECT_FALSE(arrives(datagram(1)));
    }
    EXPECT_EQ(cached(), 1U);
    EXPECT_TRUE(arrives(datagram(1)));
}

TEST_F(CoreCacheTest, TakesNothingThatIsNotEstablished) {
    for (int packet = 0; packet < 20; ++packet)
        rig.send_tcp(1, flag::syn);
    rig.establish(2);
    rig.send_tcp(2, flag::fin | flag::ack);
    for (int packet = 0; packet < 20; ++packet)
        rig.send_tcp(2, flag::ack);
    rig.establish(3);
    rig.send_tcp(3, flag::rst);
    for (int packet = 0; packet < 20; ++packet)
        rig.send_tcp(3, flag::ack);
    EXPECT_EQ(cached(), 0U);
    EXPECT_EQ(rig.events(Event::flow_cache_no_room), 0U);
}

TEST_F(CoreCacheTest, TakesNothingThatTheProgramCannotForward) {
    DestinationConfig far = Rig::destination(2);
    far.tunnel = TunnelConfig{.source = packets::ip("10.0.0.254"), .mtu = 1500};
    rig.add_service("192.0.2.11").destinations = {far};
    rig.add_service("192.0.2.12", 80, Protocol::sctp).destinations = Rig::destinations(1);
    ServiceConfig& one_packet = rig.add_service("192.0.2.13", 53, Protocol::udp);
    one_packet.destinations = Rig::destinations(1);
    one_packet.one_packet = true;
    publish();
    const Endpoint client = Rig::client_endpoint(1, 40000);
    for (const std::uint8_t flags :
         {flag::syn, flag::ack, flag::ack, flag::ack, flag::ack, flag::ack, flag::ack}) {
        const bool opens = flags == flag::syn;
        rig.send(PacketBuilder::tcp(flags).from(client).to("192.0.2.11", 80));
        rig.send(PacketBuilder::sctp(opens ? 1 : 0).from(client).to("192.0.2.12", 80));
        rig.send(PacketBuilder::udp().from(client).to("192.0.2.13", 53));
        EXPECT_EQ(rig.send(segment(1, flags).vlan(0x8100, 7)).reason, Reason::none);
    }
    EXPECT_EQ(rig.core.flows(), 3U);
    EXPECT_EQ(cached(), 0U);
    for (int packet = 0; packet < admit_after; ++packet)
        rig.send_tcp(1, flag::ack);
    EXPECT_EQ(cached(), 1U) << "the same connection without a tag";
}

TEST_F(CoreCacheTest, TakesNothingWithoutACache) {
    Rig plain;
    plain.add_service().destinations = Rig::destinations(1);
    plain.publish();
    plain.establish(1);
    for (int packet = 0; packet < 300; ++packet)
        EXPECT_EQ(plain.send_tcp(1, flag::ack).reason, Reason::none);
    EXPECT_EQ(plain.events(Event::flow_cached) + plain.events(Event::flow_cache_no_room), 0U);
}

// ---- what leaves ----

TEST_F(CoreCacheTest, LetsGoOfAConnectionThatCloses) {
    for (const std::uint8_t flags : {std::uint8_t{flag::fin | flag::ack}, flag::rst}) {
        enter(flags);
        EXPECT_TRUE(arrives(segment(flags)));
        EXPECT_FALSE(arrives(segment(flags, flags)));
        EXPECT_EQ(cached(), 0U);
        for (int packet = 0; packet < 10; ++packet)
            EXPECT_FALSE(arrives(segment(flags))) << "the rest is the worker's";
    }
}

TEST_F(CoreCacheTest, KeepsAConnectionThatGoesOn) {
    enter(1);
    EXPECT_FALSE(arrives(segment(1, flag::syn)));
    EXPECT_TRUE(arrives(segment(1, flag::psh | flag::ack)));
    EXPECT_FALSE(arrives(segment(1).ttl(1)));
    EXPECT_TRUE(arrives(segment(1)));
    EXPECT_EQ(cached(), 1U);
}

TEST_F(CoreCacheTest, LetsGoOfWhatEnds) {
    enter(1);
    FlowScan ending({}, 0, true);
    scan(ending);
    EXPECT_EQ(cached(), 0U);
    enter(2);
    rig.wait(tcp_out_s + 1);
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(cached(), 0U);
    EXPECT_FALSE(forwarded(segment(2)));
    enter(3);
    const std::vector<AccessRule> rules = {{Prefix{packets::ip("10.1.0.0"), 16}, Access::blocked}};
    rig.config.protection.access = std::make_shared<const AccessList>(*AccessList::build(rules));
    publish();
    while (rig.core.enforce_access(rig.publisher.latest(), rig.now)) {
    }
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(cached(), 0U);
    EXPECT_FALSE(forwarded(segment(3)));
}

TEST_F(CoreCacheTest, LetsAWayRestAfterItsFlow) {
    const std::uint32_t waiting = fill_up();
    rig.send_tcp(1, flag::rst);
    EXPECT_EQ(cached(), 7U);
    for (const std::uint64_t wanted : {7U, 7U, 8U}) {
        for (std::uint32_t client = waiting; client < waiting + 20; ++client)
            enter(client);
        EXPECT_EQ(cached(), wanted);
        rig.wait(1);
    }
}

// A connection in a node of one that was in the cache is none that is there.
TEST_F(CoreCacheTest, BeginsAnewWithTheNextConnectionInANode) {
    SimulatedProgram other_program{1};
    FlowDestinations others{other_program.control_memory()};
    Rig one(1, 64, other_program.memory());
    one.config.flow_cache.admit_after = admit_after;
    one.add_service().destinations = Rig::destinations(1);
    one.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(1);
    one.publish();
    const auto size = [&one] { return one.core.flow_cache().size(); };
    for (int packet = 0; packet <= admit_after; ++packet)
        one.send_udp(1);
    EXPECT_EQ(size(), 1U);
    one.wait(udp_s + 1);
    EXPECT_EQ(size(), 0U);
    one.establish(2);
    for (int packet = 0; packet < admit_after; ++packet) {
        EXPECT_EQ(size(), 0U);
        one.send_tcp(2, flag::ack);
    }
    EXPECT_EQ(size(), 1U);
    one.send_tcp(2, flag::rst);
    one.send_tcp(2, flag::syn);
    EXPECT_EQ(size(), 0U);
    one.send_tcp(2, flag::fin);
    one.wait(121);
    EXPECT_EQ(one.core.flows(), 0U);
    EXPECT_EQ(size(), 0U);
    for (int packet = 0; packet < admit_after; ++packet)
        one.send_udp(3);
    one.wait(udp_s + 1);
    one.send_udp(3);
    one.send_udp(3);
    EXPECT_EQ(size(), 0U) << "what the one before had is not counted";
    one.send_udp(3);
    one.send_udp(3);
    EXPECT_EQ(size(), 1U);
}

// ---- deadlines ----

TEST_F(CoreCacheTest, KeepsAConnectionWhosePacketsOnlyTheProgramSees) {
    enter(1);
    for (int times = 0; times < 5; ++times) {
        rig.wait(tcp_out_s - 1);
        EXPECT_TRUE(forwarded(segment(1)));
    }
    rig.wait(tcp_out_s + 1);
    EXPECT_EQ(rig.core.flows(), 1U);
    rig.wait(1);
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(cached(), 0U);
    EXPECT_EQ(rig.events(Event::connection_expired), 1U);
}

TEST_F(CoreCacheTest, AllowsForAProgramWhoseClockIsLate) {
    enter(1);
    rig.wait(500);
    EXPECT_TRUE(forwarded(segment(1), 1));
    rig.wait(tcp_out_s);
    EXPECT_EQ(rig.core.flows(), 1U);
    rig.wait(1);
    EXPECT_EQ(rig.core.flows(), 0U);
}

TEST_F(CoreCacheTest, EndsAConnectionWithoutPacketsWhenItIsTime) {
    enter(1);
    rig.wait(tcp_out_s);
    EXPECT_EQ(rig.core.flows(), 1U);
    rig.wait(1);
    EXPECT_EQ(rig.core.flows(), 0U);
}

TEST_F(CoreCacheTest, KnowsOfThePacketsBeforeItJudgesOne) {
    for (const std::uint8_t flags : {flag::ack, flag::syn, flag::fin}) {
        enter(flags);
        jump(tcp_out_s - 10);
        EXPECT_TRUE(forwarded(segment(flags)));
        jump(100);
        EXPECT_EQ(rig.send_tcp(flags, flags).reason, Reason::none);
        EXPECT_EQ(rig.send_tcp(flags, flag::ack).reason, Reason::none);
    }
    EXPECT_EQ(rig.stats().services[0].total.connections, 3U) << "none is a new one";
}

TEST_F(CoreCacheTest, KnowsOfThePacketsBeforeItJudgesAnError) {
    enter(1);
    jump(tcp_out_s - 10);
    EXPECT_TRUE(forwarded(segment(1)));
    jump(100);
    packets::Bytes quote = PacketBuilder::tcp(flag::ack)
                               .from("192.0.2.10", 80)
                               .to(Rig::client_endpoint(1, 40000))
                               .build_packet();
    EXPECT_EQ(rig.send(PacketBuilder::icmp(3, 4, 1300, std::move(quote))
                           .from("203.0.113.9")
                           .to("192.0.2.10"))
                  .reason,
              Reason::none);
    EXPECT_EQ(rig.events(Event::icmp_error_forwarded), 1U);
}

TEST_F(CoreCacheTest, TellsWhenAConnectionWouldEnd) {
    enter(1);
    EXPECT_EQ(expires_s(), tcp_out_s);
    EXPECT_TRUE(forwarded(segment(1)));
    EXPECT_EQ(expires_s(), tcp_out_s) << "not more than the timeout";
    jump(tcp_out_s - 10);
    EXPECT_TRUE(forwarded(segment(1), 1));
    jump(100);
    EXPECT_EQ(expires_s(), tcp_out_s - 100);
    jump(tcp_out_s - 110);
    EXPECT_TRUE(forwarded(segment(1), 1));
    jump(200);
    const TraceSteps steps = trace(1, flag::ack);
    ASSERT_TRUE(steps.known);
    EXPECT_FALSE(steps.known->expired);
    EXPECT_EQ(steps.known->expires_s, tcp_out_s - 200);
    EXPECT_EQ(steps.known->state, ConnectionState::established);
}

TEST_F(CoreCacheTest, ListsNoConnectionAsOverThatGoesOn) {
    enter(1);
    jump(tcp_out_s - 10);
    EXPECT_TRUE(forwarded(segment(1)));
    jump(100);
    FlowScan ending({}, 0, true);
    scan(ending);
    EXPECT_EQ(ending.matched(), 1U);
    EXPECT_EQ(rig.core.flows(), 0U);
}

// Nothing that the program has seen earlier than the worker takes time from a connection.
TEST_F(CoreCacheTest, GoesByTheLastPacketWhoeverHasSeenIt) {
    enter(1);
    EXPECT_TRUE(forwarded(segment(1)));
    rig.wait(100);
    rig.send_tcp(1, flag::ack);
    EXPECT_EQ(expires_s(), tcp_out_s);
}

// ---- configurations ----

TEST_F(CoreCacheTest, LeavesToTheWorkerWhatADestinationCannotTake) {
    enter(1);
    rig.config.services[0].destinations[0].mac.reset();
    publish();
    EXPECT_FALSE(forwarded(segment(1)));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::destination_unresolved);
    rig.config.services[0].destinations[0].mac = Rig::mac_of(9);
    publish();
    EXPECT_TRUE(forwarded(segment(1)));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).to, Rig::mac_of(9));
    rig.config.services[0].active = false;
    publish();
    EXPECT_FALSE(forwarded(segment(1)));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::service_inactive);
    rig.config.services[0].active = true;
    rig.config.services[0].destinations = {Rig::destination(2)};
    publish();
    EXPECT_FALSE(forwarded(segment(1)));
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::destination_removed);
    rig.wait(tcp_out_s - 1);
    EXPECT_EQ(rig.core.flows(), 1U);
    EXPECT_EQ(cached(), 0U);
    EXPECT_EQ(rig.send_tcp(1, flag::syn).to, Rig::mac_of(2));
}

TEST_F(CoreCacheTest, EndsTheConnectionsOfARemovedServiceByWhatTheWorkerHasSeen) {
    enter(1);
    rig.wait(tcp_out_s - 10);
    EXPECT_TRUE(forwarded(segment(1)));
    std::swap(rig.config.services[0], rig.config.services[1]);
    rig.config.services.pop_back();
    publish();
    EXPECT_FALSE(forwarded(segment(1)));
    rig.wait(10);
    EXPECT_EQ(rig.core.flows(), 1U);
    rig.wait(1);
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(cached(), 0U);
}

TEST_F(CoreCacheTest, TakesTheSameFlowOfAServiceThatIsBack) {
    enter(1);
    const std::vector<ServiceConfig> services = std::exchange(rig.config.services, {});
    publish();
    rig.config.services = services;
    publish();
    rig.establish(1);
    EXPECT_FALSE(forwarded(segment(1)));
    int packets = 0;
    while (!arrives(segment(1)) && packets < 20)
        ++packets;
    EXPECT_EQ(packets, 2 * admit_after) << "the old one leaves, the new one enters another way";
    EXPECT_EQ(rig.core.flows(), 2U);
    EXPECT_EQ(cached(), 1U);
    EXPECT_EQ(rig.events(Event::flow_cache_evicted), 1U);
}

TEST_F(CoreCacheTest, ShowsEveryPacketToAWatch) {
    enter(1);
    PacketWatch watch({}, 0, 4096);
    rig.core.set_watch(&watch);
    EXPECT_EQ(rig.core.watch(), &watch);
    EXPECT_FALSE(forwarded(segment(1)));
    rig.core.set_watch(nullptr);
    EXPECT_TRUE(forwarded(segment(1)));
}

// ---- room ----

TEST_F(CoreCacheTest, AsksAgainAfterAsManyPackets) {
    const std::uint32_t waiting = fill_up();
    const std::uint64_t before = rig.events(Event::flow_cache_no_room);
    EXPECT_GT(before, 0U);
    for (int packet = 0; packet < 4 * admit_after; ++packet)
        rig.send_tcp(waiting, flag::ack);
    EXPECT_EQ(rig.events(Event::flow_cache_no_room), before + 4);
}

TEST_F(CoreCacheTest, SendsAnIdleConnectionAwayForABusyOne) {
    const std::uint32_t waiting = fill_up();
    const std::uint64_t entered = rig.events(Event::flow_cached);
    rig.wait(idle_s - 1);
    for (std::uint32_t client = 1; client < waiting; ++client)
        arrives(segment(client));
    rig.wait(idle_s);
    for (int packet = 0; packet < admit_after; ++packet)
        rig.send_tcp(waiting, flag::ack);
    EXPECT_EQ(rig.events(Event::flow_cache_evicted), 0U) << "a second too early";
    rig.wait(1);
    for (int packet = 0; packet < 5 * admit_after; ++packet)
        rig.send_tcp(waiting, flag::ack);
    EXPECT_EQ(rig.events(Event::flow_cache_evicted), 1U) << "one is enough";
    EXPECT_EQ(cached(), 7U);
    rig.wait(2);
    for (int packet = 0; packet < admit_after; ++packet)
        rig.send_tcp(waiting, flag::ack);
    EXPECT_EQ(rig.events(Event::flow_cached), entered + 1);
    EXPECT_TRUE(forwarded(segment(waiting)));
    rig.wait(tcp_out_s - idle_s - 2);
    EXPECT_EQ(rig.core.flows(), waiting) << "the one that left is as old as it was";
    rig.wait(1);
    EXPECT_EQ(rig.core.flows(), 1U) << "those without further packets";
}

}  // namespace
}  // namespace headgate::dataplane
