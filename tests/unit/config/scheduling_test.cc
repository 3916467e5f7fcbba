// Goal: the keywords for the scheduling of threads set what is asked of the kernel, those without
// an effect are accepted in silence, and a CPU that cannot be is one diagnostic.
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

Config load_global(const std::string& global_defs) {
    return load_fine(instance_with("", "global_defs {\n" + global_defs + "\n}\n"));
}

TEST(SchedulingKeywords, SetEachThread) {
    const Config config = load_global(
        "vrrp_rt_priority 40\nvrrp_priority -20\nvrrp_cpu_affinity 0 2 2\n"
        "bfd_rt_priority 41\nbfd_priority 19\nbfd_cpu_affinity 1\n");
    EXPECT_EQ(config.vrrp.scheduling,
              (Scheduling{.realtime_priority = 40, .nice = -20, .cpus = {0, 2}}));
    EXPECT_EQ(config.bfd_scheduling,
              (Scheduling{.realtime_priority = 41, .nice = 19, .cpus = {1}}));
}

TEST(SchedulingKeywords, ThoseThatAskForWhatIsAlwaysDoneChangeNothing) {
    const Config config = load_global(
        "vrrp_no_swap\nbfd_no_swap\nmax_auto_priority 99\nmin_auto_priority_delay 1000000\n"
        "vrrp_rlimit_rttime 10000\nbfd_rlimit_rttime 2\nvrrp_netlink_monitor_rcv_bufs 500000\n"
        "vrrp_netlink_monitor_rcv_bufs_force on\nlvs_netlink_cmd_rcv_bufs 500000\n"
        "vrrp_rx_bufs_multiplier 4\ndynamic_interfaces allow_if_changes\ndisable_local_igmp");
    EXPECT_EQ(config.vrrp.scheduling, Scheduling{});
    EXPECT_EQ(config.bfd_scheduling, Scheduling{});
}

TEST(SchedulingKeywords, RefuseACpuThatNoMachineHas) {
    const LoadResult result =
        load_text(instance_with("", "global_defs {\nvrrp_cpu_affinity 0 1024 x\n}\n"));
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
    ASSERT_EQ(result.diagnostics.size(), 2U) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->vrrp.scheduling.cpus, std::vector<unsigned>{0});
}

TEST(SchedulingKeywords, OfChecksSayWhoSetsIt) {
    for (const std::string line : {"checker_priority 5", "checker_cpu_affinity 0",
                                   "checker_rt_priority 1", "checker_rlimit_rttime 10000"}) {
        const LoadResult result = load_text(instance_with("", "global_defs {\n" + line + "\n}\n"));
        ASSERT_EQ(result.diagnostics.size(), 1U) << line;
        EXPECT_NE(result.diagnostics[0].hint.find("service manager"), std::string::npos) << line;
    }
}

TEST(LogUnknownVrids, IsOffUnlessAskedFor) {
    EXPECT_FALSE(load_global("").vrrp.log_unknown_vrids);
    EXPECT_TRUE(load_global("log_unknown_vrids").vrrp.log_unknown_vrids);
}

}  // namespace
}  // namespace headgate::config
