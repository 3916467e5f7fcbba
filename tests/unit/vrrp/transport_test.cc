// Goal: adverts over IPv6, by unicast, and with each of the checksums that version 3 has over IPv4
// are written as others write them, and refused or accepted with a remark as they should be; and
// the link of an instance is usable exactly when it can send. Method: vectors and one change each.
#include <linux/if_addr.h>

#include <gtest/gtest.h>

#include "controlplane/vrrp/advert_socket.h"
#include "controlplane/vrrp/link_state.h"
#include "tests/unit/vrrp/one_interface.h"
#include "tests/unit/vrrp/support.h"

namespace headgate::vrrp {
namespace {

VirtualRouter router_v6(std::uint8_t version = 3) {
    VirtualRouter router{.vrid = 7,
                         .version = version,
                         .advert_interval = std::chrono::seconds(1),
                         .auth_pass = std::nullopt,
                         .addresses = {ip("fe80::64"), ip("2001:db8::64")},
                         .transport = {}};
    router.transport.family = Family::ipv6;
    router.transport.group = ip("ff02::12");
    return router;
}

Envelope received_v6(const Bytes& message, std::string_view destination = "ff02::12",
                     std::uint8_t hops = 255) {
    return {.source = ip("fe80::1"),
            .destination = ip(destination),
            .ttl = hops,
            .protocol = ip_protocol_vrrp,
            .payload = message};
}

VirtualRouter unicast_v3() {
    VirtualRouter router = router_v3();
    router.transport.unicast = true;
    router.transport.peers = {{.address = ip("192.0.2.2")}};
    return router;
}

// The peer's view of unicast_v3().
VirtualRouter unicast_v3_peer() {
    VirtualRouter router = unicast_v3();
    router.transport.peers = {{.address = ip("192.0.2.1")}};
    return router;
}

Bytes message_of(const Bytes& packet) {
    return {packet.begin() + 20, packet.end()};
}

TEST(AdvertV6, IsTheMessageAloneAndVersion2HasNoPasswordField) {
    const std::string_view rest =
        "fe80000000000000000000000000006420010db8000000000000000000000064";
    EXPECT_EQ(encoded(router_v6(), ip("fe80::1"), 100),
              from_hex("3107640200640000" + std::string(rest)));
    EXPECT_EQ(encoded(router_v6(2), ip("fe80::1"), 100),
              from_hex("2107640200010000" + std::string(rest)));
}

TEST(AdvertV6, IsReadWithWhatTheKernelSaysAboutIt) {
    for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
        const Bytes message = encoded(router_v6(version), ip("fe80::1"), 100);
        const auto advert = AdvertCodec(router_v6(version)).decode(received_v6(message), {});
        ASSERT_TRUE(advert) << name_of(advert.error());
        EXPECT_EQ(advert->source, ip("fe80::1"));
        EXPECT_EQ(advert->advert_interval, std::chrono::seconds(1));
        EXPECT_TRUE(advert->remarks.empty());
    }
    const Bytes message = encoded(router_v6(), ip("fe80::1"), 100);
    const auto refused = [&](const Envelope& envelope) {
        return AdvertCodec(router_v6()).decode(envelope, {}).error();
    };
    EXPECT_EQ(refused(received_v6(message, "ff02::12", 254)), AdvertError::ttl);
    EXPECT_EQ(refused(received_v6(message, "ff02::13")), AdvertError::destination);
    EXPECT_EQ(refused(received_v6(message, "fe80::2")), AdvertError::expected_multicast);
    Envelope silent = received_v6(message);
    silent.ttl.reset();
    EXPECT_TRUE(AdvertCodec(router_v6()).decode(silent, {})) << "the kernel need not say";
    Bytes cut = message;
    cut.pop_back();
    EXPECT_EQ(refused(received_v6(cut)), AdvertError::length);
    VirtualRouter four = router_v3();
    EXPECT_EQ(AdvertCodec(four).decode(received_v6(message), {}).error(), AdvertError::protocol);
}

TEST(AdvertV6, ComparesAddressLists) {
    VirtualRouter theirs = router_v6();
    theirs.addresses[1] = ip("2001:db8::65");
    const Bytes message = encoded(theirs, ip("fe80::1"), 100);
    EXPECT_EQ(AdvertCodec(router_v6()).decode(received_v6(message), {})->remarks,
              std::vector{AdvertError::address_list});
}

TEST(AdvertUnicast, GoesToThePeerWithItsOwnTtlAndChecksum) {
    VirtualRouter router = unicast_v3();
    router.transport.ttl = 64;
    const Bytes packet = encoded(router, ip("192.0.2.1"), 100);
    EXPECT_EQ(packet[8], 64);
    EXPECT_EQ(Bytes(packet.begin() + 16, packet.begin() + 20), from_hex("c0000202"));
    EXPECT_EQ(message_of(packet), from_hex("31076401001923f9c0000264"));
    EXPECT_TRUE(decode(packet, unicast_v3_peer())->remarks.empty()) << "the TTL is no matter";
}

TEST(AdvertUnicast, IsHeldAgainstThePeers) {
    const Bytes packet = encoded(unicast_v3(), ip("192.0.2.1"), 100);
    VirtualRouter ours = unicast_v3_peer();
    ours.transport.peers = {{.address = ip("192.0.2.9")}};
    EXPECT_EQ(decode(packet, ours).error(), AdvertError::not_a_peer);
    ours.transport.check_source = false;
    EXPECT_TRUE(decode(packet, ours));
    ours.transport.peers = {{.address = ip("192.0.2.1"), .ttl_min = 10, .ttl_max = 254}};
    EXPECT_EQ(decode(packet, ours).error(), AdvertError::peer_ttl);
    ours.transport.peers[0].ttl_max = 255;
    EXPECT_TRUE(decode(packet, ours));
    ours.transport.peers[0].ttl_min = 255;
    EXPECT_TRUE(decode(packet, ours));
}

TEST(AdvertUnicast, AndMulticastDoNotMix) {
    EXPECT_EQ(decode(encoded(unicast_v3(), ip("192.0.2.1"), 100), router_v3()).error(),
              AdvertError::expected_multicast);
    EXPECT_EQ(decode(encoded(router_v3(), ip("192.0.2.1"), 100), unicast_v3_peer()).error(),
              AdvertError::expected_unicast);
    VirtualRouter elsewhere = router_v3();
    elsewhere.transport.group = ip("224.0.0.19");
    EXPECT_EQ(decode(encoded(elsewhere, ip("192.0.2.1"), 100), router_v3()).error(),
              AdvertError::destination);
}

struct ChecksumCase {
    config::ChecksumKind kind;
    std::string_view message;
    AdvertError remark;
};

constexpr std::array checksum_cases{
    ChecksumCase{config::ChecksumKind::pseudo_header, "31076401001923f9c0000264",
                 AdvertError::checksum_pseudo_header},
    ChecksumCase{config::ChecksumKind::message_only, "310764010019a879c0000264",
                 AdvertError::checksum_message_only},
    ChecksumCase{config::ChecksumKind::multicast_group, "31076401001905e9c0000264",
                 AdvertError::checksum_multicast_group},
};

TEST(ChecksumKinds, AreWrittenAsConfigured) {
    for (const ChecksumCase& test : checksum_cases) {
        VirtualRouter router = unicast_v3();
        router.transport.checksum = test.kind;
        EXPECT_EQ(message_of(encoded(router, ip("192.0.2.1"), 100)), from_hex(test.message));
    }
}

TEST(ChecksumKinds, AreAllAcceptedWithARemarkAndTheFirstIsAnsweredInKind) {
    for (const ChecksumCase& theirs : checksum_cases) {
        for (const ChecksumCase& ours : checksum_cases) {
            VirtualRouter sender = unicast_v3();
            sender.transport.checksum = theirs.kind;
            const Bytes packet = encoded(sender, ip("192.0.2.1"), 100);
            VirtualRouter router = unicast_v3_peer();
            router.transport.checksum = ours.kind;
            AdvertCodec codec(router);
            const auto advert = codec.decode(*open_ipv4(packet), {});
            ASSERT_TRUE(advert);
            const bool same = theirs.kind == ours.kind;
            EXPECT_EQ(advert->remarks,
                      same ? std::vector<AdvertError>{} : std::vector{theirs.remark});
            const auto answer = codec.encode(ip("192.0.2.2"), ip("192.0.2.1"), 100, {});
            EXPECT_TRUE(decode(Bytes(answer->begin(), answer->end()),
                               [&] {
                                   VirtualRouter back = sender;
                                   back.transport.peers = {{.address = ip("192.0.2.2")}};
                                   return back;
                               }())
                            ->remarks.empty())
                << "they need not remark on ours";
        }
    }
}

TEST(ChecksumKinds, AFixedOneStaysAndAnOldOneCanBeRefused) {
    VirtualRouter sender = unicast_v3();
    sender.transport.checksum = config::ChecksumKind::multicast_group;
    const Bytes old = encoded(sender, ip("192.0.2.1"), 100);
    VirtualRouter fixed = unicast_v3_peer();
    fixed.transport.checksum_fixed = true;
    AdvertCodec codec(fixed);
    ASSERT_TRUE(codec.decode(*open_ipv4(old), {}));
    const auto answer = codec.encode(ip("192.0.2.2"), ip("192.0.2.1"), 100, {});
    EXPECT_EQ(Bytes(answer->begin() + 20, answer->end()),
              message_of(encoded(fixed, ip("192.0.2.2"), 100)));
    fixed.transport.accept_old_checksum = false;
    EXPECT_EQ(decode(old, fixed).error(), AdvertError::checksum);
}

TEST(Channel, TellsApartWhatNeedsSocketsOfItsOwn) {
    config::VrrpInstance one;
    one.interface = "eth0";
    config::VrrpInstance other = one;
    EXPECT_EQ(channel_of(one), channel_of(other));
    const auto differs = [&](const auto& change) {
        config::VrrpInstance changed = one;
        change(changed);
        return channel_of(changed) != channel_of(one);
    };
    EXPECT_TRUE(differs([](auto& instance) { instance.interface = "eth1"; }));
    EXPECT_TRUE(differs([](auto& instance) { instance.transport.group = ip("224.0.0.19"); }));
    EXPECT_TRUE(differs([](auto& instance) { instance.transport.unicast = true; }));
    EXPECT_TRUE(differs([](auto& instance) { instance.transport.auth_header = true; }));
    EXPECT_TRUE(differs([](auto& instance) {
        instance.transport.family = Family::ipv6;
        instance.transport.group = ip("ff02::12");
    }));
    EXPECT_FALSE(differs([](auto& instance) { instance.transport.source = ip("10.0.0.9"); }))
        << "a multicast socket sends from any address";
}

class LinkStateTest : public testing::Test, protected OneInterface {
protected:
    [[nodiscard]] LinkState state() const { return link_state_of(instance, table, watch, {}); }

