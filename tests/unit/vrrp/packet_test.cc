// Goal: IPv4 multicast adverts are written byte for byte as other implementations write them, and
// every reason to refuse one is recognised by its own name, in keepalived's order. The other kinds:
// transport_test.cc, auth_test.cc.
// Method: vectors made by an independent encoder (scapy); each bad advert is a good one with one
// thing wrong, and where that would spoil the checksum too, the checksum is made right again.
#include "controlplane/vrrp/packet.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "common/bytes.h"
#include "common/checksum.h"
#include "tests/unit/vrrp/support.h"

namespace headgate::vrrp {
namespace {

Bytes advert_v2() {
    return encoded(router_v2(), ip("10.0.0.1"), 150);
}

Bytes advert_v3() {
    return encoded(router_v3(), ip("192.0.2.1"), 100);
}

// Offsets into an advert with an IPv4 header of 20 bytes.
constexpr std::size_t ttl_offset = 8;
constexpr std::size_t type_offset = 20;
constexpr std::size_t vrid_offset = 21;
constexpr std::size_t auth_type_offset = 24;
constexpr std::size_t interval_offset = 25;
constexpr std::size_t checksum_offset = 26;

void fix_v2_checksum(Bytes& packet) {
    packet[checksum_offset] = packet[checksum_offset + 1] = 0;
    const std::uint16_t sum = internet_checksum(std::span(packet).subspan(20));
    ByteWriter(std::span(packet).subspan(checksum_offset)).write(sum);
}

TEST(AdvertEncode, WritesVersion2WithPasswordByteForByte) {
    EXPECT_EQ(advert_v2(), from_hex("45c0002c00000000ff70d08e0a000001e0000012"
                                    "213396020101f6e50a0000640a0000657333637265740000"));
}

TEST(AdvertEncode, WritesVersion3WithPseudoHeaderChecksumByteForByte) {
    EXPECT_EQ(advert_v3(), from_hex("45c0002000000000ff70189ac0000201e0000012"
                                    "31076401001905e9c0000264"));
}

TEST(AdvertEncode, WritesZeroesWhereVersion2HasNoPassword) {
    VirtualRouter router = router_v2();
    router.auth_pass.reset();
    const Bytes bytes = encoded(router, ip("10.0.0.1"), 150);
    EXPECT_EQ(bytes[auth_type_offset], 0);
    EXPECT_EQ(Bytes(bytes.end() - 8, bytes.end()), Bytes(8, 0));
    EXPECT_TRUE(decode(bytes, router));
}

TEST(AdvertEncode, HasRoomForTheMostAddresses) {
    VirtualRouter router = router_v2();
    router.addresses.clear();
    for (std::uint32_t index = 0; index < advert_addresses_max; ++index)
        router.addresses.push_back(IpAddress::v4(Be32(0x0a010000 + index)));
    const Bytes bytes = encoded(router, ip("10.0.0.1"), 1);
    EXPECT_EQ(bytes.size(), 20 + 8 + 4 * advert_addresses_max + 8);
    ASSERT_TRUE(decode(bytes, router));
    EXPECT_TRUE(decode(bytes, router)->remarks.empty());
}

TEST(AdvertDecode, ReadsWhatWasWritten) {
    const auto two = decode(advert_v2(), router_v2());
    ASSERT_TRUE(two);
    EXPECT_EQ(two->source, ip("10.0.0.1"));
    EXPECT_EQ(two->priority, 150);
    EXPECT_EQ(two->advert_interval, std::chrono::seconds(1));
    EXPECT_TRUE(two->remarks.empty());
    EXPECT_EQ(vrid_of(*open_ipv4(advert_v2())), 51);

    const auto three = decode(advert_v3(), router_v3());
    ASSERT_TRUE(three);
    EXPECT_EQ(three->priority, 100);
    EXPECT_EQ(three->advert_interval, std::chrono::milliseconds(250));
    EXPECT_EQ(vrid_of(*open_ipv4(advert_v3())), 7);
}

TEST(AdvertDecode, Version3LearnsAnotherIntervalAndVersion2RefusesIt) {
    VirtualRouter slower = router_v3();
    slower.advert_interval = std::chrono::seconds(40);
    const auto learned = decode(encoded(slower, ip("192.0.2.2"), 100), router_v3());
    ASSERT_TRUE(learned);
    EXPECT_EQ(learned->advert_interval, std::chrono::seconds(40));
    EXPECT_EQ(learned->remarks, std::vector{AdvertError::interval_differs});

    VirtualRouter other = router_v2();
    other.advert_interval = std::chrono::seconds(2);
    const auto refused = decode(encoded(other, ip("10.0.0.2"), 100), router_v2());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), AdvertError::advert_interval);
}

