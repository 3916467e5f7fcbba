// use_vmac: names, MAC addresses, and where addresses without an interface go.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

VrrpInstance vmac_instance(std::string_view lines, std::string_view behind = "") {
    return load_text(instance_with(lines, behind)).config->vrrp.instances.at(0);
}

// What `ip addr` would show: "192.0.2.10 on vrrp.51".
std::vector<std::string> places_of(const VrrpInstance& instance) {
    std::vector<std::string> places;
    for (const VirtualAddress& address : all_addresses(instance))
        places.push_back(address.prefix.address.to_string() + " on " + address.interface);
    return places;
}

TEST(Vmac, HasTheNameAndTheMacAddressOfTheVirtualRouter) {
    const VrrpInstance instance = vmac_instance("use_vmac");
    ASSERT_TRUE(instance.vmac);
    EXPECT_EQ(instance.vmac->name, "vrrp.51");
    EXPECT_EQ(instance.vmac->mac.to_string(), "00:00:5e:00:01:33");
    EXPECT_FALSE(instance.vmac->send_from_base);
    EXPECT_EQ(instance.virtual_addresses.at(0).interface, "vrrp.51");
    EXPECT_EQ(instance.interface, "eth0");
    EXPECT_FALSE(vmac_instance("").vmac);
}

TEST(Vmac, Ipv6HasAMacAddressOfItsOwn) {
    const VrrpInstance instance =
        load_text(
            "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\nuse_vmac\n"
            "virtual_ipaddress {\nfe80::10/64\n2001:db8::10/64 dev eth1\n}\n}\n")
            .config->vrrp.instances.at(0);
    EXPECT_EQ(instance.vmac->name, "vrrp6.51");
    EXPECT_EQ(instance.vmac->mac.to_string(), "00:00:5e:00:02:33");
    EXPECT_EQ(instance.virtual_addresses.at(0).interface, "vrrp6.51");
    EXPECT_EQ(instance.virtual_addresses.at(1).interface, "eth1") << "as it says";
}

TEST(Vmac, TakesANameAndAMacAddress) {
    const VrrpInstance instance = vmac_instance(
        "use_vmac vip0 02:00:00:00:00:09\nvmac_xmit_base\n"
        "virtual_ipaddress_excluded {\n10.1.0.1/24\n}");
    EXPECT_EQ(
        instance.vmac,
        (Vmac{
            .name = "vip0", .base = "eth0", .mac = {{2, 0, 0, 0, 0, 9}}, .send_from_base = true}));
    EXPECT_EQ(vmac_instance("use_vmac 02:00:00:00:01").vmac->mac.to_string(), "02:00:00:00:01:33");
    EXPECT_EQ(instance.excluded_addresses.at(0).interface, "vip0");
    EXPECT_EQ(vmac_instance("use_vmac", "global_defs {\nvmac_prefix lb\n}").vmac->name, "lb.51");
}

TEST(Vmac, TwoOfOneNameAreToldApart) {
    const Config config =
        *load_text(
             instance_with("use_vmac",
                           "vrrp_instance VI_2 {\ninterface eth1\nvirtual_router_id 51\nuse_vmac\n"
                           "virtual_ipaddress {\n10.2.0.1\n}\n}\n"))
             .config;
    const VrrpInstance& second = config.vrrp.instances.at(1);
    EXPECT_EQ(second.vmac->name, "vrrp.51.1");
    EXPECT_EQ(second.virtual_addresses.at(0).interface, "vrrp.51.1");
    // The one that is renamed takes a name which another of the same instance has.
    const VrrpInstance both =
        load_text(instance_with("use_vmac",
                                "vrrp_instance VI_2 {\ninterface eth1\nvirtual_router_id 51\n"
                                "use_vmac\nuse_vmac_addr\nvirtual_ipaddress {\n10.2.0.1\n"
                                "10.3.0.1 dev eth2\n}\n}\n"))
            .config->vrrp.instances.at(1);
    EXPECT_EQ(places_of(both),
              (std::vector<std::string>{"10.2.0.1 on vrrp.51.1", "10.3.0.1 on vrrp.51.1.1"}));
}

