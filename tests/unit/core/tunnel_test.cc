// Goal: what the packet corpus cannot say about tunnels, which sends single frames to one table:
// what holds for a burst, over publications and between workers.
#include "dataplane/core/tunnel.h"

#include <span>
#include <vector>

#include <gtest/gtest.h>

#include "tests/packets/unwrap.h"
#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint16_t gue_port = 6080;

class TunnelTest : public ::testing::Test {
protected:
    TunnelTest() {
        for (const Protocol protocol : {Protocol::tcp, Protocol::udp})
            rig_.add_service("192.0.2.10", 80, protocol).destinations = {far({})};
        rig_.publish();
    }

    static DestinationConfig far(const TunnelConfig& tunnel) {
        DestinationConfig destination = Rig::destination(1);
        destination.tunnel = tunnel;
        destination.tunnel->source = packets::ip("10.0.0.254");
        if (destination.tunnel->mtu == 0)
            destination.tunnel->mtu = 1500;
        return destination;
    }
    void publish(const TunnelConfig& tunnel) {
        for (ServiceConfig& service : rig_.config.services)
            service.destinations = {far(tunnel)};
        rig_.publish();
    }

    static packets::PacketBuilder udp(std::uint16_t port, std::size_t bytes) {
        return packets::PacketBuilder::udp()
            .from(Rig::client_endpoint(1, port))
            .to("192.0.2.10", 80)
            .payload(bytes);
    }

    // What the frames of a burst become, by `core`.
    std::vector<packets::Bytes> send(Core& core, const std::vector<packets::Bytes>& frames) {
        burst_ = {};
        burst_.headroom = frame_headroom_bytes;
        memory_.clear();
        for (const packets::Bytes& frame : frames) {
            packets::Bytes& memory = memory_.emplace_back(frame_headroom_bytes);
            memory.insert(memory.end(), frame.begin(), frame.end());
            burst_.frames[burst_.count++] = {memory.data() + frame_headroom_bytes,
                                             static_cast<std::uint32_t>(frame.size())};
        }
        core.process(rig_.publisher.reader(0).current(), burst_, rig_.now);
        std::vector<packets::Bytes> out;
        for (const Frame& frame : std::span(burst_.frames).first(burst_.count))
            out.emplace_back(frame.data, frame.data + frame.length);
        return out;
    }
    std::vector<packets::Bytes> send(std::size_t count, packets::PacketBuilder packet) {
        const packets::Bytes frame = packet.macs(director, Rig::mac_of(200)).build();
        return send(rig_.core, std::vector<packets::Bytes>(count, frame));
    }
    static std::uint16_t id_of(const packets::Bytes& frame) {
        return static_cast<std::uint16_t>(frame[18] << 8U | frame[19]);
    }

    Rig rig_;
    Burst burst_;
    std::vector<packets::Bytes> memory_;
};

TEST_F(TunnelTest, SendersAreToldHowMuchFitsWithinABudget) {
    constexpr std::uint16_t dont_fragment = 0x4000;
    send(burst_max, udp(1, 1473).fragment(dont_fragment));
    EXPECT_EQ(rig_.core.counters().get(Reason::packet_too_big), burst_max);
    EXPECT_EQ(rig_.events(Event::icmp_answered), 8U);
    EXPECT_EQ(rig_.events(Event::icmp_answer_withheld), burst_max - 8U);
    for (int burst = 0; burst < 20; ++burst)
        send(burst_max, udp(1, 1473).fragment(dont_fragment));
    EXPECT_EQ(rig_.events(Event::icmp_answered), 100U) << "of a second";
    ++rig_.now;
    send(1, udp(1, 1473).fragment(dont_fragment));
    EXPECT_EQ(rig_.events(Event::icmp_answered), 101U);
}

