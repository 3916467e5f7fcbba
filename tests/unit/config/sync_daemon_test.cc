// Goal: lvs_sync_daemon in all its forms, and ipvs_sysctl, mean what they do to keepalived and to
// the kernel; and mistakes in them are reported.
#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"
#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

const std::string sync_instance =
    "vrrp_instance VI_1 {\ninterface eth0\nvirtual_router_id 51\n%\nvirtual_ipaddress {\n"
    "192.0.2.10\n}\n}\n";

// `more`: of the instance.
LoadResult load_sync(const std::string& line, const std::string& more = "") {
    std::string instance = sync_instance;
    instance.replace(instance.find('%'), 1, more);
    return load_text("global_defs {\n" + line + "\n}\n" + instance);
}

SyncDaemon sync_daemon_of(const std::string& line) {
    const LoadResult result = load_sync(line);
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_TRUE(result.config->ipvs.sync_daemon);
    return result.config->ipvs.sync_daemon.value_or(SyncDaemon{});
}

TEST(SyncDaemon, HasKeepalivedsDefaults) {
    const SyncDaemon daemon = sync_daemon_of("lvs_sync_daemon eth1 VI_1");
    EXPECT_EQ(daemon.interface, "eth1");
    EXPECT_EQ(daemon.instance, "VI_1");
    EXPECT_EQ(daemon.id, 51) << "that of the instance";
    EXPECT_EQ(daemon.payload_max, 0);
    EXPECT_EQ(daemon.port, 8848);
    EXPECT_EQ(daemon.ttl, 1);
    EXPECT_EQ(daemon.group.to_string(), "224.0.0.81");
}

TEST(SyncDaemon, TakesAllOptionsInAnyOrder) {
    const SyncDaemon daemon = sync_daemon_of(
        "lvs_sync_daemon eth1 ttl 9 inst VI_1 port 8849 id 0 group ff02::81 maxlen 1400");
    EXPECT_EQ(daemon.instance, "VI_1");
    EXPECT_EQ(daemon.id, 0);
    EXPECT_EQ(daemon.payload_max, 1400);
    EXPECT_EQ(daemon.port, 8849);
    EXPECT_EQ(daemon.ttl, 9);
    EXPECT_EQ(daemon.group.to_string(), "ff02::81");
}

TEST(SyncDaemon, NeedsNoInstance) {
    const SyncDaemon daemon = sync_daemon_of("lvs_sync_daemon eth1");
    EXPECT_EQ(daemon.instance, "");
    EXPECT_EQ(daemon.id, 0);
}

TEST(SyncDaemon, HasOldForms) {
    const LoadResult number = load_sync("lvs_sync_daemon eth1 VI_1 7");
    ASSERT_EQ(number.diagnostics.size(), 1U);
    EXPECT_EQ(number.diagnostics[0].severity, Severity::warning);
    EXPECT_EQ(number.config->ipvs.sync_daemon->id, 7);

    const LoadResult interface = load_sync("", "lvs_sync_daemon_interface eth2");
    ASSERT_EQ(interface.diagnostics.size(), 1U);
    EXPECT_EQ(interface.diagnostics[0].severity, Severity::warning);
    EXPECT_EQ(interface.config->ipvs.sync_daemon->interface, "eth2");
    EXPECT_EQ(interface.config->ipvs.sync_daemon->instance, "VI_1");
    EXPECT_EQ(interface.config->ipvs.sync_daemon->id, 51);

    const LoadResult both =
        load_sync("lvs_sync_daemon eth1 VI_1", "lvs_sync_daemon_interface eth2");
    EXPECT_EQ(both.diagnostics.size(), 1U);
    EXPECT_EQ(both.config->ipvs.sync_daemon->interface, "eth1");
}

std::string in_globals(const std::string& line) {
    return instance_with("", "global_defs {\n    " + line + "\n}");
}

TEST(BrokenSyncDaemon, GivesOneDiagnosticThatHelps) {
    const std::vector<Broken> all{
        {"NoSuchInstance", in_globals("lvs_sync_daemon eth1 >>VI_9"),
         "there is no vrrp_instance `VI_9`", "no sync daemon runs"},
        {"NoSuchOption", in_globals("lvs_sync_daemon eth1 inst VI_9 >>size 3"),
         "`size` is no option of a sync daemon", "maxlen BYTES"},
        {"WithoutValue", in_globals("lvs_sync_daemon eth1 >>ttl"), "`ttl` needs a value",
         "ttl <1..255>"},
        {"OutOfRange", in_globals("lvs_sync_daemon eth1 id >>256"), "`256` is out of range",
         "id <0..255>"},
        {"NotMulticast", in_globals("lvs_sync_daemon eth1 group >>192.0.2.1"),
         "`192.0.2.1` is not a multicast address", "group ADDRESS"},
        {"NotAnInterface", in_globals("lvs_sync_daemon >>eth/1"), "is not an interface name",
         "INTERFACE"},
        {"NoSuchSysctl", instance_with("", "dataplane {\n    ipvs_sysctl >>drop_entry 1\n}"),
         "`drop_entry` is not one of them", "expire_nodest_conn"},
        {"SysctlWithoutNumber", instance_with("", "dataplane {\n    ipvs_sysctl >>conntrack\n}"),
         "it takes one number", "ipvs_sysctl"},
        {"SysctlOutOfRange", instance_with("", "dataplane {\n    ipvs_sysctl conntrack >>2\n}"),
         "`2` is out of range", "ipvs_sysctl"},
    };
    for (const Broken& broken : all) {
        SCOPED_TRACE(broken.name);
        expect_one_diagnostic(broken);
    }
}

TEST(Sysctls, AreKeptByName) {
    const LoadResult result = load_text(
        "dataplane {\ninterface eth0\nipvs_sysctl conntrack 1\nipvs_sysctl conn_reuse_mode 0\n}\n"
        "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind DR\nreal_server 192.0.2.11 {\n}\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->ipvs.sysctls,
              (std::map<std::string, int>{{"conn_reuse_mode", 0}, {"conntrack", 1}}));
}

}  // namespace
}  // namespace headgate::config
