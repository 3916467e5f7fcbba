// Goal: all that can be said about gratuitous ARP reaches the model, with keepalived's defaults and
// inheritance, and each mistake gets one diagnostic that says what to write.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

Announcing announcing_of(const std::string& instance, const std::string& global = "") {
    const Config config = load_fine(instance_with(instance, "global_defs {\n" + global + "\n}"));
    EXPECT_EQ(config.vrrp.instances.size(), 1U);
    return config.vrrp.instances.empty() ? Announcing{} : config.vrrp.instances[0].announcing;
}

TEST(Announcing, HasKeepalivedsDefaults) {
    EXPECT_EQ(announcing_of(""), (Announcing{.repeat = 5,
                                             .delay = seconds(5),
                                             .refresh = seconds(0),
                                             .refresh_repeat = 1,
                                             .lower_priority_repeat = 5,
                                             .lower_priority_delay = seconds(5),
                                             .extra_interval = seconds(0),
                                             .extra_everywhere = false}));
}

TEST(Announcing, IsWhatTheInstanceSaysOrElseGlobalDefs) {
    const std::string instance =
        "garp_master_delay 1\ngarp_master_repeat 2\ngarp_master_refresh 3\n"
        "garp_master_refresh_repeat 4\ngarp_lower_prio_delay 6\ngarp_lower_prio_repeat 7\n"
        "garp_extra_if all 8\n";
    std::string global;
    const Announcing expected{.repeat = 2,
                              .delay = seconds(1),
                              .refresh = seconds(3),
                              .refresh_repeat = 4,
                              .lower_priority_repeat = 7,
                              .lower_priority_delay = seconds(6),
                              .extra_interval = seconds(8),
                              .extra_everywhere = true};
    EXPECT_EQ(announcing_of(instance), expected);
    for (std::size_t begin = 0; begin < instance.size();) {
        const std::size_t end = instance.find('\n', begin) + 1;
        global += "vrrp_" + instance.substr(begin, end - begin);
        begin = end;
    }
    EXPECT_EQ(announcing_of("", global), expected);
    EXPECT_EQ(announcing_of(instance, "vrrp_garp_master_delay 9\nvrrp_garp_extra_if 9"), expected);
    EXPECT_EQ(announcing_of("garp_extra_if 0", global).extra_interval, seconds(0));
}

TEST(Announcing, AnswersAWeakerMasterAsGlobalDefsSayForANewOne) {
    const Announcing announcing =
        announcing_of("garp_master_repeat 2\ngarp_master_delay 3",
                      "vrrp_garp_master_repeat 8\nvrrp_garp_master_delay 9");
    EXPECT_EQ(announcing.lower_priority_repeat, 8U);
    EXPECT_EQ(announcing.lower_priority_delay, seconds(9));
}

TEST(Announcing, IsMinimalWhereNothingElseIsSaid) {
    const Announcing minimal = announcing_of("", "vrrp_min_garp");
    EXPECT_EQ(minimal.repeat, 1U);
    EXPECT_EQ(minimal.delay, seconds(0));
    EXPECT_EQ(minimal.lower_priority_repeat, 1U);
    EXPECT_EQ(minimal.lower_priority_delay, seconds(0));
    const Announcing mixed = announcing_of("", "vrrp_garp_master_repeat 3\nvrrp_min_garp on");
    EXPECT_EQ(mixed.repeat, 3U);
    EXPECT_EQ(mixed.delay, seconds(0));
    EXPECT_EQ(announcing_of("", "vrrp_min_garp off"), Announcing{});
}

TEST(AnnounceLimits, AreGlobalOrOfGroups) {
    const Config config = load_fine(
        instance_with("",
                      "global_defs {\nvrrp_garp_interval 0.001\nvrrp_gna_interval 0.000001\n}\n"
                      "garp_group {\ngarp_interval 0.5\ninterfaces {\neth0\neth1\n}\n}\n"
                      "garp_group {\ngna_interval 0.25\ninterface eth2\n}\n"));
    const AnnounceLimits expected{
        .others = {.garp = milliseconds(1), .na = microseconds(1)},
        .groups = {{.limit = {.garp = milliseconds(500), .na = {}}, .interfaces = {"eth0", "eth1"}},
                   {.limit = {.garp = {}, .na = milliseconds(250)}, .interfaces = {"eth2"}}}};
    EXPECT_EQ(config.vrrp.announce_limits, expected);
}

TEST(AnnounceMistakes, GetOneDiagnosticThatHelps) {
    struct Case {
        std::string text;
        std::uint32_t line;
        std::string hint;
    };
    const std::string begin = instance_with("");  // eight lines
    for (const Case& test : {
             Case{"global_defs {\nvrrp_garp_interval 0\n}", 11, "from 0.000001 to 2147"},
             Case{"global_defs {\nvrrp_garp_interval 5\n}", 11, "write 0.001"},
             Case{"global_defs {\nvrrp_garp_extra_if all\n}", 11, "[all] SECONDS"},
             Case{"global_defs {\nvrrp_garp_extra_if 0\n}", 11, "[all] SECONDS"},
             Case{"garp_group {\ninterface eth0\n}", 10, "add `garp_interval SECONDS`"},
             Case{"garp_group {\ngarp_interval 0.1\n}", 10, "add `interface NAME`"},
             Case{"garp_group {\ngarp_interval 0.1\ninterface a\ninterfaces {\nb\n}\n}", 10,
                  "with all of them"},
             Case{"garp_group {\ngarp_interval 0.1\ninterface a\n}\n"
                  "garp_group {\ngna_interval 0.1\ninterface a\n}",
                  16, "on line 12, which counts now"},
         }) {
        const LoadResult result = load_text(begin + test.text + "\n");
        ASSERT_EQ(result.diagnostics.size(), 1U) << test.text << render_report(result.diagnostics);
        EXPECT_EQ(result.diagnostics[0].location.line, test.line) << test.text;
        EXPECT_NE(result.diagnostics[0].hint.find(test.hint), std::string::npos)
            << render(result.diagnostics[0]);
        EXPECT_TRUE(result.config);
    }
}

}  // namespace
}  // namespace headgate::config
