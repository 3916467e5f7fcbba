// Goal: fragments, ICMP errors and whole packets that come to another worker than their
// connection's go to the connection's server, and looking into another worker's table is safe while
// that works. Method: two cores over one snapshot; then one thread that opens and ends connections
// beside one that follows them (also under TSan).
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/corpus.h"
#include "tests/packets/frame_text.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::mac;

const packets::Hosts hosts{
    {"director", {mac("02:00:00:00:00:01"), packets::ip("192.0.2.1"), packets::ip("2001:db8::1")}},
    {"client",
     {mac("02:00:00:00:00:02"), packets::ip("198.51.100.7"), packets::ip("2001:db8:1::7")}},
    {"vip", {std::nullopt, packets::ip("192.0.2.10"), packets::ip("2001:db8::10")}}};
const MacAddress server_a = mac("02:00:00:00:01:01");
const MacAddress server_b = mac("02:00:00:00:01:02");

class PeersTest : public ::testing::Test {
protected:
    PeersTest() {
        EXPECT_TRUE(publisher_.publish(packets::corpus().config));
        for (std::uint32_t worker = 0; worker < 2; ++worker) {
            cores_.push_back(std::make_unique<Core>(
                CoreOptions{
                    .connections_max = 64, .worker_index = worker, .worker_count = 2, .seed = {}},
                persistence_));
            peers_.cores.push_back(cores_.back().get());
            cores_.back()->know_peers(peers_);
        }
    }

    // What `worker` makes of the frame; `to` is where it went.
    Reason send(std::size_t worker, std::string_view text, MacAddress& to) {
        Bytes frame = packets::frame_of(text, hosts).value();
        Burst burst;
        burst.count = 1;
        burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
        cores_[worker]->process(publisher_.latest(), burst, now_);
        std::copy_n(frame.begin(), 6, to.bytes.begin());
        return burst.reasons[0];
    }
    void expect(std::size_t worker, std::string_view text, const MacAddress& wanted) {
        SCOPED_TRACE(text);
        MacAddress to;
        EXPECT_EQ(info(send(worker, text, to)).name, info(Reason::none).name);
        EXPECT_EQ(to, wanted);
    }
    void wait(std::uint32_t seconds) {
        now_ += seconds;
        for (const auto& core : cores_)
            core->expire(publisher_.latest(), now_);
    }

    Publisher publisher_{1};
    PersistenceTable persistence_{64, {}};
    CorePeers peers_;
    std::vector<std::unique_ptr<Core>> cores_;
    Tick now_ = 1000;
};

TEST_F(PeersTest, AnIcmpErrorFindsTheConnectionOfTheOtherWorker) {
    expect(0, "tcp(S)", server_a);
    expect(0, "tcp(S sport=40001)", server_b);
    expect(1, "icmp(3 4 word=1400) / ip / tcp(A dport=40001)", server_b);
    expect(1, "icmp(3 4 word=1400) / ip / tcp(A)", server_a);
    expect(0, "ip6 / tcp(S)", server_a);
    expect(1, "ip6 / icmp(2 0 word=1280) / ip6 / tcp(A)", server_a);
    EXPECT_EQ(cores_[1]->counters().get(Event::peer_followed), 3U);
    EXPECT_EQ(cores_[1]->flows(), 0U);
}

TEST_F(PeersTest, AFragmentFollowsTheConnectionOfTheOtherWorkerAndKeepsIt) {
    expect(0, "tcp(S)", server_a);
    expect(0, "tcp(A)", server_a);
    expect(0, "tcp(S sport=40001)", server_b);
    wait(600);
    expect(1, "ip(id=7 more) / tcp(A) / data(64)", server_a);
    expect(1, "ip(id=7 offset=84 proto=6) / data(64)", server_a);
    wait(600);
    expect(0, "tcp(A)", server_a);
    EXPECT_EQ(cores_[1]->flows(), 0U);
}

TEST_F(PeersTest, AWholePacketFollowsTheConnectionThatAFragmentOpenedElsewhere) {
    expect(0, "udp(sport=1)", server_a);  // so that the next pick there would be b
    expect(1, "udp(sport=2)", server_b);  // the second worker begins at another server
    expect(1, "ip(id=7 more) / udp(length=200) / data(64)", server_a);
    expect(0, "udp", server_a);
    expect(0, "udp", server_a);
    EXPECT_EQ(peers_.opened_by_fragment.load(), 1U);
    EXPECT_EQ(cores_[0]->counters().get(Event::peer_followed), 1U);
    EXPECT_EQ(cores_[0]->flows(), 2U) << "it knows the connection, too";
    wait(301);
    EXPECT_EQ(peers_.opened_by_fragment.load(), 0U);
    EXPECT_EQ(cores_[1]->flows(), 0U);
}

TEST_F(PeersTest, AConnectionThatAScanEndsIsNoLongerAskedFor) {
    expect(1, "ip(id=7 more) / udp(length=200) / data(64)", server_b);
    EXPECT_EQ(peers_.opened_by_fragment.load(), 1U);
    FlowScan scan({}, 0, true);
    EXPECT_TRUE(cores_[1]->scan(publisher_.latest(), scan, now_));
    EXPECT_EQ(scan.matched(), 1U);
    EXPECT_EQ(peers_.opened_by_fragment.load(), 0U);
    for (const ServiceSlots& service : publisher_.latest().slots())
        for (const Slot slot : service.destinations)
            EXPECT_EQ(publisher_.latest().load(slot).count().total(), 0U);
}

