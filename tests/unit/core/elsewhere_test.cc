// Goal: what is for a real server behind another interface leaves by it with the right addresses,
// whole or cut as it has to be there, and its client learns what does not fit; what must not be
// touched is not. Method: a core without neighbours, frame by frame.
#include <algorithm>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "tests/packets/corpus.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/core/simulated_program.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::PacketBuilder;

constexpr int other = 7;
const MacAddress other_mac = packets::mac("02:00:00:00:07:01");
const MacAddress router_mac = packets::mac("02:00:00:00:00:02");

EgressConfig egress(std::uint32_t mtu = 1500, bool takes_redirects = true) {
    return {other, "eth1", other_mac, mtu, takes_redirects};
}

struct Out {
    Verdict verdict = Verdict::drop;
    Reason reason = Reason::none;
    int egress = 0;
    Bytes frame;
    std::vector<Bytes> released;
    std::vector<int> released_egresses;
};

class ElsewhereTest : public ::testing::Test {
protected:
    ElsewhereTest() {
        rig.add_service().destinations = Rig::destinations(1);
        ServiceConfig& udp = rig.add_service("192.0.2.10", 53, Protocol::udp);
        udp.destinations = Rig::destinations(1);
        ServiceConfig& six = rig.add_service("2001:db8::10", 53, Protocol::udp);
        six.destinations = {{{packets::ip("fc00::1"), 53}, 1, Rig::mac_of(1)}};
        set_egress(egress());
    }
    void set_egress(const std::optional<EgressConfig>& config) {
        for (ServiceConfig& service : rig.config.services)
            service.destinations[0].egress = config;
        rig.publish();
    }

    Out send(PacketBuilder packet) { return send(packet.macs(director, router_mac).build()); }
    Out send(const Bytes& bytes) {
        Bytes memory(frame_headroom_bytes);
        memory.insert(memory.end(), bytes.begin(), bytes.end());
        Burst burst;
        burst.count = 1;
        burst.headroom = frame_headroom_bytes;
        burst.frames[0] = {memory.data() + frame_headroom_bytes,
                           static_cast<std::uint32_t>(bytes.size())};
        rig.core.process(rig.publisher.reader(0).current(), burst, rig.now);
        const auto copy = [](const Frame& frame) {
            return Bytes(frame.data, frame.data + frame.length);
        };
        Out out{burst.verdicts[0], burst.reasons[0], 0, copy(burst.frames[0]), {}, {}};
        EXPECT_EQ(burst.elsewhere, out.verdict == Verdict::elsewhere ? 1U : 0U);
        if (out.verdict == Verdict::elsewhere)
            out.egress = burst.egresses[0];
        for (const Frame& frame : rig.core.released())
            out.released.push_back(copy(frame));
        const auto egresses = rig.core.released_egresses();
        out.released_egresses.assign(egresses.begin(), egresses.end());
        return out;
    }

    // The frame of that packet as it has to leave: without tags, one hop further.
    static Bytes expected(PacketBuilder packet) {
        Bytes frame = packet.macs(Rig::mac_of(1), other_mac).build();
        const Bytes before = frame;
        packets::take_hop(frame, before.data());
        return frame;
    }
    void expect_elsewhere(const Out& out, const Bytes& frame) {
        EXPECT_EQ(out.verdict, Verdict::elsewhere);
        EXPECT_EQ(out.reason, Reason::none);
        EXPECT_EQ(out.egress, other);
        EXPECT_EQ(out.frame, frame);
    }

    static PacketBuilder syn() {
        return PacketBuilder::tcp(flag::syn).from("198.51.100.7", 40000).to("192.0.2.10", 80);
    }
    static PacketBuilder segment() {
        return PacketBuilder::tcp(flag::ack).from("198.51.100.7", 40000).to("192.0.2.10", 80);
    }
    static PacketBuilder datagram(std::size_t payload) {
        return PacketBuilder::udp()
            .payload(payload)
            .from("198.51.100.7", 40000)
            .to("192.0.2.10", 53);
    }
    static PacketBuilder datagram6(std::size_t payload) {
        return PacketBuilder::udp()
            .payload(payload)
            .from("2001:db8:1::7", 40000)
            .to("2001:db8::10", 53);
    }