TEST_F(TunnelTest, ABurstMakesSoManyFragmentsAndNoMore) {
    // Each packet makes one fragment more than one.
    send(burst_max, udp(1, 1460));
    EXPECT_EQ(rig_.core.counters().get(Reason::none), burst_max);
    EXPECT_EQ(rig_.core.released().size(), burst_max);
    // Each makes two more: half of them find room.
    publish({.mtu = 600});
    const auto out = send(burst_max, udp(1, 1300));
    EXPECT_EQ(rig_.core.counters().get(Reason::none), burst_max + burst_max / 2);
    EXPECT_EQ(rig_.core.counters().get(Reason::tunnel_fragments), burst_max / 2);
    EXPECT_EQ(out.back(),
              packets::Bytes(memory_.back().begin() + frame_headroom_bytes, memory_.back().end()));
    EXPECT_EQ(out.back().size(), udp(1, 1300).build().size()) << "as it came";
}

TEST_F(TunnelTest, ConnectionsGoOnThroughAnotherTunnel) {
    const auto ack = packets::PacketBuilder::tcp(flag::ack)
                         .from(Rig::client_endpoint(1, 40000))
                         .to("192.0.2.10", 80);
    send(1, packets::PacketBuilder::tcp(flag::syn)
                .from(Rig::client_endpoint(1, 40000))
                .to("192.0.2.10", 80));
    const auto before = send(1, ack);
    publish({.type = TunnelType::gue, .port = gue_port});
    const auto after = send(1, ack);
    const auto unwrapped = packets::unwrap(after[0], gue_port);
    EXPECT_EQ(unwrapped.problem, "");
    EXPECT_NE(unwrapped.source_port, 0);
    EXPECT_EQ(unwrapped.packet, packets::unwrap(before[0], gue_port).packet);
    EXPECT_EQ(rig_.core.flows(), 1U);
    EXPECT_EQ(rig_.events(Event::connection_created), 1U);
}

TEST_F(TunnelTest, AServerMayMoveBetweenDirectRoutingAndATunnel) {
    const auto packet = udp(7, 100);
    EXPECT_EQ(packets::unwrap(send(1, packet)[0], gue_port).problem, "");
    for (ServiceConfig& service : rig_.config.services)
        service.destinations = {Rig::destination(1)};
    rig_.publish();
    const auto direct = send(1, packet);
    EXPECT_EQ(direct[0].size(), udp(7, 100).build().size());
    EXPECT_EQ(rig_.core.flows(), 1U);
}

TEST_F(TunnelTest, WorkersNeverUseTheSameIdentification) {
    Core first({.connections_max = 64, .worker_index = 0, .worker_count = 2, .seed = {}},
               rig_.persistence);
    Core second({.connections_max = 64, .worker_index = 1, .worker_count = 2, .seed = {}},
                rig_.persistence);
    const packets::Bytes frame = udp(1, 10).macs(director, Rig::mac_of(200)).build();
    const std::vector<packets::Bytes> frames(burst_max, frame);
    std::vector<std::uint16_t> ids;
    for (Core* core : {&first, &second})
        for (const packets::Bytes& out : send(*core, frames))
            ids.push_back(id_of(out));
    std::ranges::sort(ids);
    EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
}

// The other end gets back what went in, whatever its length: odd ones matter to checksums.
TEST_F(TunnelTest, EveryLengthComesOutAsItWentIn) {
    for (const TunnelType type : {TunnelType::ipip, TunnelType::gue, TunnelType::gre}) {
        publish({.type = type,
                 .port = type == TunnelType::gue ? gue_port : std::uint16_t{0},
                 .checksum = true});
        for (std::size_t bytes = 0; bytes < 1430; bytes += 13) {
            packets::PacketBuilder packet = udp(9, bytes);
            packet.macs(director, Rig::mac_of(200));
            const auto unwrapped = packets::unwrap(send(1, packet)[0], gue_port);
            ASSERT_EQ(unwrapped.problem, "") << bytes;
            ASSERT_EQ(unwrapped.packet, packets::packet_after_hop(packet.build())) << bytes;
            ASSERT_EQ(unwrapped.hops, 63);
        }
    }
}

}  // namespace
}  // namespace headgate::dataplane
