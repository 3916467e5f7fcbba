// Goal: the keywords of elections and sync groups mean what they mean to keepalived, and each
// mistake with them gives one diagnostic at its place. In the texts, >> marks the place.
#include <algorithm>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"

namespace headgate::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string instance(std::string_view name, int vrid, std::string_view lines = "") {
    return "vrrp_instance " + std::string(name) + " {\ninterface eth0\nvirtual_router_id " +
           std::to_string(vrid) + "\nvirtual_ipaddress {\n192.0.2." + std::to_string(vrid) +
           "/24\n}\n" + std::string(lines) + "\n}\n";
}

Election election_of(const std::string& text) {
    const Config config = load_fine(text);
    EXPECT_EQ(config.vrrp.instances.size(), 1U);
    return config.vrrp.instances.empty() ? Election{} : config.vrrp.instances[0].election;
}

TEST(Election, HasKeepalivedsDefaults) {
    EXPECT_EQ(election_of(instance_with("")), Election{});
    EXPECT_EQ(load_fine(instance_with("")).vrrp.startup_delay, StartupDelay{});
}

TEST(Election, SetsEveryKeyword) {
    const Election election =
        election_of(instance_with("preempt_delay 4.12\ndown_timer_adverts 5\nlower_prio_no_advert\n"
                                  "higher_prio_send_advert on\ntimer_expired_backup 120\n"));
    EXPECT_EQ(election.preempt_delay, milliseconds(4120));
    EXPECT_EQ(election.down_timer_adverts, 5);
    EXPECT_TRUE(election.lower_prio_no_advert);
    EXPECT_TRUE(election.higher_prio_send_advert);
    EXPECT_EQ(election.late_takeover_priority, 120);
    EXPECT_TRUE(
        election_of(instance_with("priority 255\nowner_ignore_adverts")).owner_ignore_adverts);
}

TEST(Election, WithoutAPriorityExpectsTheQuickestRouterToTakeOver) {
    EXPECT_EQ(election_of(instance_with("timer_expired_backup")).late_takeover_priority, 254);
    EXPECT_EQ(election_of(instance_with("thread_timer_expired 7")).late_takeover_priority, 7);
}

TEST(Election, TakesDefaultsFromGlobalDefs) {
    const std::string global =
        "global_defs {\nvrrp_down_timer_adverts 7\nvrrp_lower_prio_no_advert\n"
        "vrrp_higher_prio_send_advert\nvrrp_owner_ignore_adverts\n}\n";
    const Election inherited = election_of(global + instance_with("priority 255"));
    EXPECT_EQ(inherited.down_timer_adverts, 7);
    EXPECT_TRUE(inherited.lower_prio_no_advert);
    EXPECT_TRUE(inherited.higher_prio_send_advert);
    EXPECT_TRUE(inherited.owner_ignore_adverts);
    const Election own = election_of(
        global + instance_with("priority 255\ndown_timer_adverts 2\nlower_prio_no_advert no\n"
                               "higher_prio_send_advert off\nowner_ignore_adverts false"));
    Election expected;
    expected.down_timer_adverts = 2;
    EXPECT_EQ(own, expected);
}

TEST(Election, KnowsTheStartupDelays) {
    const Config config = load_fine(
        "global_defs {\nvrrp_startup_delay 5.5\nvrrp_delay_after_boot 60\n}\n" + instance_with(""));
    EXPECT_EQ(config.vrrp.startup_delay.after_start, milliseconds(5500));
    EXPECT_EQ(config.vrrp.startup_delay.after_boot, seconds(60));
}

TEST(SyncGroup, KnowsItsMembersWhereverItStands) {
    const Config config = load_fine(
        "vrrp_sync_group VG_1 {\ngroup {\nVI_1\nVI_2\n}\nsync_group_tracking_weight\n}\n" +
        instance("VI_1", 1) + instance("VI_2", 2) + instance("VI_3", 3) + instance("VI_4", 4) +
        instance("VI_5", 5) + "vrrp_sync_group VG_2 {\ngroup { VI_3 VI_4 }\n}\n");
    ASSERT_EQ(config.vrrp.sync_groups.size(), 2U);
    const SyncGroup& first = config.vrrp.sync_groups[0];
    EXPECT_EQ(first.name, "VG_1");
    EXPECT_EQ(first.members, (std::vector<std::string>{"VI_1", "VI_2"}));
    EXPECT_TRUE(first.tracking_weight);
    EXPECT_EQ(config.vrrp.sync_groups[1].members, (std::vector<std::string>{"VI_3", "VI_4"}));
    EXPECT_FALSE(config.vrrp.sync_groups[1].tracking_weight);
    EXPECT_EQ(config.vrrp.instances[1].election.sync_group, "VG_1");
    EXPECT_EQ(config.vrrp.instances[3].election.sync_group, "VG_2");
    EXPECT_EQ(config.vrrp.instances[4].election.sync_group, "");
}