TEST_F(PeersTest, APeerKeepsAConnectionForAsLongAsTheServiceSays) {
    ForwardingConfig config = packets::corpus().config;
    for (ServiceConfig& service : config.services)
        service.timeouts.tcp_s = 5000;
    ASSERT_TRUE(publisher_.publish(config));
    expect(0, "tcp(S)", server_a);
    expect(0, "tcp(A)", server_a);
    wait(4000);
    expect(1, "ip(id=7 more) / tcp(A) / data(64)", server_a);
    wait(4000);
    EXPECT_EQ(cores_[0]->flows(), 1U);
    wait(1001);
    EXPECT_EQ(cores_[0]->flows(), 0U);
}

TEST_F(PeersTest, AConnectionWhosePacketsMoveToAnotherWorkerGoesOn) {
    expect(0, "tcp(S)", server_a);
    expect(0, "tcp(A)", server_a);
    expect(0, "tcp(S sport=40001)", server_b);
    expect(0, "udp", server_a);
    expect(1, "tcp(A)", server_a);
    expect(1, "tcp(A sport=40001)", server_b);
    expect(1, "udp", server_a);
    EXPECT_EQ(cores_[1]->counters().get(Event::peer_followed), 3U);
    EXPECT_EQ(cores_[1]->counters().get(Event::connection_taken_over), 3U);
    EXPECT_EQ(cores_[1]->flows(), 3U);
    // It knows them now.
    expect(1, "tcp(A)", server_a);
    expect(1, "tcp(FA)", server_a);
    expect(1, "udp", server_a);
    EXPECT_EQ(cores_[1]->counters().get(Event::peer_followed), 3U);
    EXPECT_EQ(cores_[1]->counters().get(Event::connection_taken_over), 3U);
}

TEST_F(PeersTest, WhatNobodyKnowsIsNotTakenOver) {
    MacAddress to;
    EXPECT_EQ(send(1, "tcp(A)", to), Reason::no_connection);
    expect(0, "tcp(S)", server_a);
    // A handshake begins where it comes.
    expect(1, "tcp(S)", server_b);
    EXPECT_EQ(cores_[1]->counters().get(Event::peer_followed), 0U);
    EXPECT_EQ(cores_[1]->counters().get(Event::connection_taken_over), 0U);
}

TEST_F(PeersTest, AConnectionOfARemovedServerIsNotTakenOver) {
    expect(0, "tcp(S)", server_a);
    ForwardingConfig config = packets::corpus().config;
    for (ServiceConfig& service : config.services)
        std::erase_if(service.destinations,
                      [](const auto& destination) { return destination.mac == server_a; });
    ASSERT_TRUE(publisher_.publish(config));
    MacAddress to;
    EXPECT_EQ(send(1, "tcp(A)", to), Reason::destination_removed);
    EXPECT_EQ(cores_[1]->flows(), 0U);
}

// A flood of what nobody knows must not make every worker search the tables of all others.
TEST_F(PeersTest, PeersAreAskedSoManyTimesASecond) {
    expect(0, "tcp(S)", server_a);
    MacAddress to;
    for (int count = 0; count < 10'000; ++count)
        ASSERT_EQ(send(1, "tcp(A sport=1)", to), Reason::no_connection);
    EXPECT_EQ(send(1, "tcp(A)", to), Reason::no_connection);
    wait(1);
    expect(1, "tcp(A)", server_a);
}

// A single client port, so that one node is used again and again.
TEST(ConnectionTable, LetsPeersFollowWhileItsOwnerWorks) {
    ConnectionTable table(64, {});
    constexpr std::uint32_t clients = 40;
    constexpr StateTimeouts timeouts;
    std::atomic<bool> over{false};
    const auto key_of = [](std::uint32_t client) {
        return ConnectionKey{wide_v4(Be32(client)), {1, Be16(1), Be16(80)}};
    };
    std::thread owner([&] {
        // The destination tells the client: a peer that sees another one has read two connections.
        for (std::uint32_t round = 0; !over.load(); ++round) {
            const std::uint32_t client = 1 + round * 7 % clients;
            const ConnectionKey key = key_of(client);
            const std::uint64_t hash = table.hash(key);
            const ConnectionIndex known = table.find(key, hash);
            if (known != no_connection) {
                table.destroy(known);
            } else {
                const ConnectionIndex made = table.create(key, hash, ConnectionState::udp,
                                                          timeouts.of(ConnectionState::udp), 5);
                table.assign(made, {client, client});
                ConnectionTable::touch(table.at(made), timeouts.of(ConnectionState::udp), 6);
            }
        }
    });
    // Not by time: the owner may not have begun, or may have been interrupted.
    constexpr std::uint64_t followed_wanted = rounds(1'500'000);
    std::uint64_t followed = 0;
    std::uint64_t mixed_up = 0;
    while (followed < followed_wanted) {
        for (std::uint32_t client = 1; client <= clients; ++client) {
            const auto found = table.follow_as_peer(key_of(client), timeouts, 6);
            if (!found)
                continue;
            ++followed;
            if (found->slot != client || found->generation != client)
                ++mixed_up;
        }
    }
    over.store(true);
    owner.join();
    EXPECT_EQ(mixed_up, 0U);
}

}  // namespace
}  // namespace headgate::dataplane
