// Goal: adverts with an authentication header and with an auth_hmac trailer are byte for byte what
// keepalived sends and accepts, and whatever is wrong with one has a name of its own.
// Method: vectors. Those of AH come from an independent encoder, those of auth_hmac from the
// appendix of the draft that keepalived 2.4.2 implements; the rest is one of them, changed.
#include "controlplane/vrrp/packet.h"

#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "common/bytes.h"
#include "tests/unit/vrrp/support.h"

namespace headgate::vrrp {
namespace {

using std::chrono::seconds;

VirtualRouter router_ah() {
    VirtualRouter router = router_v2();
    router.transport.auth_header = true;
    return router;
}

// The vectors' time: sequence 0x6800000080000000, half a second past 0x68000000.
constexpr WallTime vector_time{std::chrono::milliseconds(0x68000000LL * 1000 + 500)};

VirtualRouter router_hmac() {
    VirtualRouter router{.vrid = 51,
                         .version = 3,
                         .advert_interval = seconds(1),
                         .auth_pass = std::nullopt,
                         .addresses = {ip("192.0.2.100")},
                         .transport = {}};
    config::AuthHmac& hmac = router.transport.hmac.emplace();
    config::AuthHmac::Key& key = hmac.keys.emplace_back();
    key.id = hmac.active_key = 1;
    for (std::uint8_t byte = 0; byte < 32; ++byte)
        key.secret.push_back(byte);
    // What the appendix uses: no pseudo-header.
    router.transport.checksum = config::ChecksumKind::message_only;
    return router;
}

VirtualRouter router_hmac_v6() {
    VirtualRouter router = router_hmac();
    router.addresses = {ip("fe80::100")};
    router.transport.family = Family::ipv6;
    router.transport.group = ip("ff02::12");
    return router;
}

const std::string_view hmac_v4_image =
    "3133c80100644402c0000264"
    "0101000068000000800000001b84bc4e8e43892dc6d98448f8ee2265";
const std::string_view hmac_v6_image =
    "3133c8010064a2e9fe800000000000000000000000000100"
    "010100006800000080000000c8c56146ebfd66ee10ec4d8186461b78";

Envelope envelope_v6(const Bytes& message, std::string_view source = "fe80::10") {
    return {.source = ip(source),
            .destination = ip("ff02::12"),
            .ttl = std::uint8_t{255},
            .protocol = ip_protocol_vrrp,
            .payload = message};
}

Envelope open(const Bytes& packet) {
    return *open_ipv4(packet);
}

TEST(AuthHeader, IsWrittenByteForByte) {
    EXPECT_EQ(encoded(router_ah(), ip("10.0.0.1"), 150),
              from_hex("45c0004400010000ff33d0b20a000001e0000012"
                       "700400000a00000100000001f7b3212c721e3d7a322c7645"
                       "21339602020132000a0000640a0000650000000000000000"));
    VirtualRouter unicast = router_ah();
    unicast.transport.unicast = true;
    unicast.transport.peers = {{.address = ip("10.0.0.2")}};
    unicast.transport.ttl = 64;
    EXPECT_EQ(encoded(unicast, ip("10.0.0.1"), 150),
              from_hex("45c0004400010000403365c40a0000010a000002"
                       "700400000a000001000000019743b9686f777a8a426ff60e"
                       "21339602020132000a0000640a0000650000000000000000"));
}

TEST(AuthHeader, CountsOnFromWhatWasHeard) {
    constexpr std::size_t sequence_offset = 28;
    AdvertCodec master(router_ah());
    AdvertCodec backup(router_ah());
    const auto send = [](AdvertCodec& codec, std::string_view source) {
        const auto bytes = codec.encode(ip(source), codec.router().transport.group, 100, {});
        return Bytes(bytes->begin(), bytes->end());
    };
    for (int count = 0; count < 3; ++count)
        ASSERT_TRUE(backup.decode(open(send(master, "10.0.0.1")), {}));
    const Bytes takeover = send(backup, "10.0.0.2");
    EXPECT_EQ(ByteReader(std::span(takeover).subspan(sequence_offset)).read<std::uint32_t>(), 4U);
    EXPECT_TRUE(master.decode(open(takeover), {}));
    EXPECT_EQ(master.decode(open(takeover), {}).error(), AdvertError::auth_header_replay);
}

TEST(AuthHeader, NamesEveryReasonToRefuse) {
    struct Case {
        std::string description;
        AdvertError error;
        std::function<void(Bytes&)> change;
    };
    for (const Case& test : {
             Case{"a wrong digest", AdvertError::auth_header_wrong, [](Bytes& p) { p[32] ^= 1U; }},
             Case{"another priority", AdvertError::auth_header_wrong,
                  [](Bytes& p) { p[46] ^= 1U; }},
             Case{"another identification", AdvertError::auth_header_wrong,
                  [](Bytes& p) { p[5] ^= 1U; }},
             Case{"another protocol inside", AdvertError::protocol, [](Bytes& p) { p[20] = 6; }},
             Case{"another length of the header", AdvertError::length, [](Bytes& p) { p[21] = 5; }},
             Case{"shorter than its header", AdvertError::length,
                  [](Bytes& p) {
                      p.resize(40);
                      p[3] = 40;
                  }},
         }) {
        Bytes packet = encoded(router_ah(), ip("10.0.0.1"), 150);
        test.change(packet);
        const auto advert = decode(packet, router_ah());
        ASSERT_FALSE(advert) << test.description;
        EXPECT_EQ(name_of(advert.error()), name_of(test.error)) << test.description;
    }
    VirtualRouter other = router_ah();
    other.auth_pass->front() = 'x';
    EXPECT_EQ(decode(encoded(other, ip("10.0.0.1"), 150), router_ah()).error(),
              AdvertError::auth_header_wrong);
    EXPECT_EQ(decode(encoded(router_v2(), ip("10.0.0.1"), 150), router_ah()).error(),
              AdvertError::auth_header_missing);
    EXPECT_EQ(decode(encoded(router_ah(), ip("10.0.0.1"), 150), router_v2()).error(),
              AdvertError::auth_header_unexpected);
}

TEST(AuthHeader, LetsRoutersOnTheWayChangeWhatTheyMayChange) {
    VirtualRouter ours = router_ah();
    ours.transport.unicast = true;
    ours.transport.peers = {{.address = ip("10.0.0.1")}};
    VirtualRouter theirs = ours;
    theirs.transport.peers = {{.address = ip("10.0.0.2")}};
    Bytes packet = encoded(theirs, ip("10.0.0.1"), 150);
    packet[1] = 0;    // ToS
    packet[8] -= 3;   // TTL
    packet[10] ^= 1;  // header checksum
    EXPECT_TRUE(decode(packet, ours));
}

TEST(AuthHmac, AcceptsTheImagesOfTheAppendixAndWritesThem) {
    const Bytes v6 = from_hex(hmac_v6_image);
    const auto six = AdvertCodec(router_hmac_v6()).decode(envelope_v6(v6), vector_time);
    ASSERT_TRUE(six) << name_of(six.error());
    EXPECT_EQ(six->priority, 200);

    Bytes ours = encoded(router_hmac_v6(), ip("fe80::10"), 200, vector_time);
    ours[6] = v6[6];  // the checksum is the kernel's
    ours[7] = v6[7];
    EXPECT_EQ(ours, v6);

    const Bytes packet = encoded(router_hmac(), ip("198.51.100.10"), 200, vector_time);
    EXPECT_EQ(Bytes(packet.begin() + 20, packet.end()), from_hex(hmac_v4_image));
    EXPECT_TRUE(decode(packet, router_hmac(), vector_time));
}

TEST(AuthHmac, NamesEveryReasonToRefuse) {
    struct Case {
        std::string description;
        AdvertError error;
        std::size_t offset;
        std::uint8_t flip = 1;
    };
    for (const Case& test : {
             Case{"priority", AdvertError::hmac_wrong, 2},
             Case{"interval", AdvertError::hmac_wrong, 5},
             Case{"address", AdvertError::hmac_wrong, 23},
             Case{"kind", AdvertError::hmac_malformed, 24},
             Case{"key id", AdvertError::hmac_unknown_key, 25},
             Case{"reserved", AdvertError::hmac_malformed, 26},
             Case{"far away in time", AdvertError::hmac_stale, 30},
             Case{"near in time", AdvertError::hmac_wrong, 31},
             Case{"counter", AdvertError::hmac_wrong, 35},
             Case{"digest", AdvertError::hmac_wrong, 36},
         }) {
        Bytes message = from_hex(hmac_v6_image);
        message[test.offset] ^= test.flip;
        const auto advert = AdvertCodec(router_hmac_v6()).decode(envelope_v6(message), vector_time);
        ASSERT_FALSE(advert) << test.description;
        EXPECT_EQ(name_of(advert.error()), name_of(test.error)) << test.description;
    }
    const Bytes message = from_hex(hmac_v6_image);
    EXPECT_EQ(
        AdvertCodec(router_hmac_v6()).decode(envelope_v6(message, "fe80::20"), vector_time).error(),
        AdvertError::hmac_wrong)
        << "it is bound to its source";
    VirtualRouter without = router_hmac_v6();
    without.transport.hmac.reset();
    EXPECT_EQ(AdvertCodec(without).decode(envelope_v6(message), vector_time).error(),
              AdvertError::hmac_unexpected);
}

TEST(AuthHmac, EveryModeSendsAndAcceptsWhatItShould) {
    struct Case {
        config::AuthHmac::Mode mode;
        bool signs;
        bool accepts_plain;
    };
    for (const Case& test : {Case{config::AuthHmac::Mode::enforce, true, false},
                             Case{config::AuthHmac::Mode::permissive, true, true},
                             Case{config::AuthHmac::Mode::receive_only, false, true}}) {
        VirtualRouter router = router_hmac();
        router.transport.hmac->mode = test.mode;
        const Bytes packet = encoded(router, ip("198.51.100.10"), 200, vector_time);
        EXPECT_EQ(packet.size(), test.signs ? 60U : 32U);
        VirtualRouter plain = router_hmac();
        plain.transport.hmac.reset();
        const auto heard = decode(encoded(plain, ip("198.51.100.10"), 200), router, vector_time);
        EXPECT_EQ(heard.has_value(), test.accepts_plain);
        if (!test.accepts_plain) {
            EXPECT_EQ(heard.error(), AdvertError::hmac_missing);
        }
        const Bytes forged = [&] {
            Bytes bytes = encoded(router_hmac(), ip("198.51.100.10"), 200, vector_time);
            bytes.back() ^= 1U;
            return bytes;
        }();
        EXPECT_EQ(decode(forged, router, vector_time).error(), AdvertError::hmac_wrong);
    }
}

class HmacReplay : public testing::Test {
protected:
    Bytes sent(WallTime when) {
        const auto bytes =
            sender.encode(ip("198.51.100.10"), sender.router().transport.group, 200, when);
        return {bytes->begin(), bytes->end()};
    }
    std::optional<AdvertError> heard(const Bytes& packet, WallTime when) {
        const auto advert = receiver.decode(open(packet), when);
        return advert ? std::nullopt : std::optional(advert.error());
    }
    void use(const std::function<void(config::AuthHmac&)>& change) {
        VirtualRouter router = router_hmac();
        change(*router.transport.hmac);
        sender.reconfigure(router);
        receiver.reconfigure(router);
    }

