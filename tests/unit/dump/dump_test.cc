// Goal: keepalived's files as keepalived 2.2.7 writes them. The expected texts are its own, for the
// same configuration and the same events, less the lines of what Headgate has no counterpart of;
// the lab compares the two side by side.
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/write_file.h"
#include "controlplane/dump/data.h"
#include "controlplane/dump/files.h"
#include "controlplane/dump/json.h"
#include "controlplane/dump/stats.h"
#include "tests/unit/config/support.h"

namespace headgate::dump {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

config::Config configuration() {
    config::Config config;
    config.router_id = "lab";
    config::VrrpInstance& instance = config.vrrp.instances.emplace_back();
    instance.name = "VI_1";
    instance.interface = "eth0";
    instance.vrid = 51;
    instance.priority = 150;
    instance.auth_pass = "s3cret";
    instance.virtual_addresses.push_back({.prefix = *Prefix::parse("192.0.2.10/32"),
                                          .interface = "eth0",
                                          .label = "",
                                          .broadcast = std::nullopt});
    instance.virtual_addresses.push_back({.prefix = *Prefix::parse("192.0.2.11/24"),
                                          .interface = "eth0",
                                          .label = "eth0:v",
                                          .broadcast = *IpAddress::parse("192.0.2.255")});
    return config;
}

vrrp::InstanceStatus master() {
    vrrp::InstanceStatus status;
    status.name = "VI_1";
    status.state = vrrp::State::master;
    status.last_transition_unix_ms = 1795539797038;
    status.priority = 140;
    status.advert_interval = milliseconds(1000);
    status.master_down_interval = std::chrono::microseconds(3414062);
    status.own_address = "192.0.2.2";
    status.vips = {{*Prefix::parse("192.0.2.10/32"), "eth0", true},
                   {*Prefix::parse("192.0.2.11/24"), "eth0", true}};
    status.adverts_sent = 4;
    status.adverts_received = 2;
    status.became_master = 1;
    status.advert_errors = {
        {"length", 1},    {"ttl", 2},  {"version", 90},     {"auth_type", 3},
        {"auth_pass", 4}, {"type", 5}, {"address_list", 6}, {"advert_interval", 7}};
    status.priority_zero_received = 1;
    return status;
}

TEST(DumpStats, AreKeepalivedsText) {
    EXPECT_EQ(render_stats({master()}, {}),
              "VRRP Instance: VI_1\n"
              "  Advertisements:\n"
              "    Received: 2\n"
              "    Sent: 4\n"
              "  Became master: 1\n"
              "  Released master: 0\n"
              "  Packet Errors:\n"
              "    Length: 1\n"
              "    TTL: 2\n"
              "    Invalid Type: 5\n"
              "    Advertisement Interval: 7\n"
              "    Address List: 6\n"
              "  Authentication Errors:\n"
              "    Invalid Type: 0\n"
              "    Type Mismatch: 3\n"
              "    Failure: 4\n"
              "  Priority Zero:\n"
              "    Received: 1\n"
              "    Sent: 0\n");
}

TEST(DumpStats, CountFromTheBaseUntilTheInstanceBeginsAnew) {
    const Baseline baseline{{"VI_1", stats_of(master())}};
    vrrp::InstanceStatus later = master();
    EXPECT_EQ(stats_since(later, baseline), Stats{});
    later.adverts_sent += 9;
    EXPECT_EQ(stats_since(later, baseline).adverts_sent, 9U);
    later.adverts_sent = 3;
    EXPECT_EQ(stats_since(later, baseline).adverts_sent, 3U);
    EXPECT_EQ(stats_since(later, baseline).adverts_received, 2U);
}

constexpr const char* document =
    R"({"data":{"iname":"VI_1","dont_track_primary":0,"skip_check_adv_addr":0,"strict_mode":0,)"
    R"("vmac_ifname":"","ifp_ifname":"eth0","master_priority":0,"last_transition":1795539797.038,)"
    R"("garp_delay":5,"garp_refresh":0,"garp_rep":5,"garp_refresh_rep":1,)"
    R"("garp_lower_prio_delay":5,"garp_lower_prio_rep":5,"lower_prio_no_advert":0,)"
    R"("higher_prio_send_advert":0,"vrid":51,"base_priority":150,"effective_priority":140,)"
    R"("vipset":true,"promote_secondaries":false,"adver_int":1,"master_adver_int":1,"accept":1,)"
    R"("nopreempt":false,"preempt_delay":0,"state":2,"wantstate":2,"version":2,)"
    R"("smtp_alert":false,"notify_deleted":false,)"
    R"("vips":["192.0.2.10 dev eth0 scope global set",)"
    R"("192.0.2.11/24 brd 192.0.2.255 dev eth0 scope global label eth0:v set"],)"
    R"("auth_type":1,"auth_data":"********"},)"
    R"("stats":{"advert_rcvd":2,"advert_sent":4,"become_master":1,"release_master":0,)"
    R"("packet_len_err":1,"advert_interval_err":7,"ip_ttl_err":2,"invalid_type_rcvd":5,)"
    R"("addr_list_err":6,"invalid_authtype":0,"authtype_mismatch":3,"auth_failure":4,)"
    R"("pri_zero_rcvd":1,"pri_zero_sent":0}})";

TEST(DumpJson, IsAnArrayOrAnObjectWithOne) {
    const std::string array = "[" + std::string(document) + "]";
    EXPECT_EQ(render_json(configuration(), {master()}, {}, {}), array);
    config::Config second = configuration();
    second.dump_files.json_version = 2;
    EXPECT_EQ(render_json(second, {master()}, {}, {}), R"({"vrrp":)" + array + "}");
    EXPECT_EQ(render_json(configuration(), {}, {}, {}), "[]");
}

TEST(DumpJson, WritesFractionsOnlyWhereThereAreSome) {
    config::Config config = configuration();
    config.vrrp.instances[0].advert_interval = milliseconds(300);
    config.vrrp.instances[0].name = "VI_\xff";
    vrrp::InstanceStatus status = master();
    status.name = "VI_\xff";
    status.last_heard = vrrp::HeardAdvert{.source = "192.0.2.3", .priority = 90};
    const std::string text = render_json(config, {status}, {}, {});
    EXPECT_NE(text.find(R"("adver_int":0.3,"master_adver_int":1,)"), std::string::npos) << text;
    EXPECT_NE(text.find(R"("master_priority":90,)"), std::string::npos) << text;
}

TEST(DumpData, HasKeepalivedsTitlesAndKeys) {
    ::setenv("TZ", "UTC", 1);
    vrrp::InstanceStatus status = master();
    status.deadline_unix_ms = 1795539800038;
    EXPECT_EQ(render_data(configuration(), {status}, {}),
              "------< Global definitions >------\n"
              " Router ID = lab\n"
              "------< VRRP Topology >------\n"
              " VRRP Instance = VI_1\n"
              "   VRRP Version = 2\n"
              "   State = MASTER\n"
              "   Flags: none\n"
              "   Wantstate = MASTER\n"
              "   Number of config faults = 0\n"
              "   Number of interface and track script faults = 0\n"
              "   Number of track scripts init = 0\n"
              "   Last transition = 1795539797.038000 (Tue Nov 24 17:03:17.038000 2026)\n"
              "   Read timeout = 1795539800.038000 (Tue Nov 24 17:03:20.038000 2026)\n"
              "   Master down timer = 3414062 usecs\n"
              "   Interface = eth0\n"
              "   Using src_ip = 192.0.2.2\n"
              "   Multicast address 224.0.0.18\n"
              "   Gratuitous ARP delay = 5\n"
              "   Gratuitous ARP repeat = 5\n"
              "   Gratuitous ARP refresh = 0\n"
              "   Gratuitous ARP refresh repeat = 1\n"
              "   Gratuitous ARP lower priority delay = 5\n"
              "   Gratuitous ARP lower priority repeat = 5\n"
              "   Down timer adverts = 3\n"
              "   Send advert after receive lower priority advert = true\n"
              "   Send advert after receive higher priority advert = false\n"
              "   Virtual Router ID = 51\n"
              "   Priority = 150\n"
              "   Effective priority = 140\n"
              "   Total priority = 140\n"
              "   Advert interval = 1 sec\n"
              "   Accept = enabled\n"
              "   Preempt = enabled\n"
              "   Promote_secondaries = disabled\n"
              "   Authentication type = SIMPLE_PASSWORD\n"
              "   Password = ********\n"
              "   Virtual IP (2):\n"
              "     192.0.2.10 dev eth0 scope global set\n"
              "     192.0.2.11/24 brd 192.0.2.255 dev eth0 scope global label eth0:v set\n"
              "   Using smtp notification = no\n"
              "   Notify deleted = Fault\n"
              "   Notify priority changes = false\n");
}

TEST(DumpData, NamesTheMasterThatABackupFollows) {
    config::Config config = configuration();
    config.vrrp.instances[0].version = 3;
    config.vrrp.instances[0].advert_interval = milliseconds(300);
    vrrp::InstanceStatus status = master();
    status.state = vrrp::State::backup;
    status.master_address = "192.0.2.3";
    status.master_priority = 200;
    status.advert_interval = milliseconds(300);
    const std::string text = render_data(config, {status}, {});
    EXPECT_NE(text.find("   State = BACKUP\n"
                        "   Master router = 192.0.2.3\n"
                        "   Master priority = 200\n"
                        "   Master advert int = 0.30 sec\n"),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("   Advert interval = 300 milli-sec\n"
                        "   Master advert interval = 300 milli-sec\n"),
              std::string::npos);
    EXPECT_EQ(text.find("Authentication"), std::string::npos);
}

TEST(DumpData, SaysHowAdvertsTravelAndWhoIsElected) {
    config::Config config = configuration();
    config::VrrpInstance& instance = config.vrrp.instances[0];
    instance.transport.unicast = true;
    instance.transport.source = *IpAddress::parse("192.0.2.2");
    instance.transport.ttl = 10;
    instance.transport.peers = {{.address = *IpAddress::parse("192.0.2.3")},
                                {*IpAddress::parse("192.0.2.4"), 3, 5}};
    instance.transport.auth_header = true;
    instance.transport.skip_known_addresses = true;
    instance.election.down_timer_adverts = 4;
    instance.election.preempt_delay = milliseconds(5500);
    instance.election.lower_prio_no_advert = true;
    instance.election.higher_prio_send_advert = true;
    const std::string text = render_data(config, {master()}, {});
    for (const char* part :
         {"   Flags:\n     Using unicast\n   Wantstate",
          "   Skip checking advert IP addresses\n   Using src_ip = 192.0.2.2 (from "
          "configuration)\n   Gratuitous ARP delay",
          "   Down timer adverts = 4\n"
          "   Send advert after receive lower priority advert = false\n"
          "   Send advert after receive higher priority advert = true\n",
          "   Preempt = enabled\n   Preempt delay = 5.5 secs\n",
          "   Authentication type = IPSEC_AH\n   Virtual IP (2):\n",
          "   Unicast TTL = 10\n   Check unicast src : yes\n   Unicast Peer :\n"
          "     192.0.2.3 min_ttl 0 max_ttl 255\n     192.0.2.4 min_ttl 3 max_ttl 5\n"})
        EXPECT_NE(text.find(part), std::string::npos) << part << "in\n" << text;
    const std::string json = render_json(config, {master()}, {}, {});
    EXPECT_NE(json.find(R"("lower_prio_no_advert":1,"higher_prio_send_advert":1,)"),
              std::string::npos);
    EXPECT_NE(json.find(R"("auth_type":2,"auth_data":"********"})"), std::string::npos) << json;
}

// VI_1 in a group, with a script that has no result yet, a file and an interface.
struct Tracked {
    config::Config config = configuration();
    vrrp::InstanceStatus status = master();
    track::Activity activity{};
};

Tracked tracked() {
    Tracked made;
    config::Config& config = made.config;
    vrrp::InstanceStatus& status = made.status;
    config.vrrp.sync_groups = {
        {.name = "G1", .location = {}, .members = {"VI_1", "VI_2"}, .tracking_weight = true}};
    config.trackers.scripts = {{.name = "chk",
                                .command = {.words = {"/usr/bin/chk", "web"}},
                                .timeout = std::chrono::seconds(3),
                                .rise = 2,
                                .fall = 3},
                               {.name = "unused", .command = {.words = {"/usr/bin/true"}}}};
    config.trackers.files = {{.name = "tf", .path = "/run/tf"}};
    config.trackers.weights[{config::TrackerKind::script, "chk"}] = {.weight = -20,
                                                                     .reverse = true};
    made.activity.scripts["chk"] = {.state = track::ScriptActivity::State::running, .result = 1};
    status.sync_group = {
        .name = "G1", .state = vrrp::State::fault, .reason = "", .members = {"VI_1", "VI_2"}};
    status.trackers = {
        {.kind = "track_file", .name = "tf", .state = "4", .detail = "", .weight = 1},
        {.kind = "track_script",
         .name = "chk",
         .state = "unknown",
         .detail = "",
         .weight = 0,
         .reverse = true,
         .faults = true},
        {.kind = "track_interface", .name = "lo", .state = "up", .detail = ""}};
    return made;
}

TEST(DumpData, ShowsGroupsAndWhatIsTracked) {
    const auto [config, status, activity] = tracked();
    const std::string text = render_data(config, {status}, activity);
    EXPECT_NE(text.find("   Number of interface and track script faults = 0\n"
                        "   Number of track scripts init = 1\n"),
              std::string::npos)
        << text;
    const std::string lists =
        "   Tracked interfaces :\n     lo weight 0\n"
        "   Tracked scripts :\n     chk weight 0 reverse\n"
        "   Tracked files :\n     tf, weight 1\n"
        "   Using smtp notification = no\n";
    EXPECT_NE(text.find(lists), std::string::npos) << text;
    const std::size_t groups = text.find("------< VRRP Sync groups");
    ASSERT_NE(groups, std::string::npos);
    EXPECT_EQ(text.substr(groups),
              "------< VRRP Sync groups >------\n"
              " VRRP Sync Group = G1, FAULT\n"
              "   VRRP member instances :\n"
              "     VI_1\n"
              "     VI_2\n"
              "   sync group tracking weight set\n"
              "   Using smtp notification = no\n"
              "------< VRRP Scripts >------\n"
              " VRRP Script = chk\n"
              "   Command = '/usr/bin/chk' 'web'\n"
              "   Interval = 1 sec\n"
              "   Timeout = 3 sec\n"
              "   Weight = -20 reverse\n"
              "   Rise = 2\n"
              "   Fall = 3\n"
              "   Result = 1\n"
              "   Status = INIT\n"
              "   Tracking instances :\n"
              "     VI_1, weight 0 reverse\n"
              "   State = running\n"
              "------< VRRP Track files >------\n"
              " Track file = tf\n"
              "   File = /run/tf\n"
              "   Status = 4\n"
              "   Weight = 0\n"
              "   Tracking instances :\n"
              "     VI_1, weight 1\n");
    const std::string json = render_json(config, {status}, {}, {});
    EXPECT_NE(
        json.find(R"("track_ifp":["lo"],"track_script":["'/usr/bin/chk' 'web'"],"auth_type")"),
        std::string::npos)
        << json;
}

config::Config with_processes() {
    return *config::load_text(
                config::instance_with("track_process {\nplain\nexact weight -3\n}",
                                      "vrrp_track_process plain {\nprocess sleep\nweight 7\n"
                                      "delay 2\n}\n"
                                      "vrrp_track_process exact {\nprocess /usr/bin/sleep 100\n"
                                      "param_match initial\nfull_command\nquorum 2\n"
                                      "quorum_max 5\nweight 4 reverse\nfork_delay 1\n}\n"))
                .config;
}

TEST(DumpData, ShowsProcesses) {
    vrrp::InstanceStatus status = master();
    status.trackers = {
        {.kind = "track_process", .name = "plain", .state = "down", .detail = "", .weight = 7},
        {.kind = "track_process", .name = "exact", .state = "up", .detail = "", .weight = -3}};
    track::Activity activity;
    activity.processes["exact"] = {
        .num_processes = 3, .has_quorum = true, .may_rise = false, .may_fall = true};
    const std::string text = render_data(with_processes(), {status}, activity);
    const std::size_t processes = text.find("------< VRRP Track processes");
    ASSERT_NE(processes, std::string::npos) << text;
    EXPECT_EQ(text.substr(processes),
              "------< VRRP Track processes >------\n"
              " VRRP Track process = plain\n"
              "   Process = sleep\n"
              "   Min processes = 1\n"
              "   Current processes = 0\n"
              "   Have quorum = false\n"
              "   Weight = 7\n"
              "   Terminate delay = 2.000000s\n"
              "   Fork delay = 2.000000s\n"
              "   Fork delay timer not running\n"
              "   Terminate delay timer not running\n"
              "   Full command = false\n"
              "   Tracking instances :\n"
              "     VI_1, weight 7\n"
              " VRRP Track process = exact\n"
              "   Process = /usr/bin/sleep\n"
              "   Parameters = 100\n"
              "   Param match = initial\n"
              "   Min processes = 2\n"
              "   Max processes = 5\n"
              "   Current processes = 3\n"
              "   Have quorum = true\n"
              "   Weight = 4 reverse\n"
              "   Terminate delay = 0.000000s\n"
              "   Fork delay = 1.000000s\n"
              "   Fork delay timer not running\n"
              "   Terminate delay timer running\n"
              "   Full command = true\n"
              "   Tracking instances :\n"
              "     VI_1, weight -3\n");
}

// keepalived 2.4's document, which 2.2.7 does not have.
TEST(DumpJson, Version2HasProcesses) {
    config::Config config = with_processes();
    config.dump_files.json_version = 2;
    track::Activity activity;
    activity.processes["exact"] = {
        .num_processes = 3, .has_quorum = false, .may_rise = true, .may_fall = false};
    EXPECT_EQ(render_json(config, {}, activity, {}),
              R"({"vrrp":[],"track_process":[{"process":"plain","param_match":"none",)"
              R"("min_processes":1,"current_processes":0,"have_quorum":false,"weight":7,)"
              R"("terminate_delay":2,"fork_delay":2,"fork_delay_timer_running":false,)"
              R"("terminate_delay_timer_running":false,"full_command":false},)"
              R"({"process":"exact","parameters":"100","param_match":"initial","min_processes":2,)"
              R"("max_processes":5,"current_processes":3,"have_quorum":false,"weight":-4,)"
              R"("terminate_delay":0,"fork_delay":1,"fork_delay_timer_running":true,)"
              R"("terminate_delay_timer_running":false,"full_command":true}]})");
    config.dump_files.json_version = 1;
    EXPECT_EQ(render_json(config, {}, activity, {}), "[]");
}

TEST(DumpStats, CountWhatGuardsAdvertsAsAuthenticationErrors) {
    vrrp::InstanceStatus status = master();
    status.advert_errors = {{"auth_header_missing", 1}, {"hmac_missing", 2},
                            {"auth_header_wrong", 4},   {"hmac_replay", 8},
                            {"peer_ttl", 16},           {"checksum_message_only", 32}};
    const Stats stats = stats_of(status);
    EXPECT_EQ(stats.auth_type_mismatch, 3U);
    EXPECT_EQ(stats.auth_failures, 12U);
    EXPECT_EQ(stats.ttl_errors, 16U);
    EXPECT_EQ(stats.length_errors + stats.type_errors + stats.address_list_errors, 0U);
}

class DumpFilesTest : public testing::Test {
protected:
    DumpFilesTest() {
        std::string name = testing::TempDir() + "dump-XXXXXX";
        directory_ = ::mkdtemp(name.data());
    }
    ~DumpFilesTest() override { fs::remove_all(directory_); }
    static std::string content(const fs::path& path) {
        std::stringstream text;
        text << std::ifstream(path).rdbuf();
        return text.str();
    }
    fs::path directory_;
};

TEST_F(DumpFilesTest, ReplaceALinkInsteadOfFollowingIt) {
    const fs::path victim = directory_ / "victim";
    const fs::path path = directory_ / "keepalived.stats";
    std::ofstream(victim) << "precious";
    fs::create_symlink(victim, path);
    ASSERT_TRUE(write_file(path, "new"));
    EXPECT_EQ(content(victim), "precious");
    EXPECT_EQ(content(path), "new");
    EXPECT_FALSE(fs::is_symlink(path));
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777U, 0600U);
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator{}), 2);
}

TEST_F(DumpFilesTest, LeaveNothingBehindWhenTheyCannotBeWritten) {
    EXPECT_FALSE(write_file(directory_ / "missing" / "x", "new"));
    const fs::path taken = directory_ / "directory";
    fs::create_directories(taken / "inside");
    EXPECT_FALSE(write_file(taken, "new"));
    EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator{}), 1);
}

TEST(DumpPaths, AreKeepaliveds) {
    EXPECT_EQ(path_of(Kind::data, "", "/tmp"), "/tmp/keepalived.data");
    EXPECT_EQ(path_of(Kind::stats, "", "/x"), "/x/keepalived.stats");
    EXPECT_EQ(path_of(Kind::json, "/run/k.json", "/tmp"), "/run/k.json");
    ::setenv("TMPDIR", "/var/tmp", 1);
    EXPECT_EQ(temporary_directory(), "/var/tmp");
    ::setenv("TMPDIR", "relative", 1);
    EXPECT_EQ(temporary_directory(), "/tmp");
}

}  // namespace
}  // namespace headgate::dump
