// Goal: what an instance holds beside its virtual addresses, and static entries, reach the model as
// the lines say, with keepalived's defaults; and a mistake in one costs that line only.
#include <linux/rtnetlink.h>

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

Route route(const std::string& line) {
    const Config config = load_fine(instance_with("virtual_routes {\n" + line + "\n}"));
    EXPECT_EQ(config.vrrp.instances.at(0).routes.size(), 1U) << line;
    return config.vrrp.instances.at(0).routes.empty() ? Route{}
                                                      : config.vrrp.instances.at(0).routes[0];
}

Rule rule(const std::string& line) {
    const Config config = load_fine(instance_with("virtual_rules {\n" + line + "\n}"));
    EXPECT_EQ(config.vrrp.instances.at(0).rules.size(), 1U) << line;
    return config.vrrp.instances.at(0).rules.empty() ? Rule{}
                                                     : config.vrrp.instances.at(0).rules[0];
}

VirtualAddress excluded(const std::string& line) {
    const Config config = load_fine(instance_with("virtual_ipaddress_excluded {\n" + line + "\n}"));
    EXPECT_EQ(config.vrrp.instances.at(0).excluded_addresses.size(), 1U) << line;
    return config.vrrp.instances.at(0).excluded_addresses.at(0);
}

TEST(HeldAddress, HasEveryAttributeOfIpAddress) {
    const VirtualAddress ipv4 =
        excluded("10.1.0.1/24 brd + dev eth1 label eth1:1 scope link noprefixroute no_track");
    EXPECT_EQ(ipv4.interface, "eth1");
    EXPECT_EQ(ipv4.broadcast->to_string(), "10.1.0.255");
    EXPECT_EQ(ipv4.scope, RT_SCOPE_LINK);
    EXPECT_FALSE(ipv4.prefix_route);
    EXPECT_FALSE(ipv4.tracked);
    EXPECT_FALSE(ipv4.preferred_s);
    const VirtualAddress ipv6 =
        excluded("2001:db8::1/64 home -nodad mngtmpaddr autojoin preferred_lft 20");
    EXPECT_EQ(ipv6.interface, "eth0");
    EXPECT_TRUE(ipv6.home && ipv6.detect_duplicates && ipv6.temporary_source && ipv6.join_group);
    EXPECT_EQ(ipv6.preferred_s, 20U);
    const VirtualAddress peer = excluded("10.1.0.1 peer 10.2.0.1/30");
    EXPECT_EQ(peer.peer->to_string(), "10.2.0.1");
    EXPECT_EQ(peer.prefix.length, 30);
}

TEST(HeldAddress, AnIpv6AddressOfAllBitsIsNoSourceUnlessThatIsSaid) {
    EXPECT_EQ(excluded("2001:db8::1").preferred_s, 0U);
    EXPECT_FALSE(excluded("2001:db8::1 preferred_lft forever").preferred_s);
    EXPECT_FALSE(excluded("2001:db8::1/64").preferred_s);
    EXPECT_FALSE(excluded("2001:db8::1").detect_duplicates);
}

TEST(HeldAddress, WhatFitsNoAdvertIsHeldAllTheSame) {
    std::string lines = "virtual_ipaddress {\n";
    for (int number = 0; number < 260; ++number)
        lines += "10.1." + std::to_string(number / 200) + "." + std::to_string(1 + number % 200) +
                 "/32\n";
    const LoadResult result = load_text(instance_with(lines + "}"));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_NE(result.diagnostics[0].message.find("room for 255"), std::string::npos);
    EXPECT_EQ(all_addresses(result.config->vrrp.instances.at(0)).size(), 261U);
}

TEST(HeldAddress, AnInstanceMayHaveNone) {
    const Config config = load_fine(
        "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n}\n");
    EXPECT_TRUE(config.vrrp.instances.at(0).virtual_addresses.empty());
}

TEST(HeldAddress, SecondariesArePromotedWhereThatIsSaid) {
    EXPECT_TRUE(
        load_fine(instance_with("promote_secondaries")).vrrp.instances.at(0).promote_secondaries);
    EXPECT_FALSE(load_fine(instance_with("")).vrrp.instances.at(0).promote_secondaries);
}

bool accepts(std::string_view lines, std::string_view behind = "") {
    return load_text(instance_with(lines, behind)).config->vrrp.instances.at(0).accept;
}

