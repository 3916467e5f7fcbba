// Goal: what is tracked is read as keepalived reads it, and every planted mistake gives exactly one
// diagnostic, at the right line and column, that says what to write. >> marks that place.
#include <algorithm>

#include <gtest/gtest.h>

#include "controlplane/config/command.h"
#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string script = "vrrp_script chk {\n    script \"/bin/true\"\n}\n";

TEST(TrackScript, HasKeepalivedsDefaults) {
    const TrackScript read = load_fine(instance_with("", script)).trackers.scripts.at(0);
    EXPECT_EQ(read.name, "chk");
    EXPECT_EQ(read.command.words, std::vector<std::string>{"/bin/true"});
    EXPECT_EQ(read.interval, seconds(1));
    EXPECT_EQ(read.timeout, seconds(1));
    EXPECT_EQ(read.rise, 1U);
    EXPECT_EQ(read.fall, 1U);
    EXPECT_FALSE(read.init_fail);
}

TEST(TrackScript, ReadsEveryKeyword) {
    const Config config = load_fine(
        instance_with("track_script {\n  chk\n}\n",
                      "vrrp_script chk {\n script \"/bin/sh -c 'exit  1' x\"\n interval 2.5\n"
                      " timeout 0.5\n weight -20 reverse\n rise 2\n fall 3\n"
                      " user nobody nogroup\n init_fail\n}\n"));
    const TrackScript& read = config.trackers.scripts.at(0);
    EXPECT_EQ(read.command.words, (std::vector<std::string>{"/bin/sh", "-c", "exit  1", "x"}));
    EXPECT_EQ(read.command.user, "nobody");
    EXPECT_EQ(read.command.group, "nogroup");
    EXPECT_EQ(read.interval, milliseconds(2500));
    EXPECT_EQ(read.timeout, milliseconds(500));
    EXPECT_EQ(read.rise, 2U);
    EXPECT_EQ(read.fall, 3U);
    EXPECT_TRUE(read.init_fail);
    EXPECT_EQ(
        config.vrrp.instances.at(0).trackers.at(0),
        (TrackerUse{.tracker = {TrackerKind::script, "chk"}, .weight = -20, .reverse = true}));
}

TEST(TrackScript, TheIntervalIsTheTimeoutAlsoWhenItComesLater) {
    const auto timeout = [](const std::string& lines) {
        return load_fine(
                   instance_with("", "vrrp_script chk {\n script /bin/true\n" + lines + "\n}"))
            .trackers.scripts.at(0)
            .timeout;
    };
    EXPECT_EQ(timeout("interval 5"), seconds(5));
    EXPECT_EQ(timeout("timeout 0\ninterval 5"), seconds(5));
    EXPECT_EQ(timeout("timeout 2\ninterval 5"), seconds(2));
}

TEST(TrackFile, ReadsBothNames) {
    const Config config = load_fine(instance_with(
        "track_file {\n maintenance\n other weight 0\n}\n",
        "track_file maintenance {\n file /run/m\n weight -2\n init_file 5 overwrite\n}\n"
        "vrrp_track_file other {\n file \"/run/o\"\n}\n"));
    const auto& files = config.trackers.files;
    EXPECT_EQ(files.at(0),
              (TrackFile{
                  .name = "maintenance", .path = "/run/m", .initial_value = 5, .overwrite = true}));
    EXPECT_EQ(files.at(1), (TrackFile{.name = "other", .path = "/run/o"}));
    const auto& uses = config.vrrp.instances.at(0).trackers;
    EXPECT_EQ(uses.at(0).weight, -2);
    EXPECT_EQ(uses.at(1).weight, 0);
}

TEST(TrackFile, CountsOnceByDefault) {
    const Config config = load_fine(
        instance_with("track_file {\n m\n}\n", "track_file m {\n file /run/m\n init_file\n}\n"));
    EXPECT_EQ(config.vrrp.instances.at(0).trackers.at(0).weight, 1);
    EXPECT_EQ(config.trackers.files.at(0).initial_value, 0);
    EXPECT_FALSE(config.trackers.files.at(0).overwrite);
}