TEST(AdvertDecode, AcceptsPaddingOfTheLinkLayer) {
    Bytes padded = advert_v3();
    padded.resize(46, 0xaa);
    EXPECT_TRUE(decode(padded, router_v3()));
}

TEST(AdvertDecode, AcceptsAnIpHeaderWithOptions) {
    Bytes packet = advert_v2();
    packet[0] = 0x46;
    packet[3] = static_cast<std::uint8_t>(packet[3] + 4);
    packet.insert(packet.begin() + 20, {1, 1, 1, 1});
    EXPECT_TRUE(decode(packet, router_v2()));
}

TEST(AdvertDecode, ComparesAddressListsAsSetsAndAcceptsADifference) {
    struct Case {
        std::string description;
        std::vector<IpAddress> theirs;
        bool match;
    };
    const IpAddress first = ip("10.0.0.100");
    const IpAddress second = ip("10.0.0.101");
    for (const Case& test :
         {Case{"the same", {first, second}, true}, Case{"another order", {second, first}, true},
          Case{"one is missing", {first}, false},
          Case{"one more", {first, second, ip("10.0.0.102")}, false},
          Case{"another one", {first, ip("10.0.0.102")}, false},
          Case{"one twice, one missing", {first, first}, false}, Case{"none", {}, false}}) {
        VirtualRouter theirs = router_v2();
        theirs.addresses = test.theirs;
        const auto advert = decode(encoded(theirs, ip("10.0.0.2"), 100), router_v2());
        ASSERT_TRUE(advert) << test.description;
        EXPECT_EQ(advert->remarks.empty(), test.match) << test.description;

        VirtualRouter strict = router_v2();
        strict.transport.strict_addresses = true;
        EXPECT_EQ(decode(encoded(theirs, ip("10.0.0.2"), 100), strict).has_value(), test.match)
            << test.description;
    }
}

struct RefusedCase {
    std::string description;
    AdvertError error;
    std::function<Bytes()> packet;
    VirtualRouter ours = router_v2();
};

Bytes changed(const std::function<void(Bytes&)>& change) {
    Bytes packet = advert_v2();
    change(packet);
    return packet;
}

Bytes sent_by(const std::function<void(VirtualRouter&)>& change) {
    VirtualRouter router = router_v2();
    change(router);
    return encoded(router, ip("10.0.0.2"), 100);
}

TEST(AdvertDecode, NamesEveryReasonToRefuse) {
    const std::vector<RefusedCase> cases{
        {"empty", AdvertError::length, [] { return Bytes{}; }},
        {"half an IP header", AdvertError::length, [] { return Bytes(10, 0x45); }},
        {"another IP version", AdvertError::length,
         [] { return changed([](Bytes& p) { p[0] = 0x65; }); }},
        {"IP header length below 20", AdvertError::length,
         [] { return changed([](Bytes& p) { p[0] = 0x44; }); }},
        {"cut off", AdvertError::length, [] { return changed([](Bytes& p) { p.pop_back(); }); }},
        {"total length below the header's", AdvertError::length,
         [] { return changed([](Bytes& p) { p[3] = 19; }); }},
        {"more addresses counted than there are", AdvertError::length,
         [] { return changed([](Bytes& p) { p[23] = 3; }); }},
        {"fewer addresses counted than there are", AdvertError::length,
         [] { return changed([](Bytes& p) { p[23] = 1; }); }},
        {"TCP", AdvertError::protocol, [] { return changed([](Bytes& p) { p[9] = 6; }); }},
        {"routed", AdvertError::ttl, [] { return changed([](Bytes& p) { p[ttl_offset] = 254; }); }},
        {"version 3 for version 2", AdvertError::version,
         [] { return sent_by([](VirtualRouter& r) { r.version = 3; }); }},
        {"version 2 for version 3", AdvertError::version, advert_v2, router_v3()},
        {"another group", AdvertError::vrid,
         [] { return sent_by([](VirtualRouter& r) { r.vrid = 52; }); }},
        {"no authentication", AdvertError::auth_type,
         [] { return sent_by([](VirtualRouter& r) { r.auth_pass.reset(); }); }},
        {"AH authentication", AdvertError::auth_type,
         [] { return changed([](Bytes& p) { p[auth_type_offset] = 2; }); }},
        {"wrong password", AdvertError::auth_pass,
         [] { return sent_by([](VirtualRouter& r) { r.auth_pass->back() = 'x'; }); }},
        {"interval 0", AdvertError::advert_interval,
         [] { return changed([](Bytes& p) { p[interval_offset] = 0; }); }},
        {"not an advertisement", AdvertError::type,
         [] {
             return changed([](Bytes& p) {
                 p[type_offset] = 0x22;
                 fix_v2_checksum(p);
             });
         }},
        {"wrong checksum", AdvertError::checksum,
         [] { return changed([](Bytes& p) { p[checksum_offset] ^= 1U; }); }},
        {"sent to another group", AdvertError::destination,
         [] { return changed([](Bytes& p) { p[19] = 0x13; }); }},
    };
    for (const RefusedCase& test : cases) {
        const auto advert = decode(test.packet(), test.ours);
        ASSERT_FALSE(advert) << test.description;
        EXPECT_EQ(name_of(advert.error()), name_of(test.error)) << test.description;
    }
}

