// use_ipvlan: the interface becomes that of the instance, with an address of its own to send from.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

VrrpInstance instance_with_lines(std::string_view lines, std::string_view behind = "") {
    return load_text(instance_with(lines, behind)).config->vrrp.instances.at(0);
}

TEST(Ipvlan, IsTheInterfaceOfTheInstance) {
    const LoadResult result = load_text(instance_with("use_ipvlan 192.0.2.5/24"));
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    const VrrpInstance instance = result.config->vrrp.instances.at(0);
    EXPECT_EQ(instance.ipvlan, (Ipvlan{.name = "vrrp.51",
                                       .base = "eth0",
                                       .address = *Prefix::parse("192.0.2.5/24"),
                                       .mode = IpvlanMode::bridge}));
    EXPECT_EQ(instance.interface, "vrrp.51");
    EXPECT_EQ(base_interface(instance), "eth0");
    EXPECT_EQ(instance.virtual_addresses.at(0).interface, "vrrp.51");
    EXPECT_EQ(instance.transport.source, IpAddress::parse("192.0.2.5").value());
    EXPECT_FALSE(instance.vmac);
    EXPECT_TRUE(all_vmacs(instance).empty());
    EXPECT_FALSE(instance_with_lines("").ipvlan);
    EXPECT_EQ(base_interface(instance_with_lines("")), "eth0");
}

TEST(Ipvlan, TakesItsWordsInAnyOrder) {
    const VrrpInstance instance =
        instance_with_lines("use_ipvlan private vip0 192.0.2.5\nmcast_src_ip 192.0.2.6");
    EXPECT_EQ(instance.ipvlan, (Ipvlan{.name = "vip0",
                                       .base = "eth0",
                                       .address = *Prefix::parse("192.0.2.5/32"),
                                       .mode = IpvlanMode::private_}));
    EXPECT_EQ(instance.transport.source, IpAddress::parse("192.0.2.6").value())
        << "what is written for it counts";
    EXPECT_EQ(instance_with_lines("use_ipvlan 192.0.2.5 vepa").ipvlan->mode, IpvlanMode::vepa);
}

TEST(Ipvlan, HasTheAddressesOfItsNetworkAndFamily) {
    const VrrpInstance instance = instance_with_lines(
        "use_ipvlan 192.0.2.5\nvirtual_ipaddress_excluded {\n10.1.0.1\n10.1.0.2 dev eth0\n"
        "10.1.0.3 dev eth1\n2001:db8::1/64\n}");
    std::vector<std::string> places;
    places.reserve(instance.excluded_addresses.size());
    for (const VirtualAddress& address : instance.excluded_addresses)
        places.push_back(address.interface);
    EXPECT_EQ(places, (std::vector<std::string>{"vrrp.51", "vrrp.51", "eth1", "eth0"}));
}

TEST(Ipvlan, Ipv6DoesWithoutAnAddress) {
    const LoadResult result = load_text(
        "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nuse_ipvlan\n"
        "virtual_ipaddress {\nfe80::10/64\n}\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    const VrrpInstance& instance = result.config->vrrp.instances.at(0);
    EXPECT_EQ(instance.interface, "vrrp6.51");
    EXPECT_FALSE(instance.transport.source);
}

std::string second(std::string_view lines) {
    return "vrrp_instance VI_2 {\ninterface eth1\nvirtual_router_id 51\n" + std::string(lines) +
           "\nvirtual_ipaddress {\n10.2.0.1\n}\n}\n";
}

TEST(Ipvlan, TwoOfOneNameAreToldApart) {
    const Config config =
        *load_text(instance_with("use_ipvlan 192.0.2.5", second("use_ipvlan 10.2.0.5"))).config;
    const VrrpInstance& renamed = config.vrrp.instances.at(1);
    EXPECT_EQ(renamed.ipvlan->name, "vrrp.51.1");
    EXPECT_EQ(renamed.interface, "vrrp.51.1");
    EXPECT_EQ(renamed.virtual_addresses.at(0).interface, "vrrp.51.1");
}

TEST(Ipvlan, OneVridOnOneInterfaceIsAMistakeWhateverTheNames) {
    const std::string rival =
        "vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 51\n"
        "use_ipvlan other 192.0.2.6\nvirtual_ipaddress {\n10.2.0.1\n}\n}\n";
    const LoadResult result = load_text(instance_with("use_ipvlan 192.0.2.5", rival));
    EXPECT_EQ(result.config->vrrp.instances.size(), 1U);
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_NE(result.diagnostics[0].message.find("is taken on `eth0`"), std::string::npos)
        << result.diagnostics[0].message;
}

std::string on_eth0(std::string_view lines) {
    return "vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\n" + std::string(lines) +
           "\nvirtual_ipaddress {\n10.2.0.1\n}\n}\n";
}

TEST(Ipvlan, AllOnOneInterfaceHaveOneMode) {
    const LoadResult result = load_text(
        instance_with("use_ipvlan 192.0.2.5 vepa", on_eth0("use_ipvlan 192.0.2.6 private")));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->vrrp.instances.at(1).ipvlan->mode, IpvlanMode::vepa);
    const LoadResult elsewhere = load_text(
        instance_with("use_ipvlan 192.0.2.5 vepa", second("use_ipvlan 192.0.2.6 private")));
    EXPECT_TRUE(elsewhere.diagnostics.empty()) << render_report(elsewhere.diagnostics);
}

TEST(Ipvlan, AnInterfaceHasEitherKind) {
    for (const auto& [first, next] :
         {std::pair{"use_vmac", "use_ipvlan 192.0.2.5"}, {"use_ipvlan 192.0.2.5", "use_vmac"}}) {
        const LoadResult result = load_text(instance_with(first, on_eth0(next)));
        EXPECT_EQ(result.diagnostics.size(), 1U) << first;
        EXPECT_TRUE(load_text(instance_with(first, second(next))).diagnostics.empty()) << first;
    }
}

TEST(Ipvlan, MistakesAreReportedAndItIsNotUsedThen) {
    for (const std::string_view lines :
         {"use_ipvlan", "use_ipvlan vepa", "use_ipvlan 2001:db8::5", "use_ipvlan 224.0.0.5",
          "use_vmac\nuse_ipvlan 192.0.2.5"}) {
        const LoadResult result = load_text(instance_with(lines));
        ASSERT_EQ(result.diagnostics.size(), 1U) << lines << render_report(result.diagnostics);
        EXPECT_FALSE(result.config->vrrp.instances.at(0).ipvlan) << lines;
        EXPECT_EQ(result.config->vrrp.instances.at(0).interface, "eth0") << lines;
    }
    for (const std::string_view lines :
         {"use_ipvlan 192.0.2.5 a b", "use_ipvlan a_name_that_is_too_long 192.0.2.5",
          "use_ipvlan 192.0.2.5 192.0.2.6", "use_ipvlan 192.0.2.5 vepa bridge"}) {
        const LoadResult result = load_text(instance_with(lines));
        ASSERT_EQ(result.diagnostics.size(), 1U) << lines << render_report(result.diagnostics);
        EXPECT_TRUE(result.config->vrrp.instances.at(0).ipvlan) << lines;
    }
}

}  // namespace
}  // namespace headgate::config
