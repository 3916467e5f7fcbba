// The parser of plain packets beside the one for all, on packets of all kinds and their mutations.
#include "tests/packets/plain_agreement.h"

#include <cstring>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::PacketBuilder;

PacketBuilder addressed(PacketBuilder builder) {
    return builder.from("198.51.100.7", 40000)
        .to("192.0.2.10", 80)
        .macs(director, Rig::mac_of(200))
        .pad_to(60);
}

// In a block of exactly their length: the address sanitizer knows the end.
packets::PlainReading read(Bytes frame) {
    frame.shrink_to_fit();
    return packets::read_plain({frame.data(), static_cast<std::uint32_t>(frame.size())}, director);
}

void correct_checksum(Bytes& frame) {
    std::memset(&frame[24], 0, 2);
    const std::uint16_t checksum = Be16(internet_checksum({&frame[14], 20})).raw();
    std::memcpy(&frame[24], &checksum, sizeof(checksum));
}

TEST(PlainPacket, IsWhatMostPacketsAre) {
    for (const PacketBuilder& builder :
         {addressed(PacketBuilder::tcp(flag::ack)), addressed(PacketBuilder::tcp(flag::syn)),
          addressed(PacketBuilder::udp()), addressed(PacketBuilder::udp()).payload(1400),
          addressed(PacketBuilder::tcp(flag::ack)).tcp_options(Bytes(12, 1)).tos(0xb8).ttl(1),
          addressed(PacketBuilder::tcp(flag::ack)).fragment(0x4000)}) {
        const packets::PlainReading reading = read(builder.build());
        EXPECT_TRUE(reading.is_plain);
        EXPECT_TRUE(reading.agrees);
    }
}

TEST(PlainPacket, IsNothingElse) {
    for (const PacketBuilder& builder :
         {addressed(PacketBuilder::tcp(flag::ack)).bad_ip_checksum(),
          addressed(PacketBuilder::tcp(flag::ack)).fragment(0x2000),
          addressed(PacketBuilder::tcp(flag::ack)).ip_options(Bytes(4, 1)),
          addressed(PacketBuilder::tcp(flag::ack)).vlan(0x8100, 7),
          addressed(PacketBuilder::tcp(flag::ack)).tcp_header_words(4),
          addressed(PacketBuilder::udp()).udp_length(9),
          addressed(PacketBuilder::udp()).udp_length(7), addressed(PacketBuilder::sctp(3)),
          addressed(PacketBuilder::tcp(flag::ack)).macs(Rig::mac_of(9), Rig::mac_of(200))})
        EXPECT_FALSE(read(builder.build()).is_plain);
}

// Every value of the field that the sum depends on: all carries there are.
TEST(PlainPacket, HasTheOneChecksumThatIsRight) {
    Bytes frame = addressed(PacketBuilder::udp()).build();
    for (std::uint32_t value = 0; value <= 0xffff; ++value) {
        const std::uint16_t raw = Be16(static_cast<std::uint16_t>(value)).raw();
        std::memcpy(&frame[18], &raw, sizeof(raw));
        correct_checksum(frame);
        ASSERT_TRUE(is_plain_checksum_right(&frame[14])) << value;
        ++frame[25];
        ASSERT_EQ(is_plain_checksum_right(&frame[14]), internet_checksum({&frame[14], 20}) == 0);
    }
}

TEST(PlainPacket, IsReadAsByTheOtherParser) {
    std::mt19937 random(20);
    const auto below = [&](std::size_t bound) { return random() % bound; };
    const std::vector<PacketBuilder> builders{
        addressed(PacketBuilder::tcp(flag::ack)),
        addressed(PacketBuilder::udp()),
        addressed(PacketBuilder::udp()).payload(100),
        addressed(PacketBuilder::sctp(3)),
        addressed(PacketBuilder::tcp(flag::ack)).tcp_options(Bytes(20, 1)).payload(7),
        addressed(PacketBuilder::tcp(flag::ack)).ip_options(Bytes(8, 1)),
        addressed(PacketBuilder::icmp(3, 4, 1400, Bytes(28, 0x45)))};
    std::uint32_t plain = 0;
    std::uint32_t odd = 0;
    constexpr std::uint32_t wanted = rounds(200'000);
    for (std::uint32_t round = 0; round < wanted; ++round) {
        Bytes frame = builders[below(builders.size())].build();
        for (std::size_t left = below(3); left > 0; --left)
            frame[below(54)] = static_cast<std::uint8_t>(below(2) == 0 ? random() : below(8));
        if (below(4) != 0)
            correct_checksum(frame);
        if (below(8) == 0)
            frame.resize(below(frame.size() + 1));
        const packets::PlainReading reading = read(std::move(frame));
        ASSERT_TRUE(reading.agrees) << round;
        ++(reading.is_plain ? plain : odd);
    }
    EXPECT_GT(plain, wanted / 10);
    EXPECT_GT(odd, wanted / 10);
}

}  // namespace
}  // namespace headgate::dataplane
