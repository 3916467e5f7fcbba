// Goal: everything about how adverts travel and what guards them reaches the model as it was
// written, with keepalived's defaults, and what makes no sense is said where it stands. Method:
// whole configurations; in the broken ones `>>` marks the place of the one diagnostic.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"

namespace headgate::config {
namespace {

IpAddress ip(std::string_view text) {
    return *IpAddress::parse(text);
}

// The first instance of a configuration without diagnostics.
VrrpInstance only_instance(const std::string& text) {
    LoadResult result = load_text(text);
    EXPECT_TRUE(result.diagnostics.empty()) << text << render_report(result.diagnostics);
    if (!result.config || result.config->vrrp.instances.empty())
        return {};
    return result.config->vrrp.instances.front();
}

VrrpTransport transport_of(std::string_view lines, std::string_view globals = "") {
    return only_instance("global_defs {\n" + std::string(globals) + "\n}\n" + instance_with(lines))
        .transport;
}

const std::string secret = "0123456789abcdef0123456789abcdef";

TEST(Transport, HasKeepalivedsDefaultsButForTheCheckOfSources) {
    const VrrpTransport transport = transport_of("");
    EXPECT_EQ(transport, VrrpTransport{});
    EXPECT_EQ(transport.group, ip("224.0.0.18"));
    EXPECT_TRUE(transport.check_source);
    EXPECT_FALSE(transport.unicast);
}

TEST(Transport, ReadsPeersWithTheirLimits) {
    const VrrpTransport transport = transport_of(
        "unicast_src_ip 192.0.2.1\nunicast_ttl 64\ntrack_src_ip\ncheck_unicast_src off\n"
        "kernel_rx_buf_size 65536\n"
        "unicast_peer {\n192.0.2.2\n192.0.2.3 min_ttl 60 max_ttl 64\n192.0.2.4 max_ttl 9\n}");
    EXPECT_TRUE(transport.unicast);
    EXPECT_EQ(transport.peers,
              (std::vector<UnicastPeer>{{.address = ip("192.0.2.2")},
                                        {.address = ip("192.0.2.3"), .ttl_min = 60, .ttl_max = 64},
                                        {.address = ip("192.0.2.4"), .ttl_max = 9}}));
    EXPECT_EQ(transport.source, ip("192.0.2.1"));
    EXPECT_TRUE(transport.track_source);
    EXPECT_EQ(transport.ttl, 64);
    EXPECT_EQ(transport.receive_buffer_bytes, 65536U);
    EXPECT_TRUE(transport.check_source) << "limits need it, as in keepalived";
    EXPECT_FALSE(
        transport_of("unicast_peer {\n192.0.2.2\n}", "vrrp_check_unicast_src off").check_source);
    EXPECT_TRUE(transport_of("unicast_peer {\n192.0.2.2\n}\ncheck_unicast_src",
                             "vrrp_check_unicast_src off")
                    .check_source);
}

TEST(Transport, WithoutPeersIsMulticastUnlessThatIsAFault) {
    const VrrpTransport transport = transport_of("unicast_fault_no_peer");
    EXPECT_TRUE(transport.unicast);
    EXPECT_TRUE(transport.fault_without_peer);
}

TEST(Transport, NeedsNoInterfaceWhenEverythingElseSaysWhere) {
    const VrrpInstance instance = only_instance(
        "vrrp_instance VI_1 {\nvirtual_router_id 51\nunicast_src_ip 192.0.2.1\n"
        "unicast_peer {\n192.0.2.2\n}\nvirtual_ipaddress {\n192.0.2.10/24 dev eth1\n}\n}\n");
    EXPECT_EQ(instance.interface, "");
    ASSERT_EQ(instance.virtual_addresses.size(), 1U);
    EXPECT_EQ(instance.virtual_addresses[0].interface, "eth1");
}

TEST(Transport, TakesGroupsAndMulticastSourcesFromWhereTheyAreSaid) {
    EXPECT_EQ(transport_of("mcast_src_ip 192.0.2.7").source, ip("192.0.2.7"));
    EXPECT_EQ(transport_of("", "vrrp_mcast_group4 224.0.0.99").group, ip("224.0.0.99"));
    EXPECT_EQ(transport_of("mcast_dst_ip 224.0.0.98", "vrrp_mcast_group4 224.0.0.99").group,
              ip("224.0.0.98"));
}

TEST(Transport, ChoosesFamilyAndVersionByTheFirstAddress) {
    const auto instance_v6 = [](std::string_view lines) {
        return only_instance("vrrp_instance VI_6 {\ninterface eth0\nvirtual_router_id 51\n" +
                             std::string(lines) +
                             "\nvirtual_ipaddress {\nfe80::10/64\n2001:db8::10/64\n}\n}\n");
    };
    const VrrpInstance usual = instance_v6("");
    EXPECT_EQ(usual.transport.family, Family::ipv6);
    EXPECT_EQ(usual.transport.group, ip("ff02::12"));
    EXPECT_EQ(usual.version, 3);
    EXPECT_EQ(usual.virtual_addresses.size(), 2U);
    EXPECT_EQ(instance_v6("version 2").version, 2);
    EXPECT_EQ(instance_v6("unicast_peer {\nfd00::3\n}").transport.peers.size(), 1U);
    EXPECT_EQ(instance_v6("mcast_dst_ip ff02::13").transport.group, ip("ff02::13"));
}

TEST(Groups, OfOneNumberForBothFamiliesAreTwo) {
    const LoadResult result =
        load_text(instance_with("",
                                "vrrp_instance VI_6 {\ninterface eth0\nvirtual_router_id 51\n"
                                "virtual_ipaddress {\nfe80::10/64\n}\n}\n"));
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->vrrp.instances.size(), 2U);
}

TEST(Transport, KnowsTheChecksumsAndWhetherTheyAreFixed) {
    struct Case {
        std::string_view lines;
        std::string_view globals;
        ChecksumKind kind;
        bool fixed;
        bool accepts_old;
    };
    for (const Case& test : {
             Case{"", "", ChecksumKind::pseudo_header, false, true},
             Case{"v3_checksum_as_v2", "", ChecksumKind::message_only, true, true},
             Case{"", "v3_checksum_as_v2", ChecksumKind::message_only, true, true},
             Case{"v3_checksum_as_v2 off", "v3_checksum_as_v2", ChecksumKind::pseudo_header, true,
                  true},
             Case{"old_unicast_checksum", "", ChecksumKind::multicast_group, true, true},
             Case{"old_unicast_checksum never", "", ChecksumKind::pseudo_header, false, false},
         }) {
        const VrrpTransport transport = transport_of(test.lines, test.globals);
        EXPECT_EQ(transport.checksum, test.kind) << test.lines;
        EXPECT_EQ(transport.checksum_fixed, test.fixed) << test.lines;
        EXPECT_EQ(transport.accept_old_checksum, test.accepts_old) << test.lines;
    }
}

TEST(Transport, SkipsKnownAddressesWhenAsked) {
    EXPECT_TRUE(transport_of("", "vrrp_skip_check_adv_addr").skip_known_addresses);
    EXPECT_FALSE(
        transport_of("skip_check_adv_addr off", "vrrp_skip_check_adv_addr").skip_known_addresses);
}

TEST(Authentication, HeaderTakesThePasswordForItsKey) {
    const VrrpInstance instance =
        only_instance(instance_with("authentication {\nauth_type AH\nauth_pass s3cret\n}"));
    EXPECT_TRUE(instance.transport.auth_header);
    EXPECT_EQ(instance.auth_pass, "s3cret");
}

TEST(Authentication, HmacHasKeepalivedsDefaults) {
    const VrrpTransport transport =
        transport_of("version 3\nadvert_int 4\nauth_hmac {\nkey 9 " + secret + "\n}");
    ASSERT_TRUE(transport.hmac);
    EXPECT_EQ(transport.hmac->active_key, 9);
    EXPECT_EQ(transport.hmac->mode, AuthHmac::Mode::enforce);
    EXPECT_TRUE(transport.hmac->bounded_by_time);
    EXPECT_EQ(transport.hmac->time_window, std::chrono::seconds(12));
    EXPECT_EQ(transport.hmac->keys[0].secret,
              std::vector<std::uint8_t>(secret.begin(), secret.end()));
}

TEST(Authentication, HmacReadsEveryKeyword) {
    const VrrpTransport transport = transport_of(
        "version 3\nauth_hmac {\nkey 1 " + secret +
        "\nkey 2 hex:000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F\n"
        "active_key 2\nanti_replay monotonic\ntime_window 30\nmode receive-only\n}");
    ASSERT_TRUE(transport.hmac);
    ASSERT_EQ(transport.hmac->keys.size(), 2U);
    EXPECT_EQ(transport.hmac->keys[1].secret.size(), 32U);
    EXPECT_EQ(transport.hmac->keys[1].secret[31], 0x1f);
    EXPECT_EQ(transport.hmac->active_key, 2);
    EXPECT_FALSE(transport.hmac->bounded_by_time);
    EXPECT_EQ(transport.hmac->time_window, std::chrono::seconds(30));
    EXPECT_EQ(transport.hmac->mode, AuthHmac::Mode::receive_only);
    EXPECT_EQ(transport_of("version 3\nadvert_int 0.1\nauth_hmac {\nkey 9 " + secret + "\n}")
                  .hmac->time_window,
              std::chrono::seconds(5));
}

TEST(Strict, RefusesOtherAddressesAndDecidesTheStateByPriority) {
    const VrrpInstance instance = only_instance(instance_with("strict_mode"));
    EXPECT_TRUE(instance.transport.strict_addresses);
    EXPECT_EQ(instance.initial_state, VrrpInitialState::backup);
    EXPECT_EQ(
        only_instance(instance_with("priority 255", "global_defs {\nvrrp_strict\n}")).initial_state,
        VrrpInitialState::master);
    EXPECT_FALSE(transport_of("strict_mode off", "vrrp_strict").strict_addresses);
}

TEST(Groups, OfTheSameNumberMayDifferByWhatTellsTheirAdvertsApart) {
    const std::string second =
        "vrrp_instance VI_2 {{\ninterface eth0\nvirtual_router_id 51\n{}\n"
        "virtual_ipaddress {{\n192.0.2.20\n}}\n}}\n";
    const auto instances = [&](std::string_view first_lines, std::string_view lines) {
        const LoadResult result =
            load_text(instance_with(first_lines, fmt::format(fmt::runtime(second), lines)));
        return result.config->vrrp.instances.size();
    };
    EXPECT_EQ(instances("", ""), 1U);
    EXPECT_EQ(instances("", "mcast_dst_ip 224.0.0.99"), 2U);
    EXPECT_EQ(instances("unicast_peer {\n192.0.2.2\n}", "unicast_peer {\n192.0.2.3\n}"), 2U);
    EXPECT_EQ(instances("unicast_peer {\n192.0.2.2\n}", "unicast_peer {\n192.0.2.2\n}"), 1U);
}

TEST(Groups, MoreAddressesThanAnAdvertHoldsAreHeldAllTheSame) {
    std::string addresses;
    for (int index = 0; index < 255; ++index)
        addresses += fmt::format("10.1.0.{}\n", index);
    const LoadResult result = load_text(instance_with("virtual_ipaddress {\n" + addresses + "}"));
    ASSERT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.diagnostics[0].severity, Severity::warning);
    EXPECT_EQ(result.config->vrrp.instances[0].virtual_addresses.size(), 256U);
}