// ---- What groups track --------------------------------------------------------------------------

using Uses = std::vector<TrackerUse>;

const std::string scripts =
    "vrrp_script chk {\nscript /bin/true\n}\nvrrp_script own {\nscript /bin/true\nweight -5\n}\n";
const TrackerUse chk{.tracker = {TrackerKind::script, "chk"}, .weight = -20};
const TrackerUse own{.tracker = {TrackerKind::script, "own"}, .weight = -5};
const TrackerUse wan{.tracker = {TrackerKind::interface, "wan0"}, .weight = 7};

std::string group(std::string_view lines) {
    return "vrrp_sync_group VG_1 {\ngroup {\nVI_1\nVI_2\n}\n" + std::string(lines) + "\n}\n";
}

TEST(SyncGroup, ItsTrackersAreThoseOfItsMembers) {
    const Config config =
        load_fine(scripts + group("track_script {\nchk weight -20\n}\n") + instance("VI_1", 1) +
                  instance("VI_2", 2, "track_script {\nchk\n}") + instance("VI_3", 3));
    EXPECT_EQ(config.vrrp.instances[0].trackers, Uses{chk});
    EXPECT_EQ(config.vrrp.instances[1].trackers, Uses{{.tracker = chk.tracker}})
        << "its own line is the more exact one";
    EXPECT_EQ(config.vrrp.instances[2].trackers, Uses{}) << "in no group";
}

TEST(SyncGroup, WeightsOfItsMembersDoNotCount) {
    const std::string members =
        instance("VI_1", 1, "track_script {\nown\nchk\n}\ntrack_interface {\nwan0 weight 7\n}\n") +
        instance("VI_2", 2);
    const LoadResult result = load_text(scripts + group("") + members);
    ASSERT_EQ(result.diagnostics.size(), 2U) << render_report(result.diagnostics);
    EXPECT_NE(render(result.diagnostics[0]).find("it is not tracked"), std::string::npos);
    EXPECT_NE(render(result.diagnostics[1]).find("a FAULT"), std::string::npos);
    EXPECT_EQ(result.config.value().vrrp.instances[0].trackers,
              (Uses{{.tracker = chk.tracker}, {.tracker = wan.tracker}}));

    const Config kept = load_fine(scripts + group("sync_group_tracking_weight") + members);
    EXPECT_EQ(kept.vrrp.instances[0].trackers, (Uses{own, {.tracker = chk.tracker}, wan}));
}

TEST(SyncGroup, AnOwnerAmongItsMembersLeavesNoWeights) {
    const LoadResult result = load_text(scripts + group("track_script {\nchk weight -20\n}\n") +
                                        instance("VI_1", 1, "priority 255") + instance("VI_2", 2));
    ASSERT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
    EXPECT_EQ(result.config.value().vrrp.instances[1].trackers, Uses{});
}

TEST(Election, StrictModeHasTheRulesOfTheRfcs) {
    const LoadResult result =
        load_text(instance_with("strict_mode\npreempt_delay 5\ndown_timer_adverts 4\n"
                                "higher_prio_send_advert\ngarp_master_refresh 60\nuse_vmac\n"
                                "vmac_xmit_base"));
    EXPECT_EQ(result.diagnostics.size(), 5U) << render_report(result.diagnostics);
    const VrrpInstance& instance = result.config.value().vrrp.instances.at(0);
    Election expected;
    expected.lower_prio_no_advert = true;
    EXPECT_EQ(instance.election, expected);
    EXPECT_EQ(instance.announcing.refresh, seconds(0));
    EXPECT_FALSE(instance.vmac->send_from_base);
}

class BrokenElection : public testing::TestWithParam<Broken> {};

TEST_P(BrokenElection, GivesOneDiagnosticThatHelps) {
    expect_one_diagnostic(GetParam());
}

const std::string two = instance("VI_1", 1) + instance("VI_2", 2);