TEST(Accept, IsTheDefaultUnlessStrict) {
    EXPECT_TRUE(accepts(""));
    EXPECT_FALSE(accepts("no_accept"));
    EXPECT_FALSE(accepts("strict_mode on"));
    EXPECT_TRUE(accepts("strict_mode on\nversion 3\naccept"));
    EXPECT_FALSE(accepts("strict_mode on\naccept")) << "not in version 2";
    EXPECT_FALSE(accepts("accept", "global_defs {\nvrrp_strict\n}"));
}

TEST(Accept, AnOwnerTakesWhatIsForItsAddresses) {
    EXPECT_TRUE(accepts("priority 255\nno_accept"));
    EXPECT_TRUE(accepts("priority 255\nstate MASTER\nstrict_mode on"));
}

TEST(Accept, TheTableHasSettings) {
    const Firewall firewall =
        load_fine(instance_with("no_accept",
                                "global_defs {\nnftables lb_1\n"
                                "nftables_priority -150\nnftables_counters\n}"))
            .vrrp.firewall;
    EXPECT_EQ(firewall, (Firewall{.table = "lb_1", .priority = -150, .has_counters = true}));
    const LoadResult wrong =
        load_text(instance_with("", "global_defs {\nnftables 1; flush ruleset\n}"));
    EXPECT_EQ(wrong.config->vrrp.firewall.table, "");
}

TEST(HeldRoute, HasTheGrammarOfIpRoute) {
    const Route full = route(
        "198.51.100.0/24 via 10.0.0.1 dev eth1 src 192.0.2.10 table 1000 "
        "metric 7 tos 0x10 scope link mtu lock 1400 advmss 1360 rtt 100ms "
        "initcwnd 20 features ecn congctl cubic append no_track");
    EXPECT_EQ(full.to_string(),
              "198.51.100.0/24 via 10.0.0.1 dev eth1 src 192.0.2.10 tos 0x10 "
              "table 1000 metric 7");
    EXPECT_EQ(full.place, Route::Place::append);
    EXPECT_EQ(full.protocol, 18);
    EXPECT_EQ(full.scope, RT_SCOPE_LINK);
    EXPECT_FALSE(full.tracked);
    EXPECT_EQ(full.congestion_control, "cubic");
    ASSERT_EQ(full.metrics.size(), 5U);
    EXPECT_EQ(full.metrics[0], (RouteMetric{RTAX_MTU, 1400, true}));
    EXPECT_EQ(full.metrics[2], (RouteMetric{RTAX_RTT, 800, false}));
}

TEST(HeldRoute, KnowsTheFormsOfOlderFiles) {
    const Route old = route("src 192.0.2.1 to 198.51.100.0/24 gw 10.0.0.1 or 10.0.0.2 dev eth1");
    ASSERT_EQ(old.hops.size(), 2U);
    EXPECT_EQ(old.hops[1].via->to_string(), "10.0.0.2");
    EXPECT_EQ(old.hops[1].interface, "eth1");
    EXPECT_EQ(route("blackhole 198.51.100.0/24").type, RTN_BLACKHOLE);
    EXPECT_EQ(route("unreachable 198.51.100.0/24").type, RTN_UNREACHABLE);
    EXPECT_TRUE(route("blackhole 198.51.100.0/24").hops.empty());
    EXPECT_EQ(route("0.0.0.0/0 gw 10.0.0.1 table main").table, 254U);
}

TEST(HeldRoute, HasSeveralHopsAndTunnels) {
    const Route shared = route(
        "198.51.100.0/24 table 5 nexthop via 10.0.0.1 dev eth0 weight 2 "
        "nexthop via 10.0.0.2 onlink");
    ASSERT_EQ(shared.hops.size(), 2U);
    EXPECT_EQ(shared.hops[0].weight, 2);
    EXPECT_TRUE(shared.hops[1].onlink);
    const Route tunnel = route("198.51.100.0/24 encap ip id 5 dst 10.9.0.1 ttl 9 dev eth0");
    EXPECT_EQ(tunnel.hops.at(0).encapsulation.kind, Encapsulation::Kind::ip);
    EXPECT_EQ(tunnel.hops.at(0).encapsulation.destination->to_string(), "10.9.0.1");
    EXPECT_EQ(
        route("198.51.100.0/24 encap mpls 100/200 via 10.0.0.1").hops.at(0).encapsulation.labels,
        (std::vector<std::uint32_t>{100, 200}));
    EXPECT_EQ(route("198.51.100.0/24 via inet6 2001:db8::1").hops.at(0).via->to_string(),
              "2001:db8::1");
}