TEST(AdvertDecode, Version3CoversTheIpAddressesWithItsChecksum) {
    Bytes spoofed = advert_v3();
    spoofed[15] ^= 1U;  // source address
    const auto advert = decode(spoofed, router_v3());
    ASSERT_FALSE(advert);
    EXPECT_EQ(advert.error(), AdvertError::checksum);
}

TEST(AdvertDecode, Version3RefusesAnIntervalOfZero) {
    Bytes packet = advert_v3();
    packet[auth_type_offset] = packet[interval_offset] = 0;
    const auto advert = decode(packet, router_v3());
    ASSERT_FALSE(advert);
    EXPECT_EQ(advert.error(), AdvertError::advert_interval);
}

// Of two things wrong, the one that is checked first gives the name.
TEST(AdvertDecode, ChecksInKeepalivedsOrder) {
    Bytes packet = advert_v2();
    packet[checksum_offset] ^= 1U;
    const auto expect = [&](AdvertError error) {
        const auto advert = decode(packet, router_v2());
        ASSERT_FALSE(advert);
        EXPECT_EQ(name_of(advert.error()), name_of(error));
    };
    expect(AdvertError::checksum);
    packet[type_offset] = 0x22;
    expect(AdvertError::type);
    packet[interval_offset] = 9;
    expect(AdvertError::advert_interval);
    packet.back() ^= 1U;
    expect(AdvertError::auth_pass);
    packet[auth_type_offset] = 0;
    expect(AdvertError::auth_type);
    packet[vrid_offset] = 1;
    expect(AdvertError::vrid);
    packet[ttl_offset] = 1;
    expect(AdvertError::ttl);
}

TEST(Envelope, IsForNobodyWhenItIsTooShort) {
    EXPECT_FALSE(open_ipv4({}));
    Bytes packet = advert_v3();
    packet.resize(27);
    EXPECT_FALSE(open_ipv4(packet));
    packet.resize(21);
    packet[3] = 21;
    EXPECT_EQ(vrid_of(*open_ipv4(packet)), std::nullopt);
}

TEST(AdvertDecode, LooksAtTheListOnceWhenToldToSkipKnownRouters) {
    VirtualRouter ours = router_v2();
    ours.transport.skip_known_addresses = true;
    VirtualRouter theirs = router_v2();
    theirs.addresses.pop_back();
    AdvertCodec codec(ours);
    const auto hear = [&](std::string_view source) {
        const Bytes bytes = encoded(theirs, ip(source), 100);
        return codec.decode(*open_ipv4(bytes), {})->remarks;
    };
    const std::vector<AdvertError> remark{AdvertError::address_list};
    EXPECT_EQ(hear("10.0.0.2"), remark);
    EXPECT_EQ(hear("10.0.0.2"), std::vector<AdvertError>{});
    EXPECT_EQ(hear("10.0.0.3"), remark) << "from another router";
}

TEST(VirtualRouter, TakesThePasswordPaddedWithZeroesAndOnlyInVersion2) {
    config::VrrpInstance instance;
    instance.vrid = 9;
    instance.auth_pass = "1111";
    instance.virtual_addresses.push_back({.prefix = *Prefix::parse("10.0.0.100/24"),
                                          .interface = "eth0",
                                          .label = {},
                                          .broadcast = {}});
    const VirtualRouter two = virtual_router(instance);
    EXPECT_EQ(two.auth_pass, (AuthPass{'1', '1', '1', '1', 0, 0, 0, 0}));
    EXPECT_EQ(two.addresses, std::vector<IpAddress>{ip("10.0.0.100")});
    instance.version = 3;
    EXPECT_EQ(virtual_router(instance).auth_pass, std::nullopt);
}

}  // namespace
}  // namespace headgate::vrrp
