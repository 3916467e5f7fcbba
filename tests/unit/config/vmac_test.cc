// use_vmac: names, MAC addresses, and where addresses without an interface go.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

VrrpInstance instance_of(std::string_view lines, std::string_view behind = "") {
    return load_text(instance_with(lines, behind)).config->vrrp.instances.at(0);
}

TEST(Vmac, HasTheNameAndTheMacAddressOfTheVirtualRouter) {
    const VrrpInstance instance = instance_of("use_vmac");
    ASSERT_TRUE(instance.vmac);
    EXPECT_EQ(instance.vmac->name, "vrrp.51");
    EXPECT_EQ(instance.vmac->mac.to_string(), "00:00:5e:00:01:33");
    EXPECT_FALSE(instance.vmac->send_from_base);
    EXPECT_EQ(instance.virtual_addresses.at(0).interface, "vrrp.51");
    EXPECT_EQ(instance.interface, "eth0");
    EXPECT_FALSE(instance_of("").vmac);
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
    const VrrpInstance instance = instance_of(
        "use_vmac vip0 02:00:00:00:00:09\nvmac_xmit_base\n"
        "virtual_ipaddress_excluded {\n10.1.0.1/24\n}");
    EXPECT_EQ(instance.vmac,
              (Vmac{.name = "vip0", .mac = {{2, 0, 0, 0, 0, 9}}, .send_from_base = true}));
    EXPECT_EQ(instance.excluded_addresses.at(0).interface, "vip0");
    EXPECT_EQ(instance_of("use_vmac", "global_defs {\nvmac_prefix lb\n}").vmac->name, "lb.51");
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
}

TEST(Vmac, UnicastComesFromTheInterfaceItself) {
    const LoadResult result = load_text(instance_with("use_vmac\nunicast_peer {\n192.0.2.3\n}"));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_EQ(result.diagnostics[0].severity, Severity::warning);
    EXPECT_TRUE(result.config->vrrp.instances.at(0).vmac->send_from_base);
}

TEST(Vmac, MistakesAreReported) {
    for (const std::string_view lines : {"use_vmac a_name_that_is_too_long", "use_vmac vip0 other",
                                         "vmac_xmit_base", "use_vmac vip0 02:00:00:00:00:zz"})
        EXPECT_EQ(load_text(instance_with(lines)).diagnostics.size(), 1U) << lines;
}

}  // namespace
}  // namespace headgate::config
