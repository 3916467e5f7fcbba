// Goal: the steering program forwards exactly what stands in the flow cache, with the bytes that
// the core would send, and leaves everything else to the worker, whatever bytes come in. Method: a
// real core writes into the maps of the real program, loaded by the code that loads it in
// production; the program is run over frames by BPF_PROG_TEST_RUN. Needs root.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <unistd.h>

#include "dataplane/core/plain_packet.h"
#include "tests/bpf/flow_cache_rig.h"

namespace headgate::dataplane {
namespace {

TEST_F(FlowCacheTest, ForwardsWhatStandsInItAsTheCoreDoes) {
    for (const auto& packet : {segment(flag::ack), segment6(flag::ack), datagram(), datagram6()})
        expect_left(packet);
    establish();
    for (const auto is_generic : {0U, 1U}) {
        SCOPED_TRACE(is_generic);
        steering_->flow_controls()[0].is_generic = is_generic;
        for (const auto& packet :
             {segment(flag::ack), segment(flag::ack | flag::psh | flag::urg | 0xc0), segment(0),
              segment6(flag::ack), datagram(), datagram6()}) {
            expect_forwarded(packet);
            expect_forwarded(PacketBuilder(packet).payload(1400));
            expect_forwarded(PacketBuilder(packet).ttl(2).tos(0xb8));
            expect_forwarded(PacketBuilder(packet).pad_to(100));
            expect_forwarded(PacketBuilder(packet).bad_l4_checksum());
        }
        expect_forwarded(segment(flag::ack).fragment(0x4000));  // don't fragment
        expect_forwarded(segment(flag::ack).tcp_options(Bytes(40, 1)));
    }
    EXPECT_EQ(destinations_->packets(), 2U * (6 * 5 + 2));
}

TEST_F(FlowCacheTest, CountsBytesOfIp) {
    establish();
    expect_forwarded(segment(flag::ack).payload(100).pad_to(200));
    expect_forwarded(datagram6().payload(10).pad_to(200));
    std::uint64_t bytes = 0;
    for (const lb_flow_destination& destination : steering_->flow_destinations())
        bytes += destination.bytes;
    EXPECT_EQ(bytes, 140U + 58U);
}

// RFC 1624: the sums around which an update carries.
TEST_F(FlowCacheTest, UpdatesEveryChecksum) {
    establish();
    std::uint32_t carries = 0;
    for (std::uint32_t id = 0; id < 0x10000; ++id) {
        const Bytes frame = segment(flag::ack)
                                .identification(static_cast<std::uint16_t>(id))
                                .macs(own_mac, router_mac)
                                .build();
        const bool does_carry = frame[24] >= 0xfe;
        if (!does_carry && id % 101 != 0)
            continue;
        carries += does_carry ? 1 : 0;
        ASSERT_EQ(program(frame), core(frame)) << id;
    }
    EXPECT_EQ(carries, 0x1ffU) << "all but 0xffff, which no sum yields";
}

TEST_F(FlowCacheTest, LeavesToTheWorkerWhatIsNotPlainOrMayChangeSomething) {
    establish();
    const Bytes header{0, 0, 1, 4, 0, 0, 0, 0};
    const std::vector<std::pair<const char*, PacketBuilder>> cases{
        {"SYN", segment(flag::syn)},
        {"FIN", segment(flag::fin | flag::ack)},
        {"RST", segment(flag::rst)},
        {"FIN in IPv6", segment6(flag::fin | flag::ack)},
        {"the last hop", segment(flag::ack).ttl(1)},
        {"no hop left", segment(flag::ack).ttl(0)},
        {"the last hop in IPv6", datagram6().ttl(1)},
        {"a VLAN tag", segment(flag::ack).vlan(0x8100, 5)},
        {"IP options", segment(flag::ack).ip_options({1, 1, 1, 1})},
        {"an extension header", segment6(flag::ack).extension(60, header)},
        {"a first fragment", segment(flag::ack).fragment(0x2000)},
        {"a later fragment", segment(flag::ack).fragment(0x0001)},
        {"a wrong IP checksum", segment(flag::ack).bad_ip_checksum()},
        {"IP longer than the frame", segment(flag::ack).ip_total_length(41)},
        {"IP too short for TCP", segment(flag::ack).ip_total_length(39)},
        {"IP shorter than its header", segment(flag::ack).ip_total_length(19)},
        {"a TCP header that is too short", segment(flag::ack).tcp_header_words(4)},
        {"a TCP header past the packet", segment(flag::ack).tcp_header_words(6)},
        {"UDP too short", datagram().payload(20).udp_length(7)},
        {"UDP longer than IP", datagram().payload(20).udp_length(29)},
        {"IPv6 longer than the frame", segment6(flag::ack).payload_length(21)},
        {"IPv6 too short for TCP", segment6(flag::ack).payload_length(19)},
        {"IPv6 without a length", segment6(flag::ack).payload_length(0)},
        {"IPv4 of version 6", segment(flag::ack).ip_version(6)},
        {"another client", segment(flag::ack).from("198.51.100.8", 40000)},
        {"another client port", segment(flag::ack, 40001)},
        {"another port", segment(flag::ack).to("192.0.2.10", 81)},
        {"another address", segment(flag::ack).to("192.0.2.11", 80)},
        {"another protocol",
         PacketBuilder::udp().from("198.51.100.7", 40000).to("192.0.2.10", 80).payload(20)},
        {"ICMP", PacketBuilder::icmp(8, 0, 0).from("198.51.100.7").to("192.0.2.10")}};
    for (const auto& [description, packet] : cases) {
        SCOPED_TRACE(description);
        expect_left(packet);
    }
    Bytes other = PacketBuilder(segment(flag::ack)).macs(router_mac, router_mac).build();
    expect_left(other);
    std::ranges::copy(steering_->returned_source().bytes, other.begin() + 6);
    std::ranges::copy(own_mac.bytes, other.begin());
    expect_left(other);
    EXPECT_EQ(destinations_->packets(), 0U);
}

TEST_F(FlowCacheTest, LeavesEveryTruncationToTheWorker) {
    establish();
    for (const PacketBuilder& packet :
         {segment(flag::ack), datagram(), segment6(flag::ack), datagram6()}) {
        const Bytes whole = PacketBuilder(packet).macs(own_mac, router_mac).build();
        const bool is_v4 = whole[12] == 0x08;
        const std::uint8_t protocol = whole[is_v4 ? 23 : 20];
        const std::ptrdiff_t length = (is_v4 ? 34 : 54) + (protocol == IPPROTO_UDP ? 8 : 20);
        for (std::ptrdiff_t bytes = 14; bytes < length; ++bytes)
            expect_left(Bytes(whole.begin(), whole.begin() + bytes));
    }
}

// Whatever it forwards, the core would; and what parse_plain() finds plain, it does not miss.
TEST_F(FlowCacheTest, AgreesWithTheCoreAboutMutatedFrames) {
    establish();
    std::mt19937 random(1);
    const auto below = [&](std::size_t bound) {
        return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
    };
    const std::vector<PacketBuilder> packets{segment(flag::ack).payload(30), datagram().payload(30),
                                             segment6(flag::ack).payload(30),
                                             datagram6().payload(30)};
    std::uint32_t forwarded = 0;
    for (int round = 0; round < 40'000; ++round) {
        Bytes frame =
            PacketBuilder(packets[below(packets.size())]).macs(own_mac, router_mac).build();
        for (std::size_t count = below(3); count > 0; --count)
            frame[below(std::min<std::size_t>(frame.size(), 76))] ^=
                static_cast<std::uint8_t>(1U << below(8));
        const Answer answer = program(frame);
        if (answer.action == XDP_TX) {
            ++forwarded;
            ASSERT_EQ(answer, core(frame)) << "round " << round;
            continue;
        }
        ASSERT_EQ(answer, (Answer{XDP_PASS, frame})) << "round " << round;
        Packet packet;
        const bool goes_on = parse_plain({frame.data(), static_cast<std::uint32_t>(frame.size())},
                                         mac_word(own_mac), packet) &&
                             packet.hops > 1 &&
                             (packet.tcp_flags & (flag::syn | flag::fin | flag::rst)) == 0;
        ASSERT_FALSE(goes_on && packet.client == wide(packets::ip("198.51.100.7")) &&
                     packet.client_port == Be16(40000) &&
                     packet.address == wide(packets::ip("192.0.2.10")) &&
                     packet.port == Be16(packet.protocol == Protocol::tcp ? 80 : 53))
            << "round " << round;
    }
    EXPECT_GT(forwarded, 10'000U);
}

TEST_F(FlowCacheTest, LearnsWhenAPacketCame) {
    establish();
    const Tick timeouts = config_.services[0].timeouts.tcp_s;
    for (int count = 0; count < 5; ++count) {
        now_ += timeouts - 10;
        core_->expire(publisher_.latest(), now_);
        EXPECT_EQ(program(segment(flag::ack)).action, XDP_TX);
    }
    EXPECT_EQ(core_->flow_cache().size(), 1U) << "the others have expired";
    EXPECT_EQ(core_->flows(), 1U);
    now_ += timeouts + 2;
    core_->expire(publisher_.latest(), now_);
    EXPECT_EQ(core_->flows(), 0U);
    expect_left(segment(flag::ack));
}

TEST_F(FlowCacheTest, FollowsItsDestinationAtOnce) {
    establish();
    const Answer before = program(segment(flag::ack));
    auto& servers = config_.services[0].destinations;
    const bool is_first = before.frame[5] == 1;
    DestinationConfig& server = servers[is_first ? 0 : 1];
    server.mac = mac_of(9);
    publish();
    expect_forwarded(segment(flag::ack));
    EXPECT_EQ(program(segment(flag::ack)).frame[5], 9);

    server.mac.reset();
    publish();
    expect_left(segment(flag::ack));
    server.mac = mac_of(1);
    publish();
    expect_forwarded(segment(flag::ack));

    config_.services[0].active = false;
    publish();
    expect_left(segment(flag::ack));
    config_.services[0].active = true;
    publish();
    expect_forwarded(segment(flag::ack));

    // Another one gets its slot, but none of its packets.
    server.endpoint.address = packets::ip("10.0.0.77");
    publish();
    expect_left(segment(flag::ack));
    expect_forwarded(segment6(flag::ack));
}

TEST_F(FlowCacheTest, LetsGoOfWhatEnds) {
    establish();
    EXPECT_EQ(core(segment(flag::fin | flag::ack)).action, XDP_TX);
    expect_left(segment(flag::ack));
    EXPECT_EQ(core(segment6(flag::rst)).action, XDP_TX);
    expect_left(segment6(flag::ack));
    expect_forwarded(datagram());
}

TEST_F(FlowCacheTest, LeavesEverythingToAWorkerThatWatches) {
    establish();
    steering_->flow_controls()[0].bypassed = 1;
    expect_left(segment(flag::ack));
    steering_->flow_controls()[0].bypassed = 0;
    expect_forwarded(segment(flag::ack));
}

// Some lie in the other bucket, and some find no room.
TEST_F(FlowCacheTest, FindsEveryFlowThatHasRoomAndNoOther) {
    constexpr std::uint16_t first = 1000;
    constexpr std::uint16_t last = 3000;
    const auto flow = [](bool is_v6, std::uint8_t client, std::uint8_t flags, std::uint16_t port) {
        const std::string host = std::to_string(client);
        return PacketBuilder::tcp(flags)
            .from((is_v6 ? "2001:db8::1:" : "198.51.100.") + host, port)
            .to(is_v6 ? "2001:db8::10" : "192.0.2.10", 80);
    };
    std::uint64_t cached = 0;
    for (const bool is_v6 : {false, true}) {
        for (std::uint16_t port = first; port < last; ++port) {
            for (const std::uint8_t flags : {flag::syn, flag::ack, flag::ack})
                ASSERT_EQ(core(flow(is_v6, 7, flags, port)).action, XDP_TX);
        }
        std::uint64_t found = 0;
        for (std::uint16_t port = first; port < last; ++port) {
            found += program(flow(is_v6, 7, flag::ack, port)).action == XDP_TX ? 1 : 0;
            expect_left(flow(is_v6, 8, flag::ack, port));
        }
        const std::uint64_t room = is_v6 ? cached_flows / 4 : cached_flows;
        EXPECT_GT(found, room * 9 / 10);
        EXPECT_LE(found, room);
        cached += found;
    }
    EXPECT_EQ(cached, core_->flow_cache().size());
}

TEST_F(FlowCacheTest, IsAnotherOnEveryQueue) {
    ASSERT_EQ(std::system("ip link add hgq numrxqueues 2 numtxqueues 2 type veth "
                          "peer name hgp numrxqueues 2 numtxqueues 2"),
              0);
    attach("hgq", 2, cached_flows);
    publish();
    establish();
    expect_forwarded(segment(flag::ack));
    expect_forwarded(datagram6());
    queue_ = 0;
    expect_left(segment(flag::ack));
    expect_left(datagram6());
    make_core(0);
    publish();
    establish();
    expect_forwarded(segment(flag::ack));
    // Each counts where no other queue writes.
    const std::span of_all = steering_->flow_destinations();
    const auto counted = [](std::span<const lb_flow_destination> destinations) {
        std::uint64_t packets = 0;
        for (const lb_flow_destination& destination : destinations)
            packets += destination.packets;
        return packets;
    };
    EXPECT_EQ(counted(of_all.first(LB_DESTINATIONS_MAX)), 1U);
    EXPECT_EQ(counted(of_all.last(LB_DESTINATIONS_MAX)), 2U);
    EXPECT_EQ(std::system("ip link del hgq"), 0);
}

TEST_F(FlowCacheTest, IsNotThereWhenItIsNotWanted) {
    attach("lo", 1, 0);
    publish();
    EXPECT_TRUE(steering_->flow_destinations().empty());
    for (const std::uint8_t flags : {flag::syn, flag::ack, flag::ack})
        EXPECT_EQ(core(segment(flags)).action, XDP_TX);
    expect_left(segment(flag::ack));
}

TEST_F(FlowCacheTest, IsSimpleForTheVerifier) {
    bpf_prog_info info{};
    std::uint32_t bytes = sizeof info;
    ASSERT_EQ(bpf_obj_get_info_by_fd(steering_->program_fd(), &info, &bytes), 0);
    EXPECT_LT(info.verified_insns, 100'000U);
    RecordProperty("verified_insns", static_cast<int>(info.verified_insns));
}

}  // namespace
}  // namespace headgate::dataplane
