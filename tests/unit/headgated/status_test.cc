// Goal: every fact of the parts arrives in the status under the name that the API gives it.
#include "controlplane/status.h"

#include <gtest/gtest.h>

namespace headgate {
namespace {

using std::chrono::milliseconds;

vrrp::InstanceStatus master() {
    vrrp::InstanceStatus instance;
    instance.name = "VI_1";
    instance.state = vrrp::State::master;
    instance.reason = "no advert";
    instance.last_transition_unix_ms = 1234;
    instance.interface = "eth0";
    instance.vrid = 51;
    instance.version = 3;
    instance.priority = 150;
    instance.preempt = false;
    instance.advert_interval = milliseconds(1000);
    instance.skew = milliseconds(414);
    instance.master_down_interval = milliseconds(3414);
    instance.master_address = "192.0.2.1";
    instance.master_priority = 150;
    instance.vips = {{*Prefix::parse("192.0.2.10/24"), "eth0", true}};
    instance.adverts_sent = 7;
    instance.adverts_received = 8;
    instance.became_master = 1;
    instance.advert_errors = {{"bad_checksum", 3}};
    instance.warning = "two masters";
    instance.advert_lateness.add(std::chrono::milliseconds(5));
    return instance;
}

TEST(Status, ShowsAVrrpInstanceWhole) {
    const config::Config config;
    const std::vector<vrrp::InstanceStatus> instances{master()};
    const std::vector<service::ServiceView> views;
    const service::History history;
    const forwarding::Bypass::State bypass;
    const std::optional<api::DataplaneState> dataplane;
    const forwarding::ipvs::Backend::State ipvs;
    const std::optional<api::DataplaneState> no_counters;
    const api::Status status = make_status({.config = config,
                                            .vrrp = instances,
                                            .views = views,
                                            .history = history,
                                            .find_check = {},
                                            .bypass = bypass,
                                            .dataplane = dataplane,
                                            .ipvs = ipvs,
                                            .ipvs_counters = no_counters});
    const api::VrrpStatus& shown = status.vrrp(0);
    EXPECT_EQ(
        shown.ShortDebugString(),
        "name: \"VI_1\" state: \"MASTER\" reason: \"no advert\" last_transition_unix_ms: 1234 "
        "interface: \"eth0\" virtual_router_id: 51 version: 3 priority: 150 "
        "advert_interval_ms: 1000 skew_ms: 414 master_down_interval_ms: 3414 "
        "master_address: \"192.0.2.1\" master_priority: 150 vips { address: "
        "\"192.0.2.10/24\" interface: \"eth0\" present: true } adverts_sent: 7 "
        "adverts_received: 8 became_master: 1 advert_errors { name: \"bad_checksum\" count: "
        "3 } warning: \"two masters\" advert_lateness { buckets { up_to_us: 100 } buckets { "
        "up_to_us: 1000 } buckets { up_to_us: 10000 adverts: 1 } buckets { up_to_us: 100000 } "
        "buckets { up_to_us: 1000000 } buckets { up_to_us: -1 } adverts: 1 sum_us: 5000 worst_us: "
        "5000 }");
    EXPECT_FALSE(status.dataplane_wanted());
    EXPECT_FALSE(status.has_dataplane());
}

TEST(Status, JoinsStatisticsAndCheckResultsToTheirServer) {
    config::Config config;
    config::VirtualServer& service = config.virtual_servers.emplace_back();
    service.endpoint = {*IpAddress::parse("192.0.2.10"), 80};
    service.method = config::ForwardingMethod::dr;
    service.scheduler = config::Scheduler::wrr;
    for (const char* address : {"192.0.2.21", "192.0.2.22"}) {
        config::RealServer& server = service.real_servers.emplace_back();
        server.endpoint = {*IpAddress::parse(address), 80};
        server.weight = 4;
        config::HttpUrl url;
        url.path = "/status";
        server.checks.push_back({.timing = {}, .kind = config::HttpCheck{server.endpoint, {url}}});
    }
    service::ServiceView view;
    view.state = service::State::degraded;
    view.placement = "bypass";
    view.server_up = {true, false};
    const std::vector<service::ServiceView> views{view};
    service::History history;
    history.update(config, views, 5000);

    std::optional<api::DataplaneState> dataplane(std::in_place);
    api::ServiceStats& stats = *dataplane->add_services();
    stats.set_address("192.0.2.10");
    stats.set_port(80);
    stats.set_protocol(api::TCP);
    stats.set_connections(11);
    api::DestinationStats& destination = *stats.add_destinations();
    destination.set_address("192.0.2.21");
    destination.set_port(80);
    destination.set_connections(10);

    health::CheckState state({});
    state.record({health::Code::l7_status, "got 503", milliseconds(9)}, {});
    const std::vector<vrrp::InstanceStatus> no_instances;
    const forwarding::Bypass::State bypass{.wanted = true, .up = true, .error = "", .restarts = 2};
    const forwarding::ipvs::Backend::State ipvs;
    const std::optional<api::DataplaneState> no_counters;
    const api::Status status =
        make_status({.config = config,
                     .vrrp = no_instances,
                     .views = views,
                     .history = history,
                     .find_check =
                         [&](const config::Check& check) {
                             return check == service.real_servers[1].checks[0] ? &state : nullptr;
                         },
                     .bypass = bypass,
                     .dataplane = dataplane,
                     .ipvs = ipvs,
                     .ipvs_counters = no_counters});
    const api::VirtualServerStatus& shown = status.virtual_servers(0);
    EXPECT_EQ(shown.state(), "degraded");
    EXPECT_EQ(shown.connections(), 11U);
    EXPECT_EQ(shown.real_servers(0).stats().connections(), 10U);
    EXPECT_EQ(shown.real_servers(0).effective_weight(), 4U);
    EXPECT_EQ(shown.real_servers(0).since_unix_ms(), 5000);
    EXPECT_FALSE(shown.real_servers(0).checks(0).known());
    EXPECT_EQ(shown.real_servers(1).state(), "down");
    EXPECT_EQ(shown.real_servers(1).effective_weight(), 0U);
    EXPECT_FALSE(shown.real_servers(1).has_stats());
    EXPECT_EQ(shown.real_servers(1).checks(0).ShortDebugString(),
              "type: \"HTTP_GET\" target: \"192.0.2.22:80/status\" known: true code: \"L7STS\" "
              "detail: \"got 503\" duration_ms: 9 failures: 1");
    EXPECT_EQ(status.dataplane_restarts(), 2U);
}

api::ServiceStats counted(std::uint64_t connections) {
    api::ServiceStats stats;
    stats.set_address("192.0.2.10");
    stats.set_port(80);
    stats.set_protocol(api::TCP);
    stats.set_connections(connections);
    stats.set_packets(10 * connections);
    api::DestinationStats& destination = *stats.add_destinations();
    destination.set_address("192.0.2.21");
    destination.set_port(80);
    destination.set_connections(connections);
    destination.set_resolved(true);
    return stats;
}

// The status of a virtual server with one real server, of which the bypass has counted one
// connection and IPVS 2^40.
api::Status status_of(const service::ServiceView& view) {
    config::Config config;
    config::VirtualServer& service = config.virtual_servers.emplace_back();
    service.endpoint = {*IpAddress::parse("192.0.2.10"), 80};
    service.scheduler = config::Scheduler::rr;
    service.real_servers.emplace_back().endpoint = {*IpAddress::parse("192.0.2.21"), 80};
    std::optional<api::DataplaneState> of_bypass(std::in_place);
    *of_bypass->add_services() = counted(1);
    std::optional<api::DataplaneState> of_ipvs(std::in_place);
    *of_ipvs->add_services() = counted(1ULL << 40U);
    forwarding::ipvs::Backend::State ipvs;
    ipvs.wanted = ipvs.up = true;
    ipvs.version = "1.2.1";
    ipvs.repairs = 3;
    const std::vector<service::ServiceView> views{view};
    service::History history;
    history.update(config, views, 5000);
    return make_status({.config = config,
                        .vrrp = {},
                        .views = views,
                        .history = history,
                        .find_check = {},
                        .bypass = {},
                        .dataplane = of_bypass,
                        .ipvs = ipvs,
                        .ipvs_counters = of_ipvs});
}

service::ServiceView view_of_one() {
    service::ServiceView view;
    view.in_bypass = true;
    view.server_up = {true};
    return view;
}

TEST(Status, HasTheCountersOfWhoeverForwards) {
    service::ServiceView view = view_of_one();
    view.in_ipvs = true;
    view.placement = "ipvs: eth0 refuses";
    const api::Status status = status_of(view);
    EXPECT_EQ(status.virtual_servers(0).connections(), 1ULL << 40U);
    EXPECT_EQ(status.virtual_servers(0).standby_connections(), 0U);
    EXPECT_EQ(status.virtual_servers(0).placement(), "ipvs: eth0 refuses");
    EXPECT_EQ(status.ipvs().ShortDebugString(), "up: true version: \"1.2.1\" repairs: 3");
}

TEST(Status, AddsWhatTheStandbyHasForwarded) {
    service::ServiceView view = view_of_one();
    EXPECT_EQ(status_of(view).virtual_servers(0).connections(), 1U);
    view.stands_by = true;
    view.standby = "ipvs";
    const api::Status status = status_of(view);
    const api::VirtualServerStatus& shown = status.virtual_servers(0);
    EXPECT_EQ(shown.connections(), (1ULL << 40U) + 1);
    EXPECT_EQ(shown.packets(), (10ULL << 40U) + 10);
    EXPECT_EQ(shown.standby(), "ipvs");
    EXPECT_EQ(shown.standby_connections(), 1ULL << 40U);
    EXPECT_EQ(shown.standby_packets(), 10ULL << 40U);
    EXPECT_EQ(shown.real_servers(0).stats().connections(), (1ULL << 40U) + 1);
}

}  // namespace
}  // namespace headgate
