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

TEST(IpvsWords, SayThatItStandsBy) {
    api::Status status;
    api::VirtualServerStatus& service = *status.add_virtual_servers();
    service.set_method("DR");
    service.set_scheduler("rr");
    service.set_placement("bypass");
    service.set_standby("ipvs");
    const auto shows = [&status](const std::string& words) {
        return render_status(status, {}).find(words) != std::string::npos;
    };
    EXPECT_TRUE(shows("DR rr, bypass, IPVS stands by\n"));
    service.set_standby_connections(12);
    EXPECT_TRUE(shows("DR rr, bypass, IPVS stands by and had 12 connections\n"));
    service.set_standby("none: the kernel has no IPVS");
    EXPECT_TRUE(shows("DR rr, bypass\n"));
}

TEST(IpvsWords, AMissingStandbyIsAFaultWhereItIsRequired) {
    api::Status status;
    api::VirtualServerStatus& service = *status.add_virtual_servers();
    service.set_name("192.0.2.10:80/tcp");
    service.set_standby("none: the kernel has no IPVS");
    EXPECT_TRUE(findings(status).empty());
    status.mutable_ipvs()->set_standby_required(true);
    ASSERT_EQ(findings(status).size(), 1U);
    EXPECT_EQ(findings(status)[0].text,
              "IPVS does not stand by for 192.0.2.10:80/tcp: the kernel has no IPVS");
    service.set_standby("ipvs");
    EXPECT_TRUE(findings(status).empty());
}

}  // namespace
}  // namespace headgate::cli
