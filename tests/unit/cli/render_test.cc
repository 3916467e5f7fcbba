// Goal: what `headgate status` prints and returns for healthy and sick systems, and how its command
// line is read. The text is compared whole, so that a misaligned table is seen.
#include "controlplane/cli/render.h"

#include <tuple>

#include <gtest/gtest.h>

#include "controlplane/cli/arguments.h"
#include "controlplane/cli/render_vrrp.h"
#include "controlplane/cli/severity.h"

namespace headgate::cli {
namespace {

constexpr std::int64_t now_ms = 1'000'000'000;

api::VrrpStatus& add_master(api::Status& status) {
    api::VrrpStatus& instance = *status.add_vrrp();
    instance.set_name("VI_1");
    instance.set_state("MASTER");
    instance.set_reason("no advert for 3.6 s");
    instance.set_last_transition_unix_ms(now_ms - 192'000);
    instance.set_interface("eth0");
    instance.set_virtual_router_id(51);
    instance.set_priority(150);
    instance.set_master_address("10.0.0.1");
    instance.set_master_priority(150);
    api::VipStatus& vip = *instance.add_vips();
    vip.set_address("10.0.0.100/24");
    vip.set_interface("eth0");
    vip.set_present(true);
    return instance;
}

api::RealServerStatus& add_real_server(api::VirtualServerStatus& service, const char* address) {
    api::RealServerStatus& server = *service.add_real_servers();
    server.set_address(address);
    server.set_port(80);
    server.set_method("DR");
    server.set_state("up");
    server.set_since_unix_ms(now_ms - 7'500'000);
    server.set_weight(3);
    server.set_effective_weight(3);
    server.mutable_stats()->set_resolved(true);
    server.mutable_stats()->set_connections(100);
    server.mutable_stats()->set_active_connections(1);
    api::CheckStatus& check = *server.add_checks();
    check.set_type("HTTP_GET");
    check.set_known(true);
    check.set_up(true);
    check.set_code("L7OK");
    check.set_detail("200");
    check.set_duration_ms(4);
    check.set_retries(2);
    return server;
}

api::Status healthy() {
    api::Status status;
    status.set_version("1.2.3");
    status.set_router_id("lb1");
    status.set_started_unix_ms(now_ms - 42'000);
    status.set_config_file("/etc/k.conf");
    add_master(status);
    api::VirtualServerStatus& service = *status.add_virtual_servers();
    service.set_name("10.0.0.100:80/tcp");
    service.set_state("up");
    service.set_method("DR");
    service.set_scheduler("rr");
    service.set_placement("bypass");
    service.set_connections(200);
    service.set_packets(1'234'567);
    add_real_server(service, "10.0.0.11");
    add_real_server(service, "10.0.0.112");
    status.set_dataplane_wanted(true);
    status.set_dataplane_up(true);
    return status;
}

// The text of the only finding.
std::string finding(const api::Status& status, Severity severity) {
    const auto found = findings(status);
    EXPECT_EQ(found.size(), 1U);
    EXPECT_EQ(worst(found), severity);
    return found.empty() ? "" : found.front().text;
}

TEST(RenderStatus, AlignsWhatIsHealthy) {
    EXPECT_EQ(
        render_status(healthy(), {.now_unix_ms = now_ms}),
        "lb1 OK  headgated 1.2.3 up 42s  config /etc/k.conf ok\n"
        "\n"
        "VRRP  STATE   SINCE  PRIORITY  MASTER          INTERFACE  VRID  VIPS           WHY\n"
        "VI_1  MASTER  3m12s  150       10.0.0.1 (150)  eth0       51    10.0.0.100/24  no advert "
        "for 3.6 s\n"
        "\n"
        "VIRTUAL SERVER     STATE  SINCE  WEIGHT  CONNS  ACT/INACT  PACKETS  CHECK / PLACEMENT\n"
        "10.0.0.100:80/tcp  up                    200               1.2M     DR rr, bypass\n"
        "  10.0.0.11:80     up     2h05m  3       100    1/0        0        DR, L7OK 200 in 4 ms\n"
        "  10.0.0.112:80    up     2h05m  3       100    1/0        0        DR, L7OK 200 in 4 "
        "ms\n");
}

TEST(RenderStatus, PaintsOnlyWhenAsked) {
    EXPECT_EQ(render_status(healthy(), {.now_unix_ms = now_ms}).find('\x1b'), std::string::npos);
    EXPECT_NE(render_status(healthy(), {.now_unix_ms = now_ms, .colour = true}).find('\x1b'),
              std::string::npos);
}

TEST(Findings, AHealthySystemHasNone) {
    EXPECT_TRUE(findings(healthy()).empty());
    EXPECT_EQ(worst({}), Severity::ok);
    api::Status status = healthy();
    status.mutable_vrrp(0)->set_state("BACKUP");
    status.mutable_vrrp(0)->mutable_vips(0)->set_present(false);
    status.mutable_virtual_servers(0)->set_state("standby");
    EXPECT_TRUE(findings(status).empty());
}

TEST(Findings, NameTheRealServerAndWhatItsCheckFound) {
    api::Status status = healthy();
    api::VirtualServerStatus& service = *status.mutable_virtual_servers(0);
    service.set_state("degraded");
    api::RealServerStatus& server = *service.mutable_real_servers(1);
    server.set_state("down");
    server.set_effective_weight(0);
    api::CheckStatus& check = *server.mutable_checks(0);
    check.set_up(false);
    check.set_code("L7STS");
    check.set_detail("got 503 for /status, want 200-299");
    check.set_failures(7);
    EXPECT_EQ(finding(status, Severity::degraded),
              "10.0.0.112:80 of 10.0.0.100:80/tcp is down: L7STS got 503 for /status, want "
              "200-299");
    const std::string text = render_status(status, {.now_unix_ms = now_ms});
    EXPECT_NE(text.find("lb1 DEGRADED"), std::string::npos);
    EXPECT_NE(text.find("0/3"), std::string::npos);
    EXPECT_NE(text.find("want 200-299 (3/3)\n"), std::string::npos) << text;
}

TEST(Findings, NameAnIpv6ServerSoThatItsPortIsSeen) {
    api::Status status = healthy();
    api::RealServerStatus& server = *status.mutable_virtual_servers(0)->mutable_real_servers(1);
    server.set_address("2001:db8::11");
    server.set_state("down");
    EXPECT_TRUE(finding(status, Severity::degraded).starts_with("[2001:db8::11]:80 of "));
    EXPECT_NE(render_status(status, {.now_unix_ms = now_ms}).find("  [2001:db8::11]:80"),
              std::string::npos);
}

TEST(Findings, TheMostSeriousComesFirst) {
    api::Status status = healthy();
    status.set_config_error("k.conf:3:1: wrong");
    status.mutable_vrrp(0)->set_state("FAULT");
    status.mutable_vrrp(0)->set_reason("interface eth0 is down");
    const auto found = findings(status);
    ASSERT_EQ(found.size(), 2U);
    EXPECT_EQ(found[0].text, "VI_1 is in FAULT: interface eth0 is down");
    EXPECT_EQ(worst(found), Severity::critical);
}

TEST(Findings, SeeAMissingVipADeadDataplaneAndAnUnknownMac) {
    api::Status status = healthy();
    status.mutable_vrrp(0)->mutable_vips(0)->set_present(false);
    EXPECT_EQ(finding(status, Severity::critical),
              "VI_1 is MASTER, but 10.0.0.100/24 is not on eth0");
    status = healthy();
    status.set_dataplane_up(false);
    status.set_dataplane_error("headgate-dataplane[7] exited with status 1");
    EXPECT_EQ(finding(status, Severity::critical),
              "the dataplane is not up: headgate-dataplane[7] exited with status 1");
    status = healthy();
    auto& stats = *status.mutable_virtual_servers(0)->mutable_real_servers(0)->mutable_stats();
    stats.set_resolved(false);
    stats.set_unresolved_reason("no answer to ARP on eth0");
    EXPECT_EQ(finding(status, Severity::degraded),
              "10.0.0.11:80 of 10.0.0.100:80/tcp gets nothing: its MAC address is unknown (no "
              "answer to ARP on eth0)");
}

TEST(Findings, SayWhichInterfaceIsNotServed) {
    api::Status status = healthy();
    api::PortState& port = *status.mutable_dataplane()->add_ports();
    port.set_interface("eth0");
    port.set_mode("native copy");
    EXPECT_TRUE(findings(status).empty());
    port.set_mode("not attached");
    port.set_mode_reason("there is no such interface");
    EXPECT_EQ(finding(status, Severity::critical),
              "nothing is forwarded on eth0: there is no such interface");
}

api::WorkerState& add_worker(api::Status& status, std::uint32_t busy_permille) {
    status.set_dataplane_wanted(true);
    status.set_dataplane_up(true);
    api::WorkerState& worker = *status.mutable_dataplane()->add_worker_states();
    worker.set_interface("eth0");
    worker.set_queue(3);
    worker.set_busy_permille(busy_permille);
    return worker;
}

TEST(RenderStatus, ShowsHowEachWorkerDoes) {
    api::Status status;
    api::WorkerState& worker = add_worker(status, 123);
    for (const auto& [up_to_us, bursts] :
         std::vector<std::pair<int, int>>{{1, 0}, {2, 49}, {4, 50}, {8, 0}, {-1, 1}}) {
        api::WorkerState::Bucket& bucket = *worker.add_bursts();
        bucket.set_up_to_us(up_to_us);
        bucket.set_bursts(static_cast<std::uint64_t>(bursts));
    }
    std::string text = render_status(status, {});
    EXPECT_NE(text.find("\n  eth0/3: busy 12.3%, bursts take 4 us (99% 4 us)\n"), std::string::npos)
        << text;
    worker.mutable_bursts(4)->set_bursts(2);
    worker.set_new_connection_rate(12'500);
    text = render_status(status, {});
    EXPECT_NE(text.find("(99% more), remembers up to 12500 new connections/s"), std::string::npos)
        << text;
}

TEST(RenderStatus, ShowsWhatTheFlowCacheDoes) {
    api::Status status;
    api::WorkerState& worker = add_worker(status, 0);
    api::PortState& port = *status.mutable_dataplane()->add_ports();
    port.set_tx_packets(25);
    EXPECT_EQ(render_status(status, {}).find("cache"), std::string::npos);
    port.set_cached_packets(75);
    worker.set_cached_flows(12);
    worker.set_cached_flow_capacity(1280);
    const std::string text = render_status(status, {});
    EXPECT_NE(text.find(", by the flow cache 75 (75.0% of what was forwarded)"), std::string::npos)
        << text;
    EXPECT_NE(text.find(", 12 of 1280 flows in the cache"), std::string::npos) << text;
}

TEST(RenderStatus, ShowsAWorkerThatHasDoneNothing) {
    api::Status status;
    add_worker(status, 0).add_bursts()->set_up_to_us(1);
    EXPECT_NE(render_status(status, {}).find("busy 0.0%, bursts take - (99% -)"),
              std::string::npos);
}

TEST(Findings, NameAWorkerThatHasNoTimeLeft) {
    api::Status status;
    add_worker(status, 899);
    EXPECT_TRUE(findings(status).empty());
    add_worker(status, 900);
    ASSERT_EQ(findings(status).size(), 1U);
    EXPECT_EQ(findings(status)[0].severity, Severity::degraded);
    EXPECT_EQ(findings(status)[0].text,
              "the worker of eth0, queue 3, has hardly any time left: busy 90%");
}

TEST(Findings, SayWhyAServiceIsNotForwarded) {
    api::Status status = healthy();
    status.mutable_virtual_servers(0)->set_state("down");
    status.mutable_virtual_servers(0)->set_placement("none: lb_kind NAT is not supported");
    EXPECT_EQ(finding(status, Severity::critical),
              "10.0.0.100:80/tcp is not forwarded: lb_kind NAT is not supported");
}

api::Status after_a_failover() {
    api::Status status = healthy();
    api::VrrpStatus& instance = *status.mutable_vrrp(0);
    instance.set_state("BACKUP");
    instance.set_base_priority(170);
    instance.set_own_address("10.0.0.1");
    instance.set_master_address("10.0.0.2");
    instance.set_master_priority(100);
    instance.set_advert_interval_ms(1000);
    instance.set_skew_ms(996);
    instance.set_master_down_interval_ms(3996);
    instance.set_version(2);
    instance.set_adverts_sent(12);
    instance.set_became_master(1);
    instance.set_released_master(1);
    instance.mutable_last_heard()->set_source("10.0.0.2");
    instance.mutable_last_heard()->set_priority(100);
    instance.mutable_last_heard()->set_unix_ms(now_ms - 1000);
    instance.mutable_hold()->set_reason("disk swap");
    for (const auto& [from, to, reason, seconds] :
         {std::tuple("INIT", "BACKUP", "started", 300),
          {"BACKUP", "MASTER", "no advert", 200},
          {"MASTER", "BACKUP", "it was told to step down (disk swap)", 192}}) {
        api::VrrpTransition& step = *instance.add_transitions();
        step.set_from(from);
        step.set_to(to);
        step.set_reason(reason);
        step.set_unix_ms(now_ms - seconds * 1000LL);
    }
    api::NamedCount& error = *instance.add_advert_errors();
    error.set_name("ttl");
    error.set_count(4);
    status.mutable_vrrp(0)->set_adverts_refused(4);
    api::AdvertLateness& lateness = *status.mutable_vrrp(0)->mutable_advert_lateness();
    for (const auto& [up_to_us, adverts] : {std::pair(100, 9), {1000, 0}, {10'000, 2}, {-1, 1}}) {
        api::AdvertLateness::Bucket& bucket = *lateness.add_buckets();
        bucket.set_up_to_us(up_to_us);
        bucket.set_adverts(static_cast<std::uint64_t>(adverts));
    }
    lateness.set_adverts(12);
    lateness.set_worst_us(1'200'345);
    for (const bool blocking : {false, true}) {
        api::TrackerStatus& tracker = *status.mutable_vrrp(0)->add_trackers();
        tracker.set_kind("track_script");
        tracker.set_name(blocking ? "gate" : "chk");
        tracker.set_state(blocking ? "up" : "down");
        tracker.set_contribution(blocking ? 0 : -20);
        tracker.set_faults_down(blocking);
    }
    api::SyncGroupStatus& group = *status.mutable_vrrp(0)->mutable_sync_group();
    group.set_name("G");
    group.set_state("BACKUP");
    group.add_members("VI_1");
    group.add_members("VI_2");
    group.set_last_transition_unix_ms(now_ms - 4000);
    return status;
}

TEST(RenderStatus, ShowsGroupsAndWhatIsTracked) {
    api::Status status = after_a_failover();
    for (const int number : {2, 3, 4, 5}) {
        api::VrrpStatus& other = *status.add_vrrp();
        other = status.vrrp(0);
        other.set_name("VI_" + std::to_string(number));
        other.clear_transitions();
    }
    status.mutable_vrrp(1)->mutable_trackers(0)->set_contribution(0);
    status.mutable_vrrp(1)->mutable_trackers(0)->set_faults(true);
    status.mutable_vrrp(0)->mutable_trackers(0)->set_detail("failed 3/3, since 2s");
    status.mutable_vrrp(4)->mutable_sync_group()->set_name("H");
    status.mutable_vrrp(4)->mutable_sync_group()->set_state("FAULT");
    status.mutable_vrrp(4)->mutable_sync_group()->set_reason("VI_5: interface eth1 is down");
    const std::string text = render_status(status, {.now_unix_ms = now_ms});
    EXPECT_NE(
        text.find("\n\n"
                  "SYNC GROUP  STATE   SINCE  MEMBERS     WHY\n"
                  "G           BACKUP  4s     VI_1, VI_2\n"
                  "H           FAULT   4s     VI_1, VI_2  VI_5: interface eth1 is down\n"
                  "\n"
                  "TRACKER            STATE  EFFECT                                       DETAIL\n"
                  "track_script chk   down   VI_1, VI_3, VI_4 and 1 more -20; VI_2 FAULT  "
                  "failed 3/3, since 2s\n"
                  "track_script gate  up     VI_1, VI_2, VI_3 and 2 more none\n"
                  "\nLast transitions\n"),
        std::string::npos)
        << text;
    EXPECT_EQ(render_sync_groups(healthy(), {}) + render_trackers(healthy(), {}), "");
}

TEST(RenderStatus, ShowsTheLastTransitionsAndWhoIsHeldBack) {
    const api::Status status = after_a_failover();
    const std::string text = render_status(status, {.now_unix_ms = now_ms});
    EXPECT_NE(text.find("\nLast transitions\n"
                        "VI_1   3m12s ago  MASTER -> BACKUP: it was told to step down (disk swap)\n"
                        "VI_1   3m20s ago  BACKUP -> MASTER: no advert\n\n"),
              std::string::npos)
        << text;
    EXPECT_EQ(finding(status, Severity::degraded),
              "VI_1 was told to step down and is held back: disk swap; undo: headgate failover "
              "VI_1 --cancel");
}

TEST(Findings, ASecondMasterIsCritical) {
    api::Status status = healthy();
    status.mutable_vrrp(0)->mutable_second_master()->set_address("10.0.0.2");
    status.mutable_vrrp(0)->mutable_second_master()->set_priority(100);
    EXPECT_EQ(finding(status, Severity::critical),
              "SPLIT BRAIN: 10.0.0.2 (priority 100) is MASTER of VI_1, too: it does not hear our "
              "adverts, or does not accept them; see `headgate why VI_1`");
}

TEST(RenderVrrp, ShowsOneLinePerInstance) {
    EXPECT_EQ(render_vrrp_table(after_a_failover(), {.now_unix_ms = now_ms}),
              "NAME  STATE   SINCE  PRIORITY  MASTER          INTERFACE  VRID  V  ADVERTS  LAST "
              "HEARD  TAKEOVER  SENT  RECEIVED  REFUSED  MASTERY\n"
              "VI_1  BACKUP  3m12s  150/170   10.0.0.2 (100)  eth0       51    2  1.00s    1s ago"
              "      4.00s     12    0         4        1/1\n");
}

TEST(RenderVrrp, ShowsAllAboutOne) {
    EXPECT_EQ(render_vrrp_instance(after_a_failover().vrrp(0), {.now_unix_ms = now_ms}),
              "VI_1 is BACKUP for 3m12s: no advert for 3.6 s\n"
              "  VRRP version 2, virtual_router_id 51 on eth0, from 10.0.0.1\n"
              "  priority 150/170, master 10.0.0.2 (100), nopreempt\n"
              "  sync group G (VI_1, VI_2): BACKUP for 4s, MASTER 0 times\n"
              "  an advert every 1.00s, skew 1.00s, takeover after 4.00s silence\n"
              "  10.0.0.100/24 on eth0: here\n"
              "  tracks:\n"
              "    track_script chk: down, -20 to the priority\n"
              "    track_script gate: up, FAULT while it is down\n"
              "  adverts: 12 sent, 0 received, priority 0 0 sent, 0 received\n"
              "  lateness of 12 adverts: up to 0.1ms 9, up to 10ms 2, more 1; worst 1200ms\n"
              "  last heard: 10.0.0.2 with priority 100, 1s ago\n"
              "  adverts refused or noted:\n"
              "    ttl: 4\n"
              "  became MASTER 1 times, ceased 1 times; VIPs put back 0 times\n"
              "  events: none\n"
              "  last transitions:\n"
              "      5m00s ago  INIT -> BACKUP: started\n"
              "      3m20s ago  BACKUP -> MASTER: no advert\n"
              "      3m12s ago  MASTER -> BACKUP: it was told to step down (disk swap)\n");
}

TEST(RenderWhy, IsASummaryWithItsReasonsBelow) {
    api::Why why;
    why.set_summary("VI_1 is BACKUP: it waits.");
    why.add_problems("advert refused");
    why.add_facts("priority 100");
    why.add_next()->set_condition("if it is silent");
    why.mutable_next(0)->set_consequence("MASTER");
    EXPECT_EQ(render_why(why, {}),
              "VI_1 is BACKUP: it waits.\n! advert refused\n  priority 100\n  if it is silent: "
              "MASTER\n");
}

TEST(RenderFailover, SaysHonestlyWhatIsKnown) {
    api::VrrpStatus instance = after_a_failover().vrrp(0);
    EXPECT_NE(render_failover_outlook(instance, {.now_unix_ms = now_ms})
                  .find("heard is 10.0.0.2 with priority 100, 1s ago"),
              std::string::npos);
    instance.clear_last_heard();
    EXPECT_NE(render_failover_outlook(instance, {.now_unix_ms = now_ms})
                  .find("No other router of VI_1 was ever heard. A backup is silent in VRRP"),
              std::string::npos);
}

TEST(Words, AreShort) {
    EXPECT_EQ(duration_words(-5), "0s");
    EXPECT_EQ(duration_words(59'999), "59s");
    EXPECT_EQ(duration_words(12LL * 86'400'000 + 4LL * 3'600'000), "12d04h");
    EXPECT_EQ(count_words(99'999), "99999");
    EXPECT_EQ(count_words(100'000), "100.0k");
    EXPECT_EQ(count_words(999'960), "1.0M");
    EXPECT_EQ(count_words(18'400'000'000'000), "18.4T");
}

TEST(Arguments, ReadCommandsAndOptionsInAnyOrder) {
    using Command = Arguments::Command;
    const auto read = [](const std::vector<std::string>& words) { return *parse_arguments(words); };
    EXPECT_EQ(read({"status"}).command, Command::status);
    EXPECT_EQ(read({"status"}).socket, "/run/headgate/api.sock");
    EXPECT_EQ(read({"--run-dir", "/run/x", "status", "--json"}).socket, "/run/x/api.sock");
    EXPECT_TRUE(read({"status", "--json"}).json);
    EXPECT_EQ(read({"reload", "--socket=/s"}).socket, "/s");
    EXPECT_EQ(read({"check", "k.conf"}).operand, "k.conf");
    EXPECT_EQ(read({"config", "explain", "priority"}).operand, "priority");
    EXPECT_EQ(read({"config", "explain"}).command, Command::explain);
    EXPECT_EQ(read({"show", "vrrp"}).command, Command::show_vrrp);
    EXPECT_EQ(read({"show", "vrrp", "VI_1", "--json"}).operand, "VI_1");
    EXPECT_EQ(read({"why", "VI_1"}).command, Command::why);
    EXPECT_EQ(read({"failover", "VI_1"}).hold, std::chrono::minutes(30));
    EXPECT_EQ(read({"failover", "VI_1", "--for", "2h", "--reason", "disk swap"}).hold,
              std::chrono::hours(2));
    EXPECT_EQ(read({"failover", "VI_1", "--reason", "disk swap"}).reason, "disk swap");
    EXPECT_TRUE(read({"failover", "VI_1", "--cancel"}).cancel);
    EXPECT_EQ(read({"--help"}).command, Command::help);
    EXPECT_EQ(read({"-v"}).command, Command::version);
}

TEST(Arguments, ReadTimes) {
    EXPECT_EQ(parse_duration("90")->count(), 90);
    EXPECT_EQ(parse_duration("90s")->count(), 90);
    EXPECT_EQ(parse_duration("30m")->count(), 1800);
    EXPECT_EQ(parse_duration("1d")->count(), 86400);
    EXPECT_EQ(parse_duration("365d")->count(), 365LL * 86400);
    for (const char* text :
         {"", "m", "-3m", "0s", "3w", "3 m", "1.5h", "366d", "9999999999999999999"})
        EXPECT_FALSE(parse_duration(text)) << text;
}

TEST(Arguments, RefuseWhatTheyDoNotKnow) {
    for (const auto& words :
         std::vector<std::vector<std::string>>{{},
                                               {"stat"},
                                               {"status", "now"},
                                               {"check"},
                                               {"config"},
                                               {"reload", "--json"},
                                               {"status", "--jso"},
                                               {"show"},
                                               {"show", "services"},
                                               {"why"},
                                               {"failover"},
                                               {"failover", "V", "--json"},
                                               {"failover", "V", "--for", "0"},
                                               {"failover", "V", "--cancel", "--for", "3m"},
                                               {"status", "--cancel"},
                                               {"--run-dir"}})
        EXPECT_FALSE(parse_arguments(words)) << testing::PrintToString(words);
}

}  // namespace
}  // namespace headgate::cli