    InterfaceWatch watch;
    config::VrrpInstance instance = [] {
        config::VrrpInstance config;
        config.interface = "eth0";
        return config;
    }();
};

TEST_F(LinkStateTest, NamesWhatIsMissing) {
    EXPECT_EQ(state().problem, "interface eth0 does not exist");
    add_interface(0);
    EXPECT_EQ(state().problem, "interface eth0 down");
    add_interface(IFF_UP);
    EXPECT_EQ(state().problem, "interface eth0 has no carrier");
    add_interface(IFF_UP | IFF_RUNNING);
    EXPECT_EQ(state().problem, "interface eth0 has no IPv4 address to send from");
    add_address("10.0.0.1/24");
    EXPECT_EQ(state().source, ip("10.0.0.1"));
    EXPECT_EQ(state().mtu, 1500U);
    instance.transport.family = Family::ipv6;
    EXPECT_EQ(state().problem, "interface eth0 has no IPv6 link-local address to send from");
    add_address("fe80::1/64");
    EXPECT_EQ(state().source, ip("fe80::1"));
}

TEST_F(LinkStateTest, AnInterfaceThatIsNotTrackedMayBeDown) {
    instance.track_primary = false;
    add_interface(0);
    EXPECT_EQ(state().problem, "interface eth0 down") << "no address to send from";
    add_address("10.0.0.1/24");
    EXPECT_EQ(state().source, ip("10.0.0.1"));
}

TEST_F(LinkStateTest, DelaysHoldFor) {
    const Instant start{};
    const auto delay = std::chrono::seconds(2);
    watch.configure({{.interface = "eth0", .down = delay, .up = delay}});
    add_interface(IFF_UP);
    add_address("10.0.0.1/24");
    watch.update(start, table);
    EXPECT_EQ(state().problem, "interface eth0 has no carrier");
    add_interface(IFF_UP | IFF_RUNNING);
    watch.update(start, table);
    EXPECT_EQ(state().problem, "interface eth0 is up, but not for long enough yet");
    watch.update(start + delay, table);
    EXPECT_EQ(state().source, ip("10.0.0.1"));
    add_interface(IFF_UP);
    watch.update(start + delay, table);
    EXPECT_EQ(state().source, ip("10.0.0.1"));
}

TEST_F(LinkStateTest, AConfiguredSourceIsTakenAsItIsUnlessItIsTracked) {
    add_interface(IFF_UP | IFF_RUNNING);
    instance.transport.source = ip("10.0.0.9");
    EXPECT_EQ(state().source, ip("10.0.0.9"));
    instance.transport.track_source = true;
    EXPECT_EQ(state().problem, "interface eth0 does not have 10.0.0.9");
    add_address("10.0.0.9/32");
    EXPECT_EQ(state().source, ip("10.0.0.9"));
}

TEST_F(LinkStateTest, UnicastWithoutInterfaceGoesWhereItsSourceIs) {
    instance.interface.clear();
    instance.transport.unicast = true;
    instance.transport.source = ip("10.0.0.9");
    EXPECT_EQ(state().problem, "no interface has 10.0.0.9");
    add_interface(IFF_UP | IFF_RUNNING);
    add_address("10.0.0.9/32");
    EXPECT_EQ(state().source, ip("10.0.0.9"));
    add_interface(IFF_UP);
    EXPECT_EQ(state().problem, "interface eth0 has no carrier");
}

TEST_F(LinkStateTest, UnicastWithoutPeersIsAFaultWhenItIsToBe) {
    add_interface(IFF_UP | IFF_RUNNING);
    add_address("10.0.0.1/24");
    instance.transport.unicast = true;
    EXPECT_EQ(state().source, ip("10.0.0.1"));
    instance.transport.fault_without_peer = true;
    EXPECT_EQ(state().problem, "there is no unicast_peer");
}

}  // namespace
}  // namespace headgate::vrrp
