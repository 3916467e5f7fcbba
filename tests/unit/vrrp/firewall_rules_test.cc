// The script of `no_accept`. What nftables makes of it is seen in the lab.
#include "controlplane/vrrp/firewall_rules.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

config::VirtualAddress address(const std::string& text) {
    return {.prefix = *Prefix::parse(text), .interface = "eth0"};
}

config::VrrpInstance refusing(const std::vector<std::string>& addresses) {
    config::VrrpInstance instance;
    instance.accept = false;
    for (const std::string& text : addresses)
        instance.virtual_addresses.push_back(address(text));
    return instance;
}

config::Vrrp vrrp_of(config::VrrpInstance instance) {
    config::Vrrp vrrp;
    vrrp.instances.push_back(std::move(instance));
    return vrrp;
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
        ++found;
    return found;
}

TEST(FirewallRules, ThereAreNoneUnlessAnInstanceRefuses) {
    EXPECT_EQ(firewall_script("headgate", {}), "");
    config::VrrpInstance accepting = refusing({"192.0.2.10/32"});
    accepting.accept = true;
    EXPECT_EQ(firewall_script("headgate", vrrp_of(std::move(accepting))), "");
}

TEST(FirewallRules, TheTableIsMadeAnewInOneTransaction) {
    EXPECT_EQ(firewall_script("headgate", vrrp_of(refusing({"192.0.2.10/24"}))),
              "add table inet headgate\n"
              "delete table inet headgate\n"
              "table inet headgate {\n"
              "set ipv4 { type ipv4_addr; elements = { 192.0.2.10 }; }\n"
              "chain input {\n"
              "type filter hook input priority -1; policy accept;\n"
              "ip daddr @ipv4 drop\n"
              "}\n"
              "chain output {\n"
              "type filter hook output priority -1; policy accept;\n"
              "ip saddr @ipv4 drop\n"
              "}\n"
              "}\n");
}

TEST(FirewallRules, NeighbourDiscoveryGoesThroughBeforeTheDrop) {
    const std::string script = firewall_script("t", vrrp_of(refusing({"2001:db8::10/64"})));
    const std::size_t accepted = script.find(
        "ip6 daddr @ipv6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept");
    ASSERT_NE(accepted, std::string::npos);
    EXPECT_GT(script.find("ip6 daddr @ipv6 drop"), accepted);
    EXPECT_EQ(count(script, "nd-neighbor-solicit"), 2U) << "both ways";
}

TEST(FirewallRules, ALinkLocalAddressCountsOnItsInterface) {
    const std::string script = firewall_script("t", vrrp_of(refusing({"fe80::10/64"})));
    EXPECT_NE(script.find("elements = { fe80::10 . \"eth0\" };"), std::string::npos);
    EXPECT_NE(script.find("ip6 daddr . iifname @link_local drop"), std::string::npos);
    EXPECT_NE(script.find("ip6 saddr . oifname @link_local drop"), std::string::npos);
}

TEST(FirewallRules, ExcludedAddressesCountToo) {
    config::VrrpInstance instance = refusing({"192.0.2.10/32"});
    instance.excluded_addresses.push_back(address("2001:db8::10/64"));
    const std::string script = firewall_script("t", vrrp_of(std::move(instance)));
    EXPECT_NE(script.find("elements = { 2001:db8::10 }"), std::string::npos);
}

TEST(FirewallRules, TakesItsSettings) {
    config::Vrrp vrrp = vrrp_of(refusing({"192.0.2.10/32"}));
    vrrp.firewall.priority = -150;
    vrrp.firewall.has_counters = true;
    const std::string script = firewall_script("t", vrrp);
    EXPECT_EQ(count(script, "priority -150;"), 2U);
    EXPECT_EQ(count(script, "counter drop"), 2U);
}

}  // namespace
}  // namespace headgate::vrrp