TEST(Vmac, SingleAddressesHaveOneToo) {
    const VrrpInstance instance = vmac_instance(
        "virtual_ipaddress_excluded {\n10.1.0.1/24 dev eth1 use_vmac\n10.1.0.2/24 dev eth1\n"
        "10.1.0.3/24 use_vmac dev eth1\n2001:db8::1/64 dev eth1 use_vmac\n10.1.0.4/24 "
        "use_vmac\n}\n");
    EXPECT_FALSE(instance.vmac) << "adverts come from the interface itself";
    EXPECT_EQ(
        instance.address_vmacs,
        (std::vector<Vmac>{{.name = "vrrp.51.1", .base = "eth1", .mac = {{0, 0, 94, 0, 1, 51}}},
                           {.name = "vrrp6.51.1", .base = "eth1", .mac = {{0, 0, 94, 0, 2, 51}}},
                           {.name = "vrrp.51.2", .base = "eth0", .mac = {{0, 0, 94, 0, 1, 51}}}}));
    EXPECT_EQ(places_of(instance),
              (std::vector<std::string>{"192.0.2.10 on eth0", "10.1.0.1 on vrrp.51.1",
                                        "10.1.0.2 on eth1", "10.1.0.3 on vrrp.51.1",
                                        "2001:db8::1 on vrrp6.51.1", "10.1.0.4 on vrrp.51.2"}));
}

// As keepalived 2.2.7.
TEST(Vmac, HasTheAddressesOfItsNetworkAndFamily) {
    EXPECT_EQ(places_of(vmac_instance("use_vmac\nvirtual_ipaddress_excluded {\n10.1.0.1\n"
                                      "10.1.0.2 dev eth0\n10.1.0.3 dev eth1\n2001:db8::1/64\n"
                                      "2001:db8::2/64 dev eth0\n}")),
              (std::vector<std::string>{"192.0.2.10 on vrrp.51", "10.1.0.1 on vrrp.51",
                                        "10.1.0.2 on vrrp.51", "10.1.0.3 on eth1",
                                        "2001:db8::1 on eth0", "2001:db8::2 on eth0"}));
}

TEST(Vmac, UseVmacAddrIsForOtherInterfacesAndTheOtherFamily) {
    const std::string lines =
        "use_vmac_addr\nvirtual_ipaddress_excluded {\n10.0.0.9\n10.1.0.1/24 dev eth1\n"
        "2001:db8::1/64\n2001:db8::2/64 dev eth1\n}";
    EXPECT_EQ(
        places_of(vmac_instance(lines, "global_defs {\nvmac_addr_prefix a\n}")),
        (std::vector<std::string>{"192.0.2.10 on eth0", "10.0.0.9 on eth0", "10.1.0.1 on a.51.1",
                                  "2001:db8::1 on a6.51.1", "2001:db8::2 on a6.51.2"}));
    const VrrpInstance with_own = vmac_instance("use_vmac\n" + lines);
    EXPECT_EQ(places_of(with_own),
              (std::vector<std::string>{"192.0.2.10 on vrrp.51", "10.0.0.9 on vrrp.51",
                                        "10.1.0.1 on vrrp.51.1", "2001:db8::1 on vrrp6.51.1",
                                        "2001:db8::2 on vrrp6.51.2"}));
    EXPECT_EQ(with_own.address_vmacs.at(1).base, "eth0");
    EXPECT_EQ(all_vmacs(with_own).size(), 4U);
}

TEST(Vmac, UnicastComesFromTheInterfaceItself) {
    const LoadResult result = load_text(instance_with("use_vmac\nunicast_peer {\n192.0.2.3\n}"));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_EQ(result.diagnostics[0].severity, Severity::warning);
    EXPECT_TRUE(result.config->vrrp.instances.at(0).vmac->send_from_base);
}

TEST(Vmac, MistakesAreReported) {
    for (const std::string_view lines :
         {"use_vmac a_name_that_is_too_long", "use_vmac vip0 other", "vmac_xmit_base",
          "use_vmac vip0 02:00:00:00:00:zz", "strict_mode\nuse_vmac 02:00:00:00:00:01"})
        EXPECT_EQ(load_text(instance_with(lines)).diagnostics.size(), 1U) << lines;
}

}  // namespace
}  // namespace headgate::config