TEST(TrackProcess, ReadsEveryKeyword) {
    const auto read = [](const std::string& lines) {
        return load_fine(instance_with("", "vrrp_track_process p {\n" + lines + "\n}\n"))
            .trackers.processes.at(0);
    };
    EXPECT_EQ(read("process nginx"), (TrackProcess{.name = "p", .program = "nginx"}));
    EXPECT_EQ(read("process \"/bin/x -a 'b c'\"\nquorum 2\nquorum_max 4\ndelay 1\nfork_delay 2\n"
                   "full_command\nparam_match partial\nweight 10"),
              (TrackProcess{.name = "p",
                            .program = "/bin/x",
                            .parameters = {"-a", "b c"},
                            .compare_parameters = true,
                            .match = TrackProcess::Parameters::partial,
                            .full_command = true,
                            .quorum = 2,
                            .quorum_max = 4,
                            .fork_delay = seconds(2),
                            .terminate_delay = seconds(1)}));
    EXPECT_EQ(read("process x\nquorum_max 0").quorum, 0U);
}

TEST(Tracking, InstancesSayWhatTheyTrack) {
    const Config config = load_fine(
        instance_with("track_interface {\n eth1\n eth2 weight -10\n}\ntrack_script {\n chk "
                      "weight 5 noreverse\n}\n"
                      "track_process {\n p weight -254\n}\ndont_track_primary\n",
                      script + "vrrp_track_process p {\n process x\n}\n"
                               "interface_up_down_delays {\n eth1 0.5\n eth2 1 2\n}\n"));
    const VrrpInstance& instance = config.vrrp.instances.at(0);
    EXPECT_EQ(instance.trackers,
              (std::vector<TrackerUse>{
                  {.tracker = {TrackerKind::interface, "eth1"}, .weight = 0, .reverse = false},
                  {.tracker = {TrackerKind::interface, "eth2"}, .weight = -10, .reverse = false},
                  {.tracker = {TrackerKind::script, "chk"}, .weight = 5, .reverse = false},
                  {.tracker = {TrackerKind::process, "p"}, .weight = -254, .reverse = false}}));
    EXPECT_FALSE(instance.track_primary);
    EXPECT_EQ(config.vrrp.interface_delays,
              (std::vector<InterfaceDelay>{
                  {.interface = "eth1", .down = milliseconds(500), .up = milliseconds(500)},
                  {.interface = "eth2", .down = seconds(1), .up = seconds(2)}}));
}

const std::string servers =
    "virtual_server 192.0.2.10 80 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n"
    "real_server 192.0.2.11 80 {\n}\n}\n"
    "virtual_server 192.0.2.10 53 {\nlvs_sched rr\nlvs_method DR\nprotocol TCP\n"
    "real_server 192.0.2.11 53 {\n}\n}\n"
    "virtual_server 192.0.2.10 53 {\nlvs_sched rr\nlvs_method DR\nprotocol UDP\n"
    "real_server 192.0.2.11 53 {\n}\n}\n";

TEST(Tracking, VirtualServersAreNamedAsTheyAreWritten) {
    const Config config = load_fine(instance_with(
        "track_virtual_server {\n 192.0.2.10 80\n 192.0.2.10 53 udp weight -30\n}\n", servers));
    EXPECT_EQ(config.vrrp.instances.at(0).trackers,
              (std::vector<TrackerUse>{
                  {.tracker = {TrackerKind::virtual_server, "192.0.2.10:80/tcp"}},
                  {.tracker = {TrackerKind::virtual_server, "192.0.2.10:53/udp"}, .weight = -30}}));
}

TEST(Tracking, ADelayEndsBeforeABackupTakesOver) {
    const auto delays = [](const std::string& lines, const std::string& delay) {
        return load_text(instance_with(lines, "interface_up_down_delays {\n " + delay + "\n}\n"))
            .config.value()
            .vrrp.interface_delays;
    };
    EXPECT_EQ(delays("", "eth0 9 9").at(0),
              (InterfaceDelay{.interface = "eth0", .down = seconds(2), .up = seconds(9)}));
    EXPECT_EQ(delays("down_timer_adverts 5", "eth0 9").at(0).down, seconds(4));
    EXPECT_EQ(delays("", "eth1 9").at(0).down, seconds(9)) << "no instance speaks there";
}