    AdvertCodec sender{router_hmac()};
    AdvertCodec receiver{router_hmac()};
    const WallTime now = vector_time;
};

TEST_F(HmacReplay, RefusesWhatWasHeardBefore) {
    const Bytes first = sent(now);
    const Bytes second = sent(now);  // in the same instant
    EXPECT_EQ(heard(second, now), std::nullopt);
    EXPECT_EQ(heard(second, now), AdvertError::hmac_replay);
    EXPECT_EQ(heard(first, now), AdvertError::hmac_replay) << "older than the last one";
    EXPECT_EQ(heard(sent(now), now), std::nullopt);
}

TEST_F(HmacReplay, AClockThatIsPutBackRecovers) {
    EXPECT_EQ(heard(sent(now + seconds(3600)), now + seconds(3600)), std::nullopt);
    EXPECT_EQ(heard(sent(now), now), std::nullopt);
    EXPECT_EQ(heard(sent(now - seconds(2)), now), std::nullopt) << "within the window it counts on";
}

TEST_F(HmacReplay, MonotonicModeAsksForGrowthOnly) {
    use([](config::AuthHmac& hmac) { hmac.bounded_by_time = false; });
    const Bytes old = sent(now);
    EXPECT_EQ(heard(old, now + seconds(100'000)), std::nullopt);
    EXPECT_EQ(heard(old, now + seconds(100'000)), AdvertError::hmac_replay);
    EXPECT_EQ(heard(sent(now - seconds(3600)), now), std::nullopt) << "it counts on";
}

TEST_F(HmacReplay, RemembersFourMulticastSendersAndEachOnItsOwn) {
    const auto from = [&](std::string_view source) {
        AdvertCodec codec(router_hmac());
        const auto bytes = codec.encode(ip(source), codec.router().transport.group, 200, now);
        return Bytes(bytes->begin(), bytes->end());
    };
    for (const auto* source : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"})
        EXPECT_EQ(heard(from(source), now), std::nullopt) << source;
    EXPECT_EQ(heard(from("10.0.0.1"), now), AdvertError::hmac_replay);
    EXPECT_EQ(heard(from("10.0.0.5"), now), std::nullopt) << "the one heard longest ago makes room";
    EXPECT_EQ(heard(from("10.0.0.2"), now), AdvertError::hmac_replay);
}

TEST_F(HmacReplay, AKeyCanBeReplacedWhileAdvertsFlow) {
    VirtualRouter both = router_hmac();
    both.transport.hmac->keys.push_back(
        {.id = 2, .secret = std::vector<std::uint8_t>(32, std::uint8_t{7})});
    receiver.reconfigure(both);
    EXPECT_EQ(heard(sent(now), now), std::nullopt);
    both.transport.hmac->active_key = 2;
    sender.reconfigure(both);
    EXPECT_EQ(heard(sent(now), now), std::nullopt);
}

}  // namespace
}  // namespace headgate::vrrp
