// Adverts from a virtual MAC address: headers and checksums that the kernel does not fill in.
#include "controlplane/vrrp/advert_frame.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "common/checksum.h"
#include "controlplane/vrrp/packet.h"

namespace headgate::vrrp {
namespace {

const MacAddress virtual_mac{{0x00, 0x00, 0x5e, 0x00, 0x01, 0x33}};

std::vector<std::uint8_t> part(const std::vector<std::uint8_t>& frame, std::size_t offset,
                               std::size_t count) {
    const auto begin = frame.begin() + static_cast<std::ptrdiff_t>(offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

TEST(AdvertFrame, Ipv4GoesToTheMacAddressOfItsGroupWithAHeaderChecksum) {
    std::vector<std::uint8_t> packet(40, 0);
    packet[0] = 0x45;
    packet[3] = 40;
    packet[9] = ip_protocol_vrrp;
    const auto frame = advert_frame(virtual_mac, {.source = *IpAddress::parse("192.0.2.2"),
                                                  .destination = *IpAddress::parse("224.0.0.18"),
                                                  .bytes = packet});
    ASSERT_EQ(frame.size(), 54U);
    EXPECT_EQ(part(frame, 0, 6), (std::vector<std::uint8_t>{0x01, 0x00, 0x5e, 0, 0, 0x12}));
    EXPECT_EQ(part(frame, 6, 6), (std::vector<std::uint8_t>{0x00, 0x00, 0x5e, 0, 1, 0x33}));
    EXPECT_EQ(part(frame, 12, 2), (std::vector<std::uint8_t>{0x08, 0x00}));
    EXPECT_EQ(internet_checksum(part(frame, 14, 20)), 0U);
    EXPECT_NE(part(frame, 24, 2), (std::vector<std::uint8_t>{0, 0}));
}

TEST(AdvertFrame, Ipv6GetsItsHeaderAndAMessageChecksum) {
    const std::vector<std::uint8_t> message{0x31, 51, 100, 1, 0, 100, 0, 0};
    const IpAddress source = *IpAddress::parse("fe80::2");
    const IpAddress group = *IpAddress::parse("ff02::12");
    const auto frame = advert_frame(
        virtual_mac, {.source = source, .destination = group, .hop_limit = 255, .bytes = message});
    ASSERT_EQ(frame.size(), 62U);
    EXPECT_EQ(part(frame, 0, 6), (std::vector<std::uint8_t>{0x33, 0x33, 0, 0, 0, 0x12}));
    EXPECT_EQ(part(frame, 12, 2), (std::vector<std::uint8_t>{0x86, 0xdd}));
    EXPECT_EQ(part(frame, 14, 8), (std::vector<std::uint8_t>{0x6c, 0, 0, 0, 0, 8, 112, 255}));
    EXPECT_TRUE(std::ranges::equal(part(frame, 22, 16), source.bytes()));
    EXPECT_TRUE(std::ranges::equal(part(frame, 38, 16), group.bytes()));
    InternetChecksum sum;
    sum.add(part(frame, 22, 40));
    sum.add(std::uint16_t{8});
    sum.add(std::uint16_t{112});
    EXPECT_EQ(sum.finish(), 0U);
}

}  // namespace
}  // namespace headgate::vrrp