TEST(Tracking, TheBufferForProcessEventsIsGlobal) {
    EXPECT_EQ(load_fine(instance_with("")).trackers.process_buffer_bytes, 1U << 20);
    EXPECT_EQ(load_fine(instance_with("",
                                      "global_defs {\n process_monitor_rcv_bufs 500000\n"
                                      " process_monitor_rcv_bufs_force\n}\n"))
                  .trackers.process_buffer_bytes,
              500000U);
}

TEST(Tracking, ScriptRulesAreGlobal) {
    const ScriptRules rules =
        load_fine(
            "global_defs {\n script_user nobody : nogroup\n enable_script_security\n"
            " use_symlink_paths on\n set_supplementary_groups\n}\n" +
            instance_with(""))
            .trackers.script_rules;
    EXPECT_EQ(rules, (ScriptRules{.user = "nobody",
                                  .group = "nogroup",
                                  .security = true,
                                  .keep_symlinks = true,
                                  .supplementary_groups = true}));
}

TEST(Command, IsCutAtBlanksOutsideQuotes) {
    using Words = std::vector<std::string>;
    EXPECT_EQ(split_command("/a  b\tc "), (Words{"/a", "b", "c"}));
    EXPECT_EQ(split_command("/a 'b c' \"d 'e'\" ''"), (Words{"/a", "b c", "d 'e'", ""}));
    EXPECT_EQ(split_command("/a x'y z'"), (Words{"/a", "xy z"}));
    EXPECT_EQ(split_command("  "), Words{});
}

// ---- Mistakes
// -----------------------------------------------------------------------------------

struct TrackingMistake {
    std::string text;
    std::string message;
    std::string hint;
    Severity severity = Severity::error;
};

std::string tracking(const std::string& lines, const std::string& behind = script) {
    return instance_with(lines, behind);
}

std::string in_script(const std::string& line) {
    return instance_with("", "vrrp_script chk {\nscript /bin/true\n" + line + "\n}\n");
}

std::string in_process(const std::string& line) {
    return instance_with("", "vrrp_track_process p {\nprocess x\n" + line + "\n}\n");
}

