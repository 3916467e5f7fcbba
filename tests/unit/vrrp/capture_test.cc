// Goal: we send what keepalived 2.2.7 (Debian 12) sends, byte for byte, and accept it: versions 2
// and 3, IPv4 and IPv6, multicast and unicast, without and with PASS and AH. Method: captures of it
// on a virtual network, all with priority 150 and one advert a second.
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/vrrp/support.h"

namespace headgate::vrrp {
namespace {

enum class Auth : std::uint8_t { none, pass, header };

struct Capture {
    std::string description;
    std::uint8_t vrid;
    std::uint8_t version;
    Auth auth = Auth::none;
    std::string_view peer{};  // empty: multicast
    std::uint8_t ttl = 255;
    std::string_view bytes;  // from the IP header on
};

void PrintTo(const Capture& capture, std::ostream* out) {
    *out << capture.description;
}

const std::vector<Capture>& captures_v4() {
    static const std::vector<Capture> all{
        {.description = "Version2WithPassword",
         .vrid = 51,
         .version = 2,
         .auth = Auth::pass,
         .bytes = "45c0002800010000ff701890c0000202e0000012213396010101497cc0000233"
                  "7333637265740000"},
        {.description = "Version2",
         .vrid = 52,
         .version = 2,
         .bytes = "45c0002800010000ff701890c0000202e00000122134960100018694c0000234"
                  "0000000000000000"},
        {.description = "Version2WithHeader",
         .vrid = 53,
         .version = 2,
         .auth = Auth::header,
         .bytes = "45c0004000010000ff3318b5c0000202e000001270040000c000020200000001"
                  "0a605f48a2e8b41fd614ac662135960102018492c00002350000000000000000"},
        {.description = "Version3",
         .vrid = 54,
         .version = 3,
         .bytes = "45c0002000010000ff701898c0000202e0000012313696010064d39bc0000236"},
        {.description = "Version3Unicast",
         .vrid = 55,
         .version = 3,
         .peer = "192.0.2.3",
         .bytes = "45c0002000010000ff7036a7c0000202c0000203313796010064f1a8c0000237"},
        {.description = "Version2UnicastWithPassword",
         .vrid = 56,
         .version = 2,
         .auth = Auth::pass,
         .peer = "192.0.2.3",
         .bytes = "45c0002800010000ff70369fc0000202c00002032138960101014972c0000238"
                  "7333637265740000"},
        {.description = "Version2UnicastWithHeader",
         .vrid = 57,
         .version = 2,
         .auth = Auth::header,
         .peer = "192.0.2.3",
         .ttl = 64,
         .bytes = "45c00040000100004033f5c4c0000202c000020370040000c000020200000001"
                  "58177a1d717c1d7bbcf074c8213996010201848ac00002390000000000000000"},
    };
    return all;
}

const std::vector<Capture>& captures_v6() {
    static const std::vector<Capture> all{
        {.description = "Version3",
         .vrid = 58,
         .version = 3,
         .bytes = "6c0482e7002870fffe80000000000000d0de94fffe6671b6ff02000000000000"
                  "0000000000000012313a96020064374bfe800000000000000000000000000058"
                  "20010db8000000000000000000000058"},
        {.description = "Version2",
         .vrid = 59,
         .version = 2,
         .bytes = "6c0482e7002870fffe80000000000000d0de94fffe6671b6ff02000000000000"
                  "0000000000000012213b9602000147abfe800000000000000000000000000059"
                  "20010db8000000000000000000000059"},
        {.description = "Version3Unicast",
         .vrid = 60,
         .version = 3,
         .peer = "fd00::3",
         .ttl = 64,
         .bytes = "6c0752b300287040fd000000000000000000000000000002fd00000000000000"
                  "0000000000000003313c9602006410c4fe800000000000000000000000000060"
                  "20010db8000000000000000000000060"},
    };
    return all;
}

// As configured on the router that sends, or, `receiving`, on its peer.
VirtualRouter router_of(const Capture& capture, Family family, bool receiving) {
    VirtualRouter router{.vrid = capture.vrid,
                         .version = capture.version,
                         .advert_interval = std::chrono::seconds(1),
                         .auth_pass = std::nullopt,
                         .addresses = {},
                         .transport = {}};
    router.transport.family = family;
    if (family == Family::ipv4) {
        router.addresses = {IpAddress::v4(Be32(0xc0000200U + capture.vrid))};
    } else {
        router.transport.group = ip("ff02::12");
        const std::string number = std::to_string(capture.vrid);
        router.addresses = {ip("fe80::" + number), ip("2001:db8::" + number)};
    }
    if (capture.auth != Auth::none)
        router.auth_pass = AuthPass{'s', '3', 'c', 'r', 'e', 't'};
    router.transport.auth_header = capture.auth == Auth::header;
    router.transport.ttl = capture.ttl;
    if (!capture.peer.empty()) {
        router.transport.unicast = true;
        const std::string_view sender = family == Family::ipv4 ? "192.0.2.2" : "fd00::2";
        router.transport.peers = {{.address = ip(receiving ? sender : capture.peer)}};
    }
    return router;
}

std::string name_of_case(const testing::TestParamInfo<Capture>& info) {
    return info.param.description;
}

class KeepalivedV4 : public testing::TestWithParam<Capture> {};

TEST_P(KeepalivedV4, IsWrittenAndAcceptedByteForByte) {
    const Capture& capture = GetParam();
    Bytes theirs = from_hex(capture.bytes);
    const auto advert = decode(theirs, router_of(capture, Family::ipv4, true));
    ASSERT_TRUE(advert) << name_of(advert.error());
    EXPECT_TRUE(advert->remarks.empty());
    EXPECT_EQ(advert->priority, 150);
    EXPECT_EQ(advert->source, ip("192.0.2.2"));

    const Bytes ours = encoded(router_of(capture, Family::ipv4, false), ip("192.0.2.2"), 150);
    if (capture.auth != Auth::header) {
        // keepalived counts its packets; we leave the identification, and with it the checksum of
        // the header, to the kernel.
        theirs[5] = 0;
        theirs[10] = ours[10];
        theirs[11] = ours[11];
    }
    EXPECT_EQ(ours, theirs);
}

INSTANTIATE_TEST_SUITE_P(Captures, KeepalivedV4, testing::ValuesIn(captures_v4()), name_of_case);

class KeepalivedV6 : public testing::TestWithParam<Capture> {};

TEST_P(KeepalivedV6, IsWrittenAndAcceptedByteForByte) {
    const Capture& capture = GetParam();
    const Bytes packet = from_hex(capture.bytes);
    const auto address_at = [&](std::size_t offset) {
        std::array<std::uint8_t, 16> bytes{};
        std::copy_n(packet.begin() + static_cast<long>(offset), bytes.size(), bytes.begin());
        return IpAddress::v6(bytes);
    };
    const Bytes message(packet.begin() + 40, packet.end());
    const Envelope envelope{.source = address_at(8),
                            .destination = address_at(24),
                            .ttl = packet[7],
                            .protocol = packet[6],
                            .payload = message};
    const auto advert = AdvertCodec(router_of(capture, Family::ipv6, true)).decode(envelope, {});
    ASSERT_TRUE(advert) << name_of(advert.error());
    EXPECT_TRUE(advert->remarks.empty());
    EXPECT_EQ(advert->priority, 150);

    Bytes ours = encoded(router_of(capture, Family::ipv6, false), envelope.source, 150);
    ASSERT_GT(ours.size(), 8U);
    ours[6] = message[6];  // the checksum is the kernel's
    ours[7] = message[7];
    EXPECT_EQ(ours, message);
}

INSTANTIATE_TEST_SUITE_P(Captures, KeepalivedV6, testing::ValuesIn(captures_v6()), name_of_case);

}  // namespace
}  // namespace headgate::vrrp
