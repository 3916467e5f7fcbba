// Goal: routes, rules and the addresses of virtual MAC addresses in keepalived's words. The
// expected lines are those of keepalived 2.2.7 for the same lines of its configuration.
#include "controlplane/dump/routes.h"

#include <gtest/gtest.h>

#include "controlplane/dump/data.h"
#include "controlplane/dump/json.h"
#include "tests/unit/config/support.h"

namespace headgate::dump {
namespace {

config::Config load_fine(const std::string& lines) {
    config::LoadResult result = config::load_text(config::instance_with(lines));
    EXPECT_TRUE(result.diagnostics.empty()) << config::render_report(result.diagnostics);
    return *result.config;
}

std::string route(const std::string& line) {
    const auto config = load_fine("virtual_routes {\n" + line + "\n}");
    return route_words(config.vrrp.instances.at(0).routes.at(0));
}

std::string rule(const std::string& line) {
    const auto config = load_fine("virtual_rules {\n" + line + "\n}");
    return rule_words(config.vrrp.instances.at(0).rules.at(0));
}

TEST(DumpRoutes, OneWay) {
    EXPECT_EQ(route("198.51.100.0/24 via 192.0.2.1 dev eth0 metric 5"),
              "prepend 198.51.100.0/24 via inet 192.0.2.1 dev eth0 proto 18 metric 5");
    EXPECT_EQ(route("198.51.86.7 dev eth0"), "prepend 198.51.86.7 dev eth0 proto 18");
    EXPECT_EQ(route("default via 192.0.2.1 dev eth0 table 5"),
              "prepend 0.0.0.0/0 via inet 192.0.2.1 dev eth0 table 5 proto 18");
    EXPECT_EQ(route("default6 via fd00::1 dev eth0 pref low"),
              "prepend ::/0 via inet6 fd00::1 dev eth0 proto 18 pref low");
    EXPECT_EQ(route("append 198.51.95.0/24 via 192.0.2.1 dev eth0"),
              "append 198.51.95.0/24 via inet 192.0.2.1 dev eth0 proto 18");
    EXPECT_EQ(route("add 198.51.94.0/24 dev eth0"), "add 198.51.94.0/24 dev eth0 proto 18");
    EXPECT_EQ(route("198.51.84.0/24 via 192.0.2.1 dev eth0 no_track"),
              "prepend 198.51.84.0/24 via inet 192.0.2.1 dev eth0 no_track");
}

TEST(DumpRoutes, OfOtherTypesHaveNoPlace) {
    EXPECT_EQ(route("blackhole 198.51.99.0/24 table 100 no_track"),
              "add blackhole 198.51.99.0/24 table 100 no_track");
    EXPECT_EQ(route("multicast 198.51.72.0/24 dev eth0 table 8"),
              "add multicast 198.51.72.0/24 dev eth0 table 8 proto 18");
    EXPECT_EQ(route("local 198.51.83.0/24 dev lo table 255"),
              "add local 198.51.83.0/24 dev lo table 255 proto 18");
}

TEST(DumpRoutes, EveryOption) {
    EXPECT_EQ(route("198.51.96.0/24 src 192.0.2.2 encap ip id 5 dst 192.0.2.7 via 192.0.2.1 dev "
                    "eth0 tos 0x10 table 300 scope link metric 5 onlink realms 3/4 congctl cubic "
                    "mtu 1400 hoplimit 9 advmss 1300 rtt 1s rttvar 2s rto_min 300ms reordering 4 "
                    "window 3 cwnd 5 ssthresh 4 initcwnd 6 initrwnd 7 features ecn quickack 1 "
                    "fastopen_no_cookie 1 ttl-propagate disabled"),
              "prepend 198.51.96.0/24 src 192.0.2.2 tos 16 encap ip id 5 dst 192.0.2.7 via inet "
              "192.0.2.1 dev eth0 table 300 proto 18 scope 253 metric 5 onlink realms 3/4 congctl "
              "cubic rtt 1s rttvar 2s rto_min 300ms features ecn mtu 1400 window 3 ssthresh 4 cwnd "
              "5 advmss 1300 reordering 4 hoplimit 9 initcwnd 6 initrwnd 7 quickack 1 "
              "fastopen_no_cookie 1 ttl-propagate disabled");
    EXPECT_EQ(
        route("2001:db8:1::/48 from 2001:db8:2::/48 src fd00::2 via fd00::1 dev eth0 tos 4 "
              "table 8 metric 7 pref high expires 100 mtu lock 1400"),
        "prepend 2001:db8:1::/48 from 2001:db8:2::/48 src fd00::2 tos 4 via inet6 fd00::1 dev "
        "eth0 table 8 proto 18 metric 7 expires 100sec mtu lock 1400 pref high");
    EXPECT_EQ(route("198.51.88.0/24 encap ip id 5 dst 192.0.2.7 src 192.0.2.2 tos 3 ttl 9 flags 3 "
                    "via 192.0.2.1 dev eth0"),
              "prepend 198.51.88.0/24 encap ip id 5 dst 192.0.2.7 src 192.0.2.2 tos 3 ttl 9 flags "
              "0x3 via inet 192.0.2.1 dev eth0 proto 18");
    EXPECT_EQ(
        route("2001:db8:3::/48 via fd00::1 dev eth0 encap ip6 id 3 dst fd00::7 tc 3 hoplimit "
              "4"),
        "prepend 2001:db8:3::/48 encap ip6 id 3 dst fd00::7 tc 3 hoplimit 4 via inet6 fd00::1 "
        "dev eth0 proto 18");
    // keepalived's own labels are not those that it was given.
    EXPECT_EQ(route("198.51.87.0/24 encap mpls 100/200 via 192.0.2.1 dev eth0"),
              "prepend 198.51.87.0/24 encap mpls 100/200 via inet 192.0.2.1 dev eth0 proto 18");
}

// keepalived cannot watch such a route, and says no_track.
TEST(DumpRoutes, SeveralWays) {
    EXPECT_EQ(route("198.51.89.0/24 src 192.0.2.2 metric 3 table 9 mtu 1400 no_track nexthop via "
                    "192.0.2.1 dev eth0 weight 2 onlink realms 1/3 nexthop via 192.0.2.3 dev eth0 "
                    "encap ip id 3"),
              "prepend 198.51.89.0/24 src 192.0.2.2 table 9 metric 3 mtu 1400 nexthop via inet "
              "192.0.2.1 dev eth0 weight 2 onlink realm 3 nexthop via inet 192.0.2.3 dev eth0 "
              "encap ip id 3 no_track");
}

TEST(DumpRules, EveryOption) {
    EXPECT_EQ(rule("from 198.51.100.0/24 table 5 preference 100"),
              "from 198.51.100.0/24 priority 100 tos 0x0 protocol 18 lookup 5");
    EXPECT_EQ(rule("to 198.51.99.0/24 blackhole preference 101 no_track"),
              "from all to 198.51.99.0/24 priority 101 tos 0x0 type blackhole no_track");
    EXPECT_EQ(rule("not to 10.0.4.8 iif eth0 oif lo ipproto icmp fwmark 8/0xf tos 4 table 255 "
                   "priority 117"),
              "not from all to 10.0.4.8 priority 117 tos 0x4 fwmark 0x8/0xf iif eth0 oif lo "
              "protocol 18 ipproto 1 lookup 255");
    EXPECT_EQ(rule("from 10.0.0.0/8 sport 5-6 dport 80-81 ipproto tcp uidrange 1-5 table 77 "
                   "suppress_prefixlength 4 suppress_ifgroup 5 realms 3/4 priority 103"),
              "from 10.0.0.0/8 priority 103 tos 0x0 suppress_prefixlen 4 suppress_ifgroup 5 "
              "uidrange 1-5 protocol 18 ipproto 6 sport 5-6 dport 80-81 realms 3/4 lookup 77");
    EXPECT_EQ(rule("not from 10.0.1.0/24 to 10.0.2.0/24 goto 32766 priority 104"),
              "not from 10.0.1.0/24 to 10.0.2.0/24 priority 104 tos 0x0 protocol 18 goto 32766");
    EXPECT_EQ(rule("from 10.0.3.0/24 l3mdev priority 106"),
              "from 10.0.3.0/24 priority 106 tos 0x0 l3mdev protocol 18 lookup 0");
    EXPECT_EQ(rule("from 10.0.4.0/24 nop priority 109"),
              "from 10.0.4.0/24 priority 109 tos 0x0 protocol 18 nop");
    EXPECT_EQ(rule("from 10.0.4.0/24 unreachable priority 108"),
              "from 10.0.4.0/24 priority 108 tos 0x0 protocol 18 type unreachable");
    EXPECT_EQ(rule("from 10.0.4.0/24 tun_id 7 table 9 priority 119"),
              "from 10.0.4.0/24 priority 119 tos 0x0 tunnel-id 7 protocol 18 lookup 9");
}

vrrp::InstanceStatus status() {
    vrrp::InstanceStatus status;
    status.name = "VI_1";
    status.own_address = "192.0.2.2";
    status.state = vrrp::State::master;
    status.vips = {{*Prefix::parse("192.0.2.10/24"), "vrrp.51", true}};
    return status;
}

TEST(DumpVmac, IsShownWithTheInterfaceBelow) {
    const config::Config config = load_fine(
        "use_vmac\nvmac_xmit_base\nvirtual_routes {\n198.51.86.7 dev eth0\n}\n"
        "virtual_rules {\nfrom 198.51.86.7 table 5 preference 100\n}");
    const std::string text = render_data(config, {status()}, {});
    for (const char* part :
         {"   Flags:\n",
          "   Use VMAC, i/f name vrrp.51, is_up = true, xmit_base = true\n"
          "   Interface = vrrp.51, vmac on eth0, xmit base i/f\n   Using src_ip",
          "     192.0.2.10/24 dev vrrp.51@eth0 scope global set\n"
          "   Virtual Routes :\n     prepend 198.51.86.7 dev eth0 proto 18\n"
          "   Virtual Rules :\n     from 198.51.86.7 priority 100 tos 0x0 protocol 18 lookup 5\n"
          "   Using smtp"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "in\n" << text;
    const std::string json = render_json(config, {status()}, {}, {});
    for (const char* part :
         {R"("vmac_ifname":"vrrp.51","ifp_ifname":"vrrp.51",)",
          R"("vips":["192.0.2.10/24 dev vrrp.51@eth0 scope global set"],)"
          R"("vroutes":["prepend 198.51.86.7 dev eth0 proto 18"],)"
          R"("vrules":["from 198.51.86.7 priority 100 tos 0x0 protocol 18 lookup 5"],)"})
        EXPECT_NE(json.find(part), std::string::npos) << part << " in " << json;
    vrrp::InstanceStatus down = status();
    down.own_address.clear();
    EXPECT_NE(render_data(load_fine("use_vmac"), {down}, {})
                  .find("is_up = false, xmit_base = false\n   Interface = vrrp.51, vmac on eth0\n"),
              std::string::npos);
}

TEST(DumpAddresses, HaveTheirOptions) {
    const config::Config config = load_fine(
        "virtual_ipaddress_excluded {\n"
        "fd00::10/64 home -nodad mngtmpaddr noprefixroute\n"
        "fd00::11/64 autojoin preferred_lft 30\nfd00::12/128\n"
        "192.0.2.11 peer 192.0.2.88 dev eth0 scope link no_track\n}");
    EXPECT_NE(render_data(config, {status()}, {})
                  .find("   Virtual IP Excluded :\n"
                        "     fd00::10/64 dev eth0 scope global home -nodad mngtmpaddr "
                        "noprefixroute preferred_lft forever\n"
                        "     fd00::11/64 dev eth0 scope global autojoin preferred_lft 30\n"
                        "     fd00::12 dev eth0 scope global deprecated\n"
                        "     192.0.2.11 dev eth0 scope link peer 192.0.2.88/32 no_track\n"),
              std::string::npos)
        << render_data(config, {status()}, {});
}

}  // namespace
}  // namespace headgate::dump