const std::vector<TrackingMistake>& mistakes() {
    static const std::vector<TrackingMistake> cases{
        {tracking("track_script {\n  >>chkk\n}"), "there is no vrrp_script `chkk`",
         "did you mean `chk`?"},
        {tracking("track_script {\n  >>nothing_like_it\n}"), "there is no vrrp_script",
         "add `vrrp_script nothing_like_it { ... }`"},
        {tracking("track_file {\n  >>chk\n}"), "there is no track_file `chk`", "add `track_file"},
        {tracking("track_script {\n  chk\n  >>chk weight 5\n}"), "tracked here already",
         "the first one counts", Severity::warning},
        {tracking("track_script {\n  chk weight >>254\n}"), "`254` is out of range",
         "from -253 to 253"},
        {tracking("track_script {\n  chk weight >>heavy\n}"), "`heavy` is not a number",
         "from -253 to 253"},
        {tracking("track_script {\n  chk >>weight\n}"), "`weight` needs a value", "NAME [weight"},
        {tracking("track_script {\n  chk weight 1 >>revers\n}"), "`revers` is not an option",
         "`reverse`"},
        {tracking("track_script {\n  chk >>other\n}"), "`other` is not an option of this list",
         "on a line of its own"},
        {tracking(">>track_script {\n}"), "this list is empty", "NAME [weight", Severity::warning},
        {tracking("track_interface {\n  >>interface/0\n}"), "is not an interface name",
         "INTERFACE"},
        {tracking("track_process {\n  p weight >>255\n}", "vrrp_track_process p {\nprocess x\n}"),
         "out of range", "-254 to 254"},
        {tracking("track_virtual_server {\n  >>192.0.2.10\n}", servers), "port", "IP PORT"},
        {tracking("track_virtual_server {\n  >>192.0.2.10 81\n}", servers),
         "there is no virtual_server 192.0.2.10 81", "name one of this configuration"},
        {tracking("track_virtual_server {\n  >>192.0.2.10 53\n}", servers),
         "several virtual servers", "write tcp, udp or sctp"},
        {tracking("track_virtual_server {\n  >>web\n}", servers), "not an IP address", "IP PORT"},
        {instance_with("", script + ">>" + script), "the name `chk` is taken", "another name"},
        {tracking("track_script {\n  chk\n}\n", ">>vrrp_script chk {\n}\n"), "has no `script`",
         "script COMMAND"},
        {instance_with("", "vrrp_script chk {\n  script >>./check\n}\n"), "not the whole path",
         "write the path from /"},
        {instance_with("", "vrrp_script chk {\n  script >>\"killall -0 x\"\n}\n"),
         "`killall` is looked for in the PATH", "write its whole path", Severity::warning},
        {instance_with("", "vrrp_script chk {\n  script /bin/kill >>-0 x\n}\n"), "stands in quotes",
         "write `script \"/bin/kill -0 x\"`"},
        {instance_with("", "vrrp_script chk {\n  script >>\"\"\n}\n"), "the command is empty",
         "script \"/path"},
        {in_script("interval >>0"), "out of range", "0.001"},
        {in_script("rise >>0"), "out of range", "from 1"},
        {in_script("user >>a b c"), "a user and, at most, a group", "USER [GROUP]"},
        {in_script("weight >>-254"), "out of range", "-253"},
        {in_script(">>weigth 5"), "not a keyword of vrrp_script", "did you mean `weight`?"},
        {instance_with("", "track_file m {\n  file >>run/m\n}\n"), "not a whole path",
         "write the path from /"},
        {instance_with("", "track_file m {\n  file /run/m\n  init_file >>x\n}\n"), "not a number",
         "init_file [NUMBER]"},
        {in_process("quorum 5\nquorum_max >>4"), "`quorum_max 4` is less than `quorum 5`",
         "write a larger one"},
        {in_process("quorum >>0"), "out of range", "from 1"},
        {in_process("param_match >>exact"), "not a value of param_match", "initial, partial"},
        {instance_with("", "interface_up_down_delays {\n  >>eth0\n}\n"), "one or two delays",
         "INTERFACE DOWN_SECONDS"},
        {instance_with("", "interface_up_down_delays {\n  eth0 >>256\n}\n"), "out of range",
         "0 to 255"},
        {instance_with("", "interface_up_down_delays {\n  >>eth0 2.1 9\n}\n"),
         "before the delay has passed", "2 seconds at most", Severity::warning},
        {instance_with("", ">>linkbeat_use_polling"), "linkbeat_use_polling", "the kernel tells",
         Severity::warning},
        {">>" + instance_with("priority 255\ntrack_script {\n chk weight 5\n}", script),
         "does not change `priority 255`", "1 to 254", Severity::warning},
    };
    return cases;
}

TEST(Tracking, EveryMistakeIsToldOnceWhereItIs) {
    for (const TrackingMistake& mistake : mistakes()) {
        const std::size_t mark = mistake.text.find(">>");
        std::string text = mistake.text;
        text.erase(mark, 2);
        const std::string before = text.substr(0, mark);
        const LoadResult result = load_text(text);
        const std::string shown = text + render_report(result.diagnostics);
        ASSERT_EQ(result.diagnostics.size(), 1U) << shown;
        const Diagnostic& diagnostic = result.diagnostics.front();
        EXPECT_EQ(diagnostic.location.line, 1 + std::ranges::count(before, '\n')) << shown;
        EXPECT_EQ(diagnostic.location.column, before.size() - (before.rfind('\n') + 1) + 1)
            << shown;
        EXPECT_NE(diagnostic.message.find(mistake.message), std::string::npos) << shown;
        EXPECT_NE(diagnostic.hint.find(mistake.hint), std::string::npos) << shown;
        EXPECT_EQ(diagnostic.severity, mistake.severity) << shown;
        EXPECT_TRUE(result.config.has_value()) << shown;
    }
}

}  // namespace
}  // namespace headgate::config