TEST(HeldRoute, IsIpv6WhenAnythingInItIs) {
    const Route ipv6 = route("default via 2001:db8::1 pref high expires 60");
    EXPECT_EQ(ipv6.destination.to_string(), "::/0");
    EXPECT_EQ(ipv6.preference, 1);
    EXPECT_EQ(ipv6.expires_s, 60U);
    EXPECT_EQ(route("inet6 blackhole default").destination.to_string(), "::/0");
    EXPECT_EQ(route("default via 10.0.0.1").destination.to_string(), "0.0.0.0/0");
}

TEST(HeldRoute, NamesComeFromTheFilesOfTheHost) {
    const LoadResult result =
        load_files({{"test.conf", "global_defs {\niproute_etc_dir /names\n}\n" +
                                      instance_with("virtual_routes {\n198.51.100.0/24 dev eth0 "
                                                    "table small protocol bird\n}")},
                    {"/names/rt_tables", "# ours\n77 small\n"},
                    {"/names/rt_protos", "12 bird\n"}},
                   "test.conf");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    const Route& route = result.config->vrrp.instances.at(0).routes.at(0);
    EXPECT_EQ(route.table, 77U);
    EXPECT_EQ(route.protocol, 12);
}

TEST(HeldRule, HasTheGrammarOfIpRule) {
    const Rule full = rule(
        "not from 192.0.2.0/24 to 198.51.100.0/24 fwmark 24/12 tos 0x10 iif eth0 "
        "oif eth1 ip_proto UDP sport 10-20 dport 53 uidrange 0-99 realms 30/20 "
        "suppress_prefixlength 8 table 1000 preference 39 no_track");
    EXPECT_TRUE(full.inverted);
    EXPECT_EQ(full.preference, 39U);
    EXPECT_EQ(full.mark, 24U);
    EXPECT_EQ(full.mark_mask, 12U);
    EXPECT_EQ(full.realms, 30U << 16U | 20U);
    EXPECT_EQ(full.ip_protocol, 17);
    EXPECT_EQ(full.source_ports, (NumberRange{10, 20}));
    EXPECT_EQ(full.destination_ports, (NumberRange{53, 53}));
    EXPECT_EQ(full.users, (NumberRange{0, 99}));
    EXPECT_EQ(full.suppress_prefix_length, 8U);
    EXPECT_FALSE(full.tracked);
    EXPECT_EQ(rule("goto 40 preference 39").target, 40U);
    EXPECT_EQ(rule("from 192.0.2.0/24 prohibit preference 39").action, 8);
    EXPECT_EQ(rule("to 2001:db8::/32 l3mdev preference 39").family, Family::ipv6);
}

TEST(HeldRule, WithoutAPreferenceGetsOneAndAWarning) {
    const LoadResult result =
        load_text(instance_with("virtual_rules {\ntable 1\n}", "static_rules {\ntable 2\n}"));
    ASSERT_EQ(result.diagnostics.size(), 2U) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->vrrp.statics.rules.at(0).preference, 16384U);
    EXPECT_EQ(result.config->vrrp.instances.at(0).rules.at(0).preference, 16383U);
}

