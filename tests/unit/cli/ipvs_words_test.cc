// Goal: `headgate status` says what is on IPVS and why, and does not cry over a dataplane that IPVS
// stands in for.
#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/cli/render.h"
#include "controlplane/cli/severity.h"

namespace headgate::cli {
namespace {

TEST(IpvsWords, SayWhatIsThereAndWhy) {
    api::Status status;
    EXPECT_EQ(render_status(status, {}).find("IPVS"), std::string::npos);
    api::VirtualServerStatus& service = *status.add_virtual_servers();
    service.set_method("NAT");
    service.set_scheduler("rr");
    service.set_placement("ipvs: lb_kind NAT");
    status.mutable_ipvs()->set_up(true);
    status.mutable_ipvs()->set_version("1.2.1");
    status.mutable_ipvs()->set_repairs(3);
    const std::string text = render_status(status, {});
    EXPECT_NE(text.find("NAT rr, on IPVS: lb_kind NAT\n"), std::string::npos) << text;
    EXPECT_NE(text.find("\nIPVS  1.2.1 of the kernel  changes of others put back 3\n"),
              std::string::npos)
        << text;
}

TEST(IpvsWords, SayWhetherTheSyncDaemonRuns) {
    api::Status status;
    api::IpvsSyncDaemon& daemon = *status.mutable_ipvs()->add_sync_daemons();
    daemon.set_role("master");
    daemon.set_interface("eth1");
    daemon.set_id(7);
    daemon.set_running(true);
    EXPECT_NE(render_status(status, {}).find("  master sync daemon on eth1, id 7: runs\n"),
              std::string::npos);
    EXPECT_EQ(worst(findings(status)), Severity::ok);
    daemon.set_running(false);
    daemon.set_error("there is no interface eth1");
    const std::string text = render_status(status, {});
    EXPECT_NE(text.find("does not run: there is no interface eth1\n"), std::string::npos) << text;
    EXPECT_EQ(worst(findings(status)), Severity::degraded);
    daemon.set_running(true);
    status.mutable_ipvs()->set_warning("IPVS: cannot write 1 to conntrack");
    EXPECT_EQ(worst(findings(status)), Severity::degraded);
}

TEST(IpvsWords, ADeadDataplaneIsLessWhereIpvsForwards) {
    api::Status status;
    status.set_dataplane_wanted(true);
    status.set_dataplane_error("eth0 refuses");
    EXPECT_EQ(worst(findings(status)), Severity::critical);
    status.mutable_ipvs()->set_up(true);
    EXPECT_EQ(worst(findings(status)), Severity::degraded);
}

}  // namespace
}  // namespace headgate::cli