    Rig rig;
};

TEST_F(ElsewhereTest, LeavesWithTheAddressesOfTheOtherSegment) {
    expect_elsewhere(send(syn()), expected(syn()));
    expect_elsewhere(send(segment()), expected(segment()));
    expect_elsewhere(send(segment().payload(1400)), expected(segment().payload(1400)));
    expect_elsewhere(send(datagram6(100)), expected(datagram6(100)));
    const ForwardingStats stats = rig.stats();
    EXPECT_EQ(stats.services[0].total.packets, 3U);
    EXPECT_EQ(stats.services[0].destinations[0].packets, 3U);
}

TEST_F(ElsewhereTest, LeavesTheTagsOfItsLinkBehind) {
    const Bytes plain = expected(segment());
    send(syn());
    expect_elsewhere(send(segment().vlan(0x8100, 100)), plain);
    expect_elsewhere(send(segment().vlan(0x88a8, 100).vlan(0x8100, 200)), plain);
}

TEST_F(ElsewhereTest, FollowsAConnectionToAnotherInterfaceAndBack) {
    send(syn());
    set_egress(std::nullopt);
    const Out here = send(segment());
    EXPECT_EQ(here.verdict, Verdict::transmit);
    EXPECT_TRUE(std::equal(director.bytes.begin(), director.bytes.end(), here.frame.begin() + 6));
    set_egress(egress());
    EXPECT_EQ(send(segment()).verdict, Verdict::elsewhere);
    EXPECT_EQ(rig.events(Event::connection_created), 1U);
}

TEST_F(ElsewhereTest, TellsTheClientWhatDoesNotFit) {
    set_egress(egress(1300));
    const Bytes large = datagram(1400).fragment(0x4000).macs(director, router_mac).build();
    const Out out = send(large);
    EXPECT_EQ(out.verdict, Verdict::drop);
    EXPECT_EQ(out.reason, Reason::packet_too_big);
    EXPECT_EQ(out.frame, large) << "as it came";
    ASSERT_EQ(out.released.size(), 1U);
    EXPECT_EQ(out.released_egresses[0], 0) << "the client is where it came from";
    const Bytes& answer = out.released[0];
    EXPECT_TRUE(std::equal(router_mac.bytes.begin(), router_mac.bytes.end(), answer.begin()));
    EXPECT_EQ(answer[14 + 20], 3);
    EXPECT_EQ(answer[14 + 21], 4);
    EXPECT_EQ(answer[14 + 26] << 8 | answer[14 + 27], 1300);

    const Out six = send(datagram6(1400));
    EXPECT_EQ(six.reason, Reason::packet_too_big);
    ASSERT_EQ(six.released.size(), 1U);
    EXPECT_EQ(six.released[0][14 + 40], 2);
    EXPECT_EQ(six.released[0][14 + 46] << 8 | six.released[0][14 + 47], 1300);

    const std::size_t headers = 20 + 8;
    EXPECT_EQ(send(datagram(1300 - headers).fragment(0x4000)).verdict, Verdict::elsewhere);
}

// Puts together what was cut: the payload of IP, and what is told of the fragments.
struct Whole {
    Bytes payload;
    bool more_follows = false;
    std::uint32_t first_offset = 0;
};
Whole put_together(const std::vector<Bytes>& pieces, std::size_t header_bytes, std::size_t mtu) {
    Whole whole;
    std::uint32_t next = 0;
    for (std::size_t index = 0; index < pieces.size(); ++index) {
        const Bytes& piece = pieces[index];
        const auto word = [&piece](std::size_t at) {
            return static_cast<std::uint32_t>(piece[14 + at] << 8 | piece[14 + at + 1]);
        };
        EXPECT_EQ(word(2), piece.size() - 14);
        EXPECT_LE(word(2), mtu);
        EXPECT_EQ(internet_checksum({&piece[14], header_bytes}), 0);
        EXPECT_EQ(word(4), 4711U);
        const std::uint32_t offset = (word(6) & 0x1fffU) * 8;
        if (index == 0)
            next = whole.first_offset = offset;
        EXPECT_EQ(offset, next);
        whole.more_follows = (word(6) & 0x2000U) != 0;
        EXPECT_TRUE(whole.more_follows || index + 1 == pieces.size());
        const auto begin = piece.begin() + 14 + static_cast<std::ptrdiff_t>(header_bytes);
        whole.payload.insert(whole.payload.end(), begin, piece.end());
        next += static_cast<std::uint32_t>(piece.end() - begin);
    }
    return whole;
}