TEST(StaticEntries, StandOutsideOfInstances) {
    const Config config = load_fine(instance_with("", R"(
track_group GROUP {
    group {
        VI_1
    }
}
static_ipaddress {
    10.9.0.1/24
    10.9.1.1/24 dev eth1 track_group GROUP
}
static_routes {
    198.51.100.0/24 via 10.9.0.2 track_group GROUP
}
static_rules {
    from 10.9.0.0/24 table 5 preference 100
}
)"));
    const StaticEntries& statics = config.vrrp.statics;
    EXPECT_EQ(statics.addresses.at(0).interface, "eth0");
    EXPECT_EQ(statics.addresses.at(1).track_group, "GROUP");
    EXPECT_EQ(statics.routes.at(0).track_group, "GROUP");
    EXPECT_EQ(statics.rules.size(), 1U);
    EXPECT_EQ(statics.track_groups.at("GROUP"), std::vector<std::string>{"VI_1"});
}

TEST(StaticEntries, AreAConfigurationOnTheirOwn) {
    const Config config = load_fine("static_ipaddress {\n10.9.0.1/24 dev eth1\n}\n");
    EXPECT_FALSE(config.vrrp.statics.empty());
}

struct BrokenLine {
    std::string lines;
    std::string message;
    std::string hint;
};

class BrokenEntry : public testing::TestWithParam<BrokenLine> {};

TEST_P(BrokenEntry, CostsItsLineAndSaysWhatToWrite) {
    const LoadResult result = load_text(instance_with(GetParam().lines));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    const Diagnostic& diagnostic = result.diagnostics.front();
    const std::string shown = render(diagnostic);
    EXPECT_NE(diagnostic.message.find(GetParam().message), std::string::npos) << shown;
    EXPECT_NE(diagnostic.hint.find(GetParam().hint), std::string::npos) << shown;
    ASSERT_TRUE(result.config);
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
}

std::string routes(const std::string& line) {
    return "virtual_routes {\n" + line + "\n}";
}
std::string rules(const std::string& line) {
    return "virtual_rules {\n" + line + "\n}";
}

INSTANTIATE_TEST_SUITE_P(
    Held, BrokenEntry,
    testing::Values(
        BrokenLine{routes("198.51.100.0/24"), "leads nowhere", "add `via IP`"},
        BrokenLine{routes("via 10.0.0.1"), "without a network", "write `[TYPE] NETWORK"},
        BrokenLine{routes("198.51.100.1/24 dev eth0"), "bits behind its prefix length",
                   "192.0.2.0/24"},
        BrokenLine{routes("198.51.100.0/24 vai 10.0.0.1"), "`vai` is not an option", "`via`"},
        BrokenLine{routes("198.51.100.0/24 via"), "needs a value", "write"},
        BrokenLine{routes("198.51.100.0/24 via 2001:db8::1"), "another address family", "all IPv4"},
        BrokenLine{routes("198.51.100.0/24 dev eth0 table nosuch"), "not a routing table",
                   "/etc/iproute2/rt_tables"},
        BrokenLine{routes("198.51.100.0/24 dev eth0 metric x"), "not a number", "`metric` takes"},
        BrokenLine{routes("198.51.100.0/24 dev eth0 rtt 5m"), "not a time", "milliseconds"},
        BrokenLine{routes("198.51.100.0/24 via 10.0.0.1 vrf blue"), "not carried", "`table`"},
        BrokenLine{routes("198.51.100.0/24 via 10.0.0.1 nexthop via 10.0.0.2"), "beside another",
                   "every hop"},
        BrokenLine{routes("198.51.100.0/24 nexthop via 10.0.0.2 weight 257"), "out of range",
                   "1 to 256"},
        BrokenLine{routes("198.51.100.0/24 nexthop via 10.0.0.2 metric 1"), "of a next hop",
                   "before the first"},
        BrokenLine{routes("198.51.100.0/24 dev eth0 encap mpls 9999999"), "stack of labels",
                   "100/200"},
        BrokenLine{routes("198.51.100.0/24 dev eth0 track_group G"), "for a static route",
                   "left out"},
        BrokenLine{rules("from 192.0.2.0/24 preference 5"), "does nothing", "add `table TABLE`"},
        BrokenLine{rules("form 192.0.2.0/24 table 5 preference 5"), "`form` is not an option",
                   "`from`"},
        BrokenLine{rules("sport 53 table 5 preference 5"), "without a protocol", "ip_proto"},
        BrokenLine{rules("from 192.0.2.0/24 to 2001:db8::/32 table 5 preference 5"),
                   "another address family", "all IPv4"},
        BrokenLine{rules("fwmark x table 5 preference 5"), "not a mark", "MARK[/MASK]"},
        BrokenLine{rules("uidrange 9-5 table 5 preference 5"), "not a range", "FIRST-LAST"},
        BrokenLine{"virtual_ipaddress_excluded {\n2001:db8::1/64 brd +\n}", "no broadcast",
                   "remove"},
        BrokenLine{"virtual_ipaddress_excluded {\n10.1.0.1 peer 2001:db8::1\n}", "same family",
                   "`peer`"},
        BrokenLine{"virtual_ipaddress_excluded {\n10.1.0.1 preferred_lft x\n}", "not a number",
                   "forever"},
        BrokenLine{"virtual_ipaddress_excluded {\n192.0.2.10/24\n}", "in this instance already",
                   "remove this line"}));

TEST(BrokenStaticEntry, NamesATrackGroupThatIsNotThere) {
    const LoadResult result =
        load_text(instance_with("", "static_ipaddress {\n10.9.0.1/24 track_group NONE\n}\n"));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_NE(result.diagnostics[0].message.find("no track_group `NONE`"), std::string::npos);
    EXPECT_EQ(result.config->vrrp.statics.addresses.size(), 1U);
}

}  // namespace
}  // namespace headgate::config