INSTANTIATE_TEST_SUITE_P(
    All, BrokenElection,
    testing::Values(
        Broken{"TrackerOfAGroupNotThere", group("track_script {\n>>chk\n}") + two,
               "no vrrp_script `chk`", ""},
        Broken{"DelayTooLong", instance_with("preempt_delay >>1001"), "", "0 to 1000"},
        Broken{"DelayWithStateMASTER", instance_with("state MASTER\npriority 9\npreempt_delay >>5"),
               "no effect with `state MASTER`", "state BACKUP", Severity::warning},
        Broken{"DelayWithNopreempt", instance_with("nopreempt\npreempt_delay >>5"),
               "no effect with `nopreempt`", "remove one", Severity::warning},
        Broken{"DelayOfAnOwner", instance_with("priority 255\npreempt_delay >>5"),
               "no effect with `priority 255`", "1 to 254", Severity::warning},
        Broken{"NoAdverts", instance_with("down_timer_adverts >>0"), "", "1 to 100"},
        Broken{"DeafWithoutOwning", instance_with("owner_ignore_adverts >>on"),
               "`priority 255` only", "has to listen", Severity::warning},
        Broken{"LateTakeoverOfAnOwner", instance_with("timer_expired_backup >>255"), "",
               "1 to 254"},
        Broken{"NoStartupDelay", "global_defs {\nvrrp_startup_delay >>0\n}\n" + two, "", "0.001"},
        Broken{"UnknownMember", two + "vrrp_sync_group VG {\ngroup {\nVI_1\nVI_2\n>>VI_3\n}\n}\n",
               "no vrrp_instance `VI_3`", "remove this line"},
        Broken{"StrictPreemptDelay", instance_with("strict_mode\npreempt_delay >>5"),
               "strict mode does not allow this `preempt_delay`", "remove it"},
        Broken{"StrictDownTimer", instance_with("strict_mode\ndown_timer_adverts >>4"),
               "strict mode does not allow this `down_timer_adverts`", "remove it"},
        Broken{"StrictDownTimerOfAll",
               instance_with("strict_mode", "global_defs {\nvrrp_down_timer_adverts >>4\n}\n"),
               "strict mode does not allow this `down_timer_adverts`", "remove it"},
        Broken{"StrictHigherPriority", instance_with("strict_mode\nhigher_prio_send_advert >>on"),
               "strict mode does not allow this `higher_prio_send_advert`", "remove it"},
        Broken{"StrictLowerPriority", instance_with("strict_mode\nlower_prio_no_advert >>off"),
               "strict mode does not allow this `lower_prio_no_advert`", "remove it"},
        Broken{"StrictRefresh", instance_with("strict_mode\ngarp_master_refresh >>60"),
               "strict mode does not allow this `garp_master_refresh`", "remove it"},
        Broken{"StrictXmitBase", instance_with("strict_mode\nuse_vmac\n>>vmac_xmit_base"),
               "strict mode does not allow this `vmac_xmit_base`", "remove it"},
        Broken{"StrictWithoutAddress",
               two + ">>vrrp_instance VI_3 {\ninterface eth0\nvirtual_router_id 3\nstrict_mode\n"
                     "no_virtual_ipaddress\n}\n",
               "strict mode wants a virtual address", "left out"},
        Broken{"MemberOfTwoGroups",
               two + instance("VI_3", 3) + "vrrp_sync_group VG {\ngroup {\nVI_1\nVI_2\n}\n}\n" +
                   "vrrp_sync_group VH {\ngroup {\nVI_3\n>>VI_2\n}\n}\n",
               "in vrrp_sync_group `VG` already", "one group at most"},
        Broken{"AMemberTwice", two + "vrrp_sync_group VG {\ngroup {\nVI_1\nVI_2\n>>VI_1\n}\n}\n",
               "already", "remove this line"},
        Broken{"SingleMember", two + "vrrp_sync_group VG {\ngroup {\n>>VI_1\n}\n}\n",
               "single member", "add another", Severity::warning},
        Broken{"NoGroupBlock", two + ">>vrrp_sync_group VG {\n}\n", "has no members",
               "`group { ... }`"},
        Broken{"NobodyInIt", two + "vrrp_sync_group VG {\n>>group {\n}\n}\n", "no name in it",
               "vrrp_instance"},
        Broken{"TheSameNameTwice",
               two + instance("VI_3", 3) + instance("VI_4", 4) +
                   "vrrp_sync_group VG {\ngroup {\nVI_1\nVI_2\n}\n}\n" +
                   ">>vrrp_sync_group VG {\ngroup {\nVI_3\nVI_4\n}\n}\n",
               "the name `VG` is taken", "left out"}),
    case_name);

}  // namespace
}  // namespace headgate::config