TEST_F(ElsewhereTest, CutsWhatMayBeCut) {
    for (const std::uint32_t mtu : {68U, 100U, 576U, 1299U, 1300U}) {
        SCOPED_TRACE(mtu);
        set_egress(egress(1500));
        const PacketBuilder packet = datagram(1400).identification(4711);
        const Bytes wanted = send(packet).frame;
        rig.config.services[2].destinations[0].egress = egress(1500);
        for (const std::size_t service : {0U, 1U})
            rig.config.services[service].destinations[0].egress = egress(mtu);
        rig.publish();
        const Out out = send(packet);
        ASSERT_EQ(out.verdict, Verdict::elsewhere);
        std::vector<Bytes> pieces{out.frame};
        pieces.insert(pieces.end(), out.released.begin(), out.released.end());
        EXPECT_EQ(std::ranges::count(out.released_egresses, other),
                  static_cast<std::ptrdiff_t>(out.released.size()));
        const Whole whole = put_together(pieces, 20, mtu);
        EXPECT_EQ(whole.payload, Bytes(wanted.begin() + 14 + 20, wanted.end()));
        EXPECT_FALSE(whole.more_follows);
        for (const Bytes& piece : pieces) {
            EXPECT_TRUE(std::equal(piece.begin(), piece.begin() + 14, wanted.begin()));
            EXPECT_EQ(piece[14 + 8], wanted[14 + 8]) << "its hop is taken";
        }
    }
    EXPECT_EQ(rig.events(Event::egress_fragmented), 5U);
}

TEST_F(ElsewhereTest, CutsAFragmentFurther) {
    set_egress(egress(1300));
    const PacketBuilder first = datagram(1400).identification(4711).fragment(0x2000);
    const PacketBuilder later = PacketBuilder::raw(17, Bytes(1400, 9))
                                    .from("198.51.100.7", 0)
                                    .to("192.0.2.10", 0)
                                    .identification(4711)
                                    .fragment(0x2000 | 176);
    // It waits, and goes out behind the first.
    EXPECT_EQ(send(later).reason, Reason::fragment_held);
    const Out out = send(first);
    ASSERT_EQ(out.verdict, Verdict::elsewhere);
    ASSERT_EQ(out.released.size(), 3U);
    for (const int by : out.released_egresses)
        EXPECT_EQ(by, other);
    EXPECT_TRUE(put_together({out.frame, out.released[0]}, 20, 1300).more_follows);
    // The further pieces of a fragment that waited are made before it is sent.
    const Whole whole = put_together({out.released[2], out.released[1]}, 20, 1300);
    EXPECT_EQ(whole.payload, Bytes(1400, 9));
    EXPECT_EQ(whole.first_offset, 176U * 8);
    EXPECT_TRUE(whole.more_follows);
}

TEST_F(ElsewhereTest, CutsNoMoreOfABurstThanThereIsRoomFor) {
    for (const std::size_t service : {0U, 1U})
        rig.config.services[service].destinations[0].egress = egress(68);
    rig.publish();
    std::vector<Bytes> frames;
    Burst burst;
    burst.count = 4;
    for (std::uint32_t index = 0; index < burst.count; ++index)
        frames.push_back(datagram(1400).macs(director, router_mac).build());
    for (std::uint32_t index = 0; index < burst.count; ++index)
        burst.frames[index] = {frames[index].data(),
                               static_cast<std::uint32_t>(frames[index].size())};
    rig.core.process(rig.publisher.reader(0).current(), burst, rig.now);
    EXPECT_EQ(burst.verdicts[0], Verdict::elsewhere);
    EXPECT_EQ(burst.verdicts[1], Verdict::elsewhere);
    EXPECT_EQ(burst.reasons[2], Reason::egress_fragments);
    EXPECT_EQ(burst.verdicts[3], Verdict::drop);
    EXPECT_EQ(burst.elsewhere, 2U);
}

