// Goal: a full connection table. Half-open connections make room, oldest first; established ones
// never do; what finds no room is forwarded all the same, always to the same destination.
#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t capacity = 64;

class FullTable : public ::testing::Test {
protected:
    FullTable() : rig(capacity) {
        rig.add_service().destinations = Rig::destinations(5);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(5);
        rig.publish();
    }
    void fill_established() {
        for (std::uint32_t client = 0; client < capacity; ++client)
            established[client] = rig.establish(client).to;
    }
    void expect_all_established() {
        for (const auto& [client, to] : established)
            EXPECT_EQ(rig.send_tcp(client, flag::ack).to, to) << "client " << client;
    }

    Rig rig;
    std::map<std::uint32_t, MacAddress> established;
};

TEST_F(FullTable, TheOldestHalfOpenConnectionMakesRoom) {
    for (std::uint32_t client = 0; client < capacity; ++client)
        rig.send_tcp(client, flag::syn);
    rig.send_tcp(1000, flag::syn);
    EXPECT_EQ(rig.events(Event::half_open_evicted), 1U);
    EXPECT_EQ(rig.core.flows(), capacity);
    // Clients 1 and 1000 have their entries: they keep their destinations. Client 0 has none.
    rig.send_tcp(1, flag::ack);
    rig.send_tcp(1000, flag::ack);
    EXPECT_EQ(rig.events(Event::connection_recovered), 0U);
    rig.send_tcp(0, flag::ack);
    EXPECT_EQ(rig.events(Event::connection_recovered), 1U);
}

TEST_F(FullTable, ASynFloodTakesNoEstablishedConnection) {
    established[0] = rig.establish(0).to;
    established[1] = rig.establish(1).to;
    for (std::uint32_t client = 1000; client < 21000; ++client)
        EXPECT_EQ(rig.send_tcp(client, flag::syn).verdict, Verdict::transmit);
    EXPECT_EQ(rig.core.flows(), capacity);
    EXPECT_EQ(rig.events(Event::half_open_evicted), 20000 - (capacity - 2));
    expect_all_established();
}

TEST_F(FullTable, AClientInTheFloodIsServedThoughItsEntryIsLost) {
    for (std::uint32_t client = 1000; client < 1000 + capacity; ++client)
        rig.send_tcp(client, flag::syn);
    const MacAddress to = rig.send_tcp(5, flag::syn).to;
    for (std::uint32_t client = 2000; client < 2000 + 2 * capacity; ++client)
        rig.send_tcp(client, flag::syn);
    EXPECT_EQ(rig.send_tcp(5, flag::ack).to, to);
    EXPECT_EQ(rig.events(Event::connection_recovered), 1U);
}

TEST_F(FullTable, OfEstablishedConnectionsForwardsNewOnesWithoutEntry) {
    fill_established();
    const Sent syn = rig.send_tcp(1000, flag::syn);
    EXPECT_EQ(syn.verdict, Verdict::transmit);
    EXPECT_EQ(rig.send_tcp(1000, flag::ack).to, syn.to);
    EXPECT_EQ(rig.send_tcp(1000, flag::psh | flag::ack).to, syn.to);
    EXPECT_EQ(rig.events(Event::forwarded_stateless), 3U);
    expect_all_established();
}

TEST_F(FullTable, ForwardsUdpWithoutEntryToo) {
    fill_established();
    const Sent first = rig.send_udp(1000);
    EXPECT_EQ(first.verdict, Verdict::transmit);
    EXPECT_EQ(rig.send_udp(1000).to, first.to);
}

TEST_F(FullTable, ConnectionsWithoutEntryGetOneWhenThereIsRoomAgain) {
    fill_established();
    const MacAddress to = rig.send_tcp(1000, flag::syn).to;
    rig.send_tcp(0, flag::rst);
    rig.wait(11);
    ASSERT_EQ(rig.core.flows(), capacity - 1);
    EXPECT_EQ(rig.send_tcp(1000, flag::ack).to, to);
    EXPECT_EQ(rig.events(Event::connection_recovered), 1U);
    EXPECT_EQ(rig.core.flows(), capacity);
}

TEST_F(FullTable, SegmentsWithoutEntryAreRefusedAgainOnceThePressureIsLongOver) {
    fill_established();
    rig.send_tcp(1000, flag::syn);
    rig.wait(901);
    EXPECT_EQ(rig.send_tcp(1000, flag::ack).reason, Reason::no_connection);
}

TEST_F(FullTable, StatelessPicksSpreadOverTheDestinations) {
    fill_established();
    std::map<int, int> counts;
    for (std::uint32_t client = 1000; client < 6000; ++client)
        ++counts[rig.send_tcp(client, flag::syn).to.bytes[5]];
    ASSERT_EQ(counts.size(), 5U);
    for (const auto& [number, count] : counts)
        EXPECT_NEAR(count, 1000, 150) << "destination " << number;
}

TEST_F(FullTable, AStatelessPickOfAPersistentServiceGoesByTheClientsPrefix) {
    rig.config.services[0].persistence_timeout_s = 300;
    rig.config.services[0].persistence_prefix_length = 24;
    rig.publish();
    for (std::uint32_t client = 0; client < capacity; ++client)
        rig.send_udp(client);
    const MacAddress to = rig.send_tcp(1, flag::syn, 1).to;
    for (std::uint16_t port = 2; port < 30; ++port)
        EXPECT_EQ(rig.send_tcp(port, flag::syn, port).to, to);
    EXPECT_EQ(rig.persistence.size(), 0U);
}

TEST_F(FullTable, AStatelessPickIsTheSameOnAllServicesOfAGroup) {
    for (ServiceConfig& service : rig.config.services) {
        service.persistence_timeout_s = 60;
        service.group = "both";
    }
    rig.config.services[1].endpoint.address = packets::ip("192.0.2.11");
    rig.publish();
    fill_established();
    for (std::uint32_t client = 1000; client < 1100; ++client) {
        const MacAddress other = rig.send(packets::PacketBuilder::udp()
                                              .from(Rig::client_endpoint(client, 40000))
                                              .to("192.0.2.11", 53))
                                     .to;
        EXPECT_EQ(rig.send_tcp(client, flag::syn).to, other) << client;
    }
    EXPECT_EQ(rig.events(Event::forwarded_stateless), 200U);
}

}  // namespace
}  // namespace headgate::dataplane
