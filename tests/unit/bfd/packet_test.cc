// Goal: control packets are written byte for byte as others write them, and every reason to refuse
// one is recognised by its own name, in the order of RFC 5880 6.8.6.
// Method: vectors made by an independent encoder (scapy); each bad packet is a good one with one
// thing wrong.
#include "controlplane/bfd/packet.h"

#include <functional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::bfd {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes from_hex(std::string_view hex) {
    Bytes bytes;
    for (std::size_t index = 0; index < hex.size(); index += 2)
        bytes.push_back(
            static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(index, 2)), nullptr, 16)));
    return bytes;
}

ControlPacket up_packet() {
    return {.state = State::up,
            .diagnostic = Diagnostic::neighbor_down,
            .poll = true,
            .final = false,
            .control_plane_independent = false,
            .demand = false,
            .detect_multiplier = 5,
            .my_discriminator = 0x11223344,
            .your_discriminator = 0xa1b2c3d4,
            .desired_min_tx = Microseconds(10'000),
            .required_min_rx = Microseconds(20'000),
            .required_min_echo_rx = Microseconds(0)};
}

ControlPacket admin_down_packet() {
    ControlPacket packet;
    packet.state = State::admin_down;
    packet.diagnostic = Diagnostic::administratively_down;
    packet.detect_multiplier = 1;
    packet.my_discriminator = 1;
    packet.desired_min_tx = packet.required_min_rx = Microseconds(1'000'000);
    packet.required_min_echo_rx = Microseconds(50'000);
    return packet;
}

constexpr std::string_view up_hex = "23e0051811223344a1b2c3d40000271000004e2000000000";
constexpr std::string_view admin_down_hex = "270001180000000100000000000f4240000f42400000c350";

Bytes encoded(const ControlPacket& packet) {
    const auto bytes = encode(packet);
    return {bytes.begin(), bytes.end()};
}

TEST(BfdPacket, IsWrittenByteForByte) {
    EXPECT_EQ(encoded(up_packet()), from_hex(up_hex));
    EXPECT_EQ(encoded(admin_down_packet()), from_hex(admin_down_hex));
}

TEST(BfdPacket, IsReadBack) {
    EXPECT_EQ(decode(from_hex(up_hex)).value(), up_packet());
    EXPECT_EQ(decode(from_hex(admin_down_hex)).value(), admin_down_packet());
}

TEST(BfdPacket, EveryFlagHasItsBit) {
    const auto flags_of = [](auto change) {
        ControlPacket packet = admin_down_packet();
        change(packet);
        return encoded(packet)[1];
    };
    EXPECT_EQ(flags_of([](ControlPacket& packet) { packet.poll = true; }), 0x20);
    EXPECT_EQ(flags_of([](ControlPacket& packet) { packet.final = true; }), 0x10);
    EXPECT_EQ(flags_of([](ControlPacket& packet) { packet.control_plane_independent = true; }),
              0x08);
    EXPECT_EQ(flags_of([](ControlPacket& packet) { packet.demand = true; }), 0x02);
}

TEST(BfdPacket, MayBeFollowedByOtherBytes) {
    Bytes bytes = from_hex(up_hex);
    bytes.push_back(0xff);
    EXPECT_EQ(decode(bytes).value(), up_packet());
}

TEST(BfdPacket, AReservedDiagnosticIsNoReasonToRefuse) {
    Bytes bytes = from_hex(up_hex);
    bytes[0] = 0x3f;
    const auto packet = decode(bytes);
    ASSERT_TRUE(packet);
    EXPECT_EQ(describe(packet->diagnostic), "Unknown");
}

TEST(BfdPacket, EveryReasonToRefuseHasItsName) {
    const auto error_of = [](const std::function<void(Bytes&)>& spoil) {
        Bytes bytes = from_hex(up_hex);
        spoil(bytes);
        const auto packet = decode(bytes);
        return packet ? "accepted" : std::string(name_of(packet.error()));
    };
    const auto set = [&](std::size_t index, std::uint8_t value) {
        return error_of([=](Bytes& bytes) { bytes[index] = value; });
    };
    EXPECT_EQ(error_of([](Bytes& bytes) { bytes.pop_back(); }), "length");
    EXPECT_EQ(error_of([](Bytes& bytes) { bytes.clear(); }), "length");
    EXPECT_EQ(set(3, 23), "length");
    EXPECT_EQ(set(3, 25), "length");
    EXPECT_EQ(set(0, 0x03), "version");
    EXPECT_EQ(set(2, 0), "multiplier");
    EXPECT_EQ(set(1, 0xe1), "multipoint");
    EXPECT_EQ(set(1, 0xe4), "authentication");
    EXPECT_EQ(set(1, 0xf0), "poll_and_final");
    EXPECT_EQ(error_of([](Bytes& bytes) { std::fill_n(bytes.begin() + 4, 4, 0); }),
              "discriminator");
    EXPECT_EQ(error_of([](Bytes& bytes) { std::fill_n(bytes.begin() + 8, 4, 0); }),
              "discriminator");
    // In Down it may be 0: the peer has not heard of us.
    EXPECT_EQ(error_of([](Bytes& bytes) {
                  bytes[1] = 0x40;
                  std::fill_n(bytes.begin() + 8, 4, 0);
              }),
              "accepted");
}

}  // namespace
}  // namespace headgate::bfd