TEST_F(ElsewhereTest, BringsAnIcmpErrorToTheServer) {
    send(syn());
    Bytes quote = segment().build_packet();
    // As the real server has sent it.
    std::swap_ranges(quote.begin() + 12, quote.begin() + 16, quote.begin() + 16);
    std::swap_ranges(quote.begin() + 20, quote.begin() + 22, quote.begin() + 22);
    const Out out =
        send(PacketBuilder::icmp(3, 4, 1300, quote).from("203.0.113.9", 0).to("192.0.2.10", 0));
    EXPECT_EQ(out.verdict, Verdict::elsewhere);
    EXPECT_EQ(out.egress, other);
    EXPECT_EQ(rig.events(Event::icmp_error_forwarded), 1U);
}

TEST_F(ElsewhereTest, AnswersAPacketWithoutAHopLeftWhereItCameFrom) {
    const Out out = send(syn().ttl(1));
    EXPECT_EQ(out.reason, Reason::hops_exceeded);
    EXPECT_EQ(out.released_egresses, std::vector<int>{0});
}

TEST_F(ElsewhereTest, SendsATunnelsPacketsThere) {
    for (const std::uint32_t mtu : {1500U, 600U}) {
        DestinationConfig& server = rig.config.services[1].destinations[0];
        server.tunnel = TunnelConfig{};
        server.tunnel->source = packets::ip("10.9.9.9");
        server.tunnel->mtu = mtu;
        server.egress = egress(mtu);
        rig.publish();
        const Out out = send(datagram(1400));
        ASSERT_EQ(out.verdict, Verdict::elsewhere);
        EXPECT_EQ(out.egress, other);
        EXPECT_EQ(out.released.size(), mtu == 1500 ? 0U : 2U);
        std::vector<Bytes> frames{out.frame};
        frames.insert(frames.end(), out.released.begin(), out.released.end());
        for (const Bytes& frame : frames)
            EXPECT_TRUE(
                std::equal(other_mac.bytes.begin(), other_mac.bytes.end(), frame.begin() + 6));
        for (const int by : out.released_egresses)
            EXPECT_EQ(by, other);
    }
}

TEST_F(ElsewhereTest, IsRefusedWithAnMtuThatNoLinkHas) {
    rig.config.services[0].destinations[0].egress = egress(67);
    const Result<void> published = rig.publisher.publish(rig.config);
    ASSERT_FALSE(published);
    EXPECT_NE(published.error().message.find("by eth1 has an MTU of 67"), std::string::npos)
        << published.error().message;
}

// What the program cannot send there never enters the cache.
TEST(ElsewhereCache, HasOnlyWhatTheProgramCanSendThere) {
    SimulatedProgram program(4);
    Rig rig(64, 64, program.memory());
    FlowDestinations destinations(program.control_memory());
    rig.add_service().destinations = Rig::destinations(1);
    rig.config.flow_cache.admit_after = 1;
    for (const bool takes_redirects : {false, true}) {
        rig.config.services[0].destinations[0].egress = egress(1500, takes_redirects);
        rig.publish();
        destinations.follow(rig.publisher.latest());
        const std::uint32_t client = takes_redirects ? 2 : 1;
        rig.establish(client);
        rig.send_tcp(client, flag::ack);
        EXPECT_EQ(rig.core.flow_cache().size(), takes_redirects ? 1U : 0U);
    }
    Bytes frame = PacketBuilder::tcp(flag::ack)
                      .from(Rig::client_endpoint(2, 40000))
                      .to("192.0.2.10", 80)
                      .macs(director, router_mac)
                      .build();
    int by = 0;
    EXPECT_TRUE(program.forward(frame, 0, by));
    EXPECT_EQ(by, other);
    EXPECT_TRUE(std::equal(other_mac.bytes.begin(), other_mac.bytes.end(), frame.begin() + 6));
    // Another process of the driver: its flows come back to the worker.
    rig.config.services[0].destinations[0].egress = egress(1500, false);
    rig.publish();
    destinations.follow(rig.publisher.latest());
    EXPECT_FALSE(program.forward(frame, 0, by));
}

}  // namespace
}  // namespace headgate::dataplane