TEST(Transport, TheReceiveBufferMayBeThatOfAllInstances) {
    const auto bytes = [](std::string_view lines, std::string_view policy) {
        return load_text(instance_with(lines, "global_defs {\nvrrp_rx_bufs_policy " +
                                                  std::string(policy) + "\n}\n"))
            .config->vrrp.instances.at(0)
            .transport.receive_buffer_bytes;
    };
    EXPECT_EQ(bytes("", "100000"), 100'000U);
    EXPECT_EQ(bytes("kernel_rx_buf_size 65536", "100000"), 65'536U);
    EXPECT_EQ(bytes("", "ADVERT"), 0U);
}

class BrokenTransports : public testing::TestWithParam<Broken> {};

TEST_P(BrokenTransports, GiveOneDiagnosticThatHelps) {
    const LoadResult result = expect_one_diagnostic(GetParam());
    const std::string report = render_report(result.diagnostics);
    EXPECT_EQ(result.diagnostics.at(0).message.find(secret.substr(0, 8)), std::string::npos)
        << report;
}

std::string hmac_with(std::string_view lines) {
    return instance_with("version 3\nauth_hmac {\nkey 1 " + secret + "\n" + std::string(lines) +
                         "\n}");
}

const std::vector<Broken>& broken_transports() {
    static const std::vector<Broken> cases{
        {"PeerOfTheOtherFamily", instance_with("unicast_peer {\n192.0.2.2\n>>2001:db8::2\n}"),
         "this peer is not an IPv4 address", "of the family of the virtual addresses"},
        {"PeerTwice", instance_with("unicast_peer {\n192.0.2.2\n>>192.0.2.2\n}"),
         "192.0.2.2 is a peer already", "remove this line", Severity::warning},
        {"PeerWithUnknownOption", instance_with("unicast_peer {\n192.0.2.2\n192.0.2.3 >>ttl 3\n}"),
         "`ttl` is out of place", "min_ttl"},
        {"PeerWithTtlOutOfRange",
         instance_with("unicast_peer {\n192.0.2.2\n192.0.2.3 min_ttl >>300\n}"), "300", "min_ttl"},
        {"PeerWithLimitsSwapped",
         instance_with("unicast_peer {\n192.0.2.2\n>>192.0.2.3 min_ttl 9 max_ttl 8\n}"),
         "its min_ttl is above its max_ttl", "the peer is left out"},
        {"NoPeers", instance_with(">>unicast_peer {\n}"), "has no effect without a `unicast_peer`",
         "multicast is used", Severity::warning},
        {"TtlWithoutPeers", instance_with("unicast_ttl >>9"),
         "`unicast_ttl` has no effect without a `unicast_peer`", "add the peers",
         Severity::warning},
        {"TrackedSourceThatIsNotThere", instance_with(">>track_src_ip"),
         "has no effect without a source address", "add `unicast_src_ip`", Severity::warning},
        {"SourceOfTheOtherFamily",
         instance_with("mcast_src_ip >>fe80::1",
                       "vrrp_instance VI_2 {\ninterface eth0\n"
                       "virtual_router_id 52\nvirtual_ipaddress {\n"
                       "192.0.2.20\n}\n}\n"),
         "not an IPv4 address to send from", "left out"},
        {"GroupThatIsNone", instance_with("mcast_dst_ip >>192.0.2.2"), "not a multicast address",
         "unicast_peer"},
        {"GroupOfTheOtherFamily", instance_with("mcast_dst_ip >>ff02::12"),
         "this is not an IPv4 address", "224.0.0.18 is used"},
        {"GlobalGroupOfTheOtherFamily",
         instance_with("", "global_defs {\nvrrp_mcast_group4 >>ff02::12\n}"),
         "this is not an IPv4 address", "224.0.0.18"},
        {"GroupAndPeers", instance_with("mcast_dst_ip >>224.0.0.9\nunicast_peer {\n192.0.2.2\n}"),
         "`mcast_dst_ip` has no effect", "remove one of the two", Severity::warning},
        {"BufferOfFewAdverts", instance_with("", "global_defs {\nvrrp_rx_bufs_policy >>MTU\n}"),
         "loses adverts", "number of bytes", Severity::warning},
        {"BufferOfNoSize", instance_with("", "global_defs {\nvrrp_rx_bufs_policy >>big\n}"),
         "this is no size", "vrrp_rx_bufs_policy BYTES"},
        {"TooSmallABuffer", instance_with("", "global_defs {\nvrrp_rx_bufs_policy >>9\n}"), "9",
         "vrrp_rx_bufs_policy BYTES"},
        {"TwoChecksums", instance_with("v3_checksum_as_v2\n>>old_unicast_checksum"),
         "an advert has one checksum", "remove one of the two"},
        {"AddressWithoutInterface",
         "vrrp_instance VI_1 {\nvirtual_router_id 51\nunicast_src_ip 192.0.2.1\n"
         "unicast_peer {\n192.0.2.2\n}\n"
         "virtual_ipaddress {\n192.0.2.10 dev eth0\n>>192.0.2.11\n}\n}\n",
         "this address has no interface", "write `dev INTERFACE`"},
        {"AddressInTwoInstances",
         instance_with("",
                       "vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\n"
                       "virtual_ipaddress {\n>>192.0.2.10\n}\n}\n"),
         "vrrp_instance `VI_1` has 192.0.2.10, too", "belongs to one instance", Severity::warning},
    };
    return cases;
}

const std::vector<Broken>& broken_authentications() {
    static const std::vector<Broken> cases{
        {"HmacInVersion2", instance_with(">>auth_hmac {\nkey 1 " + secret + "\n}"),
         "`auth_hmac` is for VRRP version 3", "write `version 3`"},
        {"HmacWithoutKey", instance_with("version 3\n>>auth_hmac {\n}"), "has no usable `key`",
         "write `key ID SECRET`"},
        {"ShortSecret", hmac_with("key 2 >>short"), "this secret has 5 bytes", "32 to 64 bytes"},
        {"SecretThatIsNotHex", hmac_with("key 2 >>hex:0g"), "not pairs of hexadecimal digits",
         "hex:DIGITS"},
        {"SecretInAFile", hmac_with("key 2 >>file:/etc/secret"), "in files of their own",
         "`include` a file"},
        {"KeyTwice", hmac_with("key >>1 " + secret), "there is a key 1 already",
         "give this one another id"},
        {"ActiveKeyThatIsNotThere", hmac_with("active_key >>7"), "there is no key 7",
         "key 1 is used"},
        {"StrictMaster", instance_with("state >>MASTER\npriority 100\nstrict_mode"),
         "only the router with `priority 255` starts as MASTER", "write `state BACKUP`"},
        {"StrictPassword",
         instance_with("strict_mode\nauthentication {\nauth_type >>PASS\nauth_pass secret\n}"),
         "strict mode does not allow authentication", "remove the authentication block"},
        {"StrictUnicast",
         instance_with("strict_mode\n>>unicast_peer {\n192.0.2.2\n}",
                       "vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\n"
                       "virtual_ipaddress {\n192.0.2.20\n}\n}\n"),
         "strict mode does not allow unicast", "left out"},
        {"StrictHmac",
         hmac_with("mode >>permissive\n}\nstrict_mode\nvirtual_ipaddress {\n10.9.9.9"),
         "strict mode wants `mode enforce`", "`enforce` is used now"},
    };
    return cases;
}

INSTANTIATE_TEST_SUITE_P(Transport, BrokenTransports, testing::ValuesIn(broken_transports()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Authentication, BrokenTransports,
                         testing::ValuesIn(broken_authentications()), case_name);

}  // namespace
}  // namespace headgate::config
