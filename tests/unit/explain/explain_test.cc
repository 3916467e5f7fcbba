// Goal: `headgate why` says the true reason, does the arithmetic, and predicts what the protocol
// would do. The explanations are compared whole, as an operator reads them.
#include "controlplane/explain/explain.h"

#include <gtest/gtest.h>

#include "controlplane/explain/words.h"

namespace headgate::explain {
namespace {

constexpr std::int64_t now_ms = 1'000'000'000;

api::TrackerStatus& add_script(api::VrrpStatus& instance, const char* name, const char* state,
                               std::int32_t weight) {
    api::TrackerStatus& tracker = *instance.add_trackers();
    tracker.set_kind("track_script");
    tracker.set_name(name);
    tracker.set_state(state);
    tracker.set_weight(weight);
    tracker.set_contribution_up(std::max(weight, 0));
    tracker.set_contribution_down(std::min(weight, 0));
    tracker.set_contribution(tracker.state() == "up" ? tracker.contribution_up()
                                                     : tracker.contribution_down());
    tracker.set_faults_down(weight == 0);
    tracker.set_faults(weight == 0 && tracker.state() != "up");
    return tracker;
}

// 100 of base 120, since a script of weight -20 is down; the master has 110.
api::VrrpStatus backup() {
    api::VrrpStatus instance;
    instance.set_name("VI_1");
    instance.set_state("BACKUP");
    instance.set_reason("an advert with a higher priority was heard (110 from 192.0.2.3)");
    instance.set_last_transition_unix_ms(now_ms - 2000);
    instance.set_base_priority(120);
    instance.set_priority(100);
    instance.set_preempt(true);
    instance.set_advert_interval_ms(1000);
    instance.set_skew_ms(609);
    instance.set_master_down_interval_ms(3609);
    instance.set_own_address("192.0.2.2");
    instance.set_master_address("192.0.2.3");
    instance.set_master_priority(110);
    instance.mutable_last_heard()->set_source("192.0.2.3");
    instance.mutable_last_heard()->set_priority(110);
    instance.mutable_last_heard()->set_unix_ms(now_ms - 410);
    add_script(instance, "chk_nginx", "down", -20).set_detail("failed 3/3, 2s ago: exit 1");
    return instance;
}

api::VrrpStatus master() {
    api::VrrpStatus instance = backup();
    instance.set_state("MASTER");
    instance.set_reason("no advert within the master down interval");
    instance.set_priority(120);
    instance.set_adverts_sent(7);
    instance.mutable_advert_lateness()->set_worst_us(20'400);
    instance.set_master_address("192.0.2.2");
    instance.set_master_priority(120);
    instance.clear_trackers();
    add_script(instance, "chk_nginx", "up", -20);
    return instance;
}

std::string text_of(const api::Why& why) {
    std::string text = why.summary() + '\n';
    for (const std::string& problem : why.problems())
        text += "! " + problem + '\n';
    for (const std::string& fact : why.facts())
        text += fact + '\n';
    for (const api::Consequence& next : why.next())
        text += next.condition() + ": " + next.consequence() + '\n';
    return text;
}

std::string explained(const api::VrrpStatus& instance) {
    return text_of(explain_vrrp(instance, now_ms));
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST(ExplainBackup, DoesTheArithmeticAndPredicts) {
    EXPECT_EQ(explained(backup()),
              "VI_1 is BACKUP: 192.0.2.3 advertises 110, ours is 100.\n"
              "100 = base 120 - 20 (track_script chk_nginx is down: failed 3/3, 2s ago: exit 1)\n"
              "last advert 0.41s ago, interval 1.00s, takeover after 3.60s silence; 0 adverts "
              "rejected\n"
              "if 192.0.2.3 falls silent: MASTER after 3.60s\n"
              "if 192.0.2.3 stops in order: MASTER after 0.60s\n"
              "if chk_nginx recovers: 120 > 110, MASTER within 3.53s\n");
}

TEST(ExplainBackup, KnowsWhatDelaysOrPreventsPreemption) {
    api::VrrpStatus instance = backup();
    instance.set_preempt_delay_ms(30'000);
    EXPECT_TRUE(contains(explained(instance),
                         "if chk_nginx recovers: 120 > 110, MASTER after preempt_delay 30s\n"));
    instance.set_preempt(false);
    EXPECT_TRUE(contains(explained(instance),
                         "if chk_nginx recovers: 120 > 110, but `nopreempt` keeps it BACKUP\n"));
    instance = backup();
    instance.set_master_priority(120);
    EXPECT_TRUE(contains(explained(instance),
                         "if chk_nginx recovers: 120, not above 120: it stays BACKUP\n"));
}

TEST(ExplainBackup, SaysWhyItFollowsOneThatIsNotStronger) {
    api::VrrpStatus instance = backup();
    instance.set_master_priority(100);
    EXPECT_TRUE(contains(explained(instance), "advertises 100, as much as ours"));
    instance.set_master_priority(90);
    EXPECT_TRUE(contains(explained(instance), "it is about to take over"));
    instance.set_preempt_allowed_unix_ms(now_ms + 20'000);
    EXPECT_TRUE(contains(explained(instance), "and preempt_delay lets it stay for 20.00s"));
    instance.set_preempt(false);
    EXPECT_TRUE(contains(explained(instance), "but `nopreempt` lets it stay"));
}

TEST(ExplainBackup, TellsOfAHold) {
    api::VrrpStatus instance = backup();
    instance.set_master_priority(90);
    instance.mutable_hold()->set_until_unix_ms(now_ms + 1'712'000);
    instance.mutable_hold()->set_reason("disk swap");
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text,
                         "VI_1 is BACKUP: it was told to step down, and holds back for "
                         "28m32s (disk swap); 192.0.2.3 advertises 90, ours is 100.\n"))
        << text;
    EXPECT_TRUE(contains(text,
                         "in 28m32s, or after `headgate failover VI_1 --cancel`: 100 > 90, "
                         "MASTER within 3.60s\n"))
        << text;
}

TEST(ExplainBackup, NamesWhatWasRefusedAndWhatToChange) {
    api::VrrpStatus instance = backup();
    instance.clear_master_address();
    instance.clear_last_heard();
    instance.set_adverts_refused(4);
    instance.set_warning("advert from 10.0.0.2: authentication differs: write ...");
    instance.mutable_last_refused()->set_source("10.0.0.2");
    instance.mutable_last_refused()->set_error("auth_type");
    instance.mutable_last_refused()->set_detail("authentication differs: write ...");
    instance.mutable_last_refused()->set_unix_ms(now_ms - 5000);
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text, "VI_1 is BACKUP: it waits for the adverts of a master.\n"));
    EXPECT_TRUE(contains(text,
                         "no advert was ever heard, interval 1.00s, takeover after 3.60s "
                         "silence; 4 adverts rejected, the last for auth_type\n"))
        << text;
    EXPECT_TRUE(contains(
        text, "! advert from 10.0.0.2 refused 5.00s ago: authentication differs: write ...\n"));
    EXPECT_FALSE(contains(text, "! advert from 10.0.0.2: ")) << "the same again: " << text;
    instance.set_warning("192.0.2.10/24 cannot be added");
    EXPECT_TRUE(contains(explained(instance), "! 192.0.2.10/24 cannot be added\n"));
    instance.clear_last_refused();
    EXPECT_TRUE(contains(explained(instance), "! 192.0.2.10/24 cannot be added\n"));
    EXPECT_TRUE(contains(text, "if no advert is heard: MASTER within 3.60s\n"));
}

TEST(ExplainMaster, SaysWhoWouldTakeOver) {
    EXPECT_EQ(explained(master()),
              "VI_1 is MASTER since 2.00s: no advert within the master down interval.\n"
              "priority 120: nothing that is tracked changes it\n"
              "+ 0 track_script chk_nginx is up\n"
              "an advert every 1.00s, 7 sent, at most 0.02s late; 0 adverts rejected\n"
              "the last advert of another router was that of 192.0.2.3, priority 110, 0.41s ago\n"
              "if an advert with a priority above 120 is heard, or with 120 from an address above "
              "192.0.2.2: BACKUP at once\n"
              "if chk_nginx fails: 100 < 110 of 192.0.2.3, which takes over if it is still "
              "there\n");
    api::VrrpStatus instance = master();
    instance.mutable_last_heard()->set_priority(50);
    EXPECT_TRUE(contains(explained(instance), "100, not below the 50 of 192.0.2.3: it stays"));
    instance.clear_last_heard();
    EXPECT_TRUE(contains(explained(instance), "a backup is silent, so there may be some"));
    add_script(instance, "gate", "up", 0);
    EXPECT_TRUE(
        contains(explained(instance), "if gate fails: FAULT: it is tracked without a weight\n"));
    api::TrackerStatus& reversed = add_script(instance, "busy", "down", 0);
    reversed.set_faults(false);
    reversed.set_faults_down(false);
    reversed.set_faults_up(true);
    EXPECT_TRUE(
        contains(explained(instance), "if busy recovers: FAULT: it is tracked without a weight\n"));
}

TEST(ExplainMaster, SeesTheLimitsOfThePriority) {
    api::VrrpStatus instance = master();
    instance.set_priority(254);
    add_script(instance, "boost", "up", 200);
    EXPECT_TRUE(contains(explained(instance),
                         "254 = base 120 + 200 (track_script boost is up), "
                         "kept within 1 to 254\n"));
    instance.set_base_priority(255);
    instance.set_priority(255);
    EXPECT_TRUE(contains(explained(instance), "it owns the addresses, nothing changes that"));
    EXPECT_FALSE(contains(explained(instance), "if boost fails"));
}

TEST(ExplainMaster, DoesNotCountOnOneThatHasResigned) {
    api::VrrpStatus instance = master();
    instance.mutable_last_heard()->set_resigned(true);
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text, "priority 110, 0.41s ago; it resigned then\n")) << text;
    EXPECT_TRUE(
        contains(text, "if chk_nginx fails: priority 100; a backup with more takes over\n"));
    instance.clear_last_heard();
    EXPECT_TRUE(contains(explained(instance),
                         "if chk_nginx fails: priority 100; a backup with more takes over\n"));
}

TEST(ExplainMaster, NamesASecondMasterAndAMissingAddress) {
    api::VrrpStatus instance = master();
    instance.mutable_second_master()->set_address("192.0.2.9");
    instance.mutable_second_master()->set_priority(90);
    instance.mutable_second_master()->set_since_unix_ms(now_ms - 7000);
    api::VipStatus& vip = *instance.add_vips();
    vip.set_address("192.0.2.10/24");
    vip.set_interface("eth0");
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text,
                         "! SPLIT BRAIN: 192.0.2.9 with priority 90 is MASTER, too, for 7.00s: it "
                         "does not hear the adverts of 192.0.2.2, or refuses them."))
        << text;
    EXPECT_TRUE(contains(text, "! 192.0.2.10/24 is not on eth0\n"));
    instance.mutable_vips(0)->set_present(true);
    EXPECT_FALSE(contains(explained(instance), "is not on"));
    instance.mutable_vips(0)->set_present(false);
    instance.set_state("BACKUP");
    EXPECT_FALSE(contains(explained(instance), "is not on")) << "where it need not be";
}

TEST(ExplainBackup, WaitsForTheFirstAdvert) {
    api::VrrpStatus instance = backup();
    instance.clear_master_address();
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text, "it became BACKUP 2.00s ago: an advert with a higher priority"))
        << text;
    EXPECT_TRUE(contains(text, "if chk_nginx recovers: priority 120\n"));
    EXPECT_FALSE(contains(text, "falls silent"));
}

TEST(ExplainBackup, KnowsHowAHoldEnds) {
    api::VrrpStatus instance = backup();
    instance.mutable_hold()->set_until_unix_ms(now_ms + 60'000);
    const std::string end = "in 1m00s, or after `headgate failover VI_1 --cancel`: ";
    EXPECT_TRUE(contains(explained(instance), end + "it is a backup like any other\n"));
    EXPECT_TRUE(contains(explained(instance),
                         "if chk_nginx recovers: 120 > 110, but it holds back for 1m00s\n"));
    EXPECT_TRUE(contains(explained(instance), "holds back for 1m00s; 192.0.2.3 advertises 110"))
        << "without a reason";
    instance.set_master_priority(90);
    instance.set_preempt(false);
    EXPECT_TRUE(contains(explained(instance),
                         end + "`nopreempt` keeps it BACKUP until the master is gone\n"));
    instance.set_preempt(true);
    instance.clear_master_address();
    EXPECT_TRUE(contains(explained(instance), end + "it is a backup like any other\n"));
}

TEST(ExplainBackup, PredictsNothingOfWhatHasNoOtherSide) {
    api::VrrpStatus instance = backup();
    instance.clear_trackers();
    api::TrackerStatus& file = add_script(instance, "switch", "7", 5);
    file.set_kind("track_file");
    api::TrackerStatus& useless = add_script(instance, "useless", "up", 30);
    useless.set_contribution_down(30);
    add_script(instance, "fresh", "unknown", 20);
    instance.set_priority(150);
    const std::string text = explained(instance);
    EXPECT_FALSE(contains(text, "if switch")) << text;
    EXPECT_FALSE(contains(text, "if useless")) << text;
    EXPECT_TRUE(contains(text, "+ 0 track_script fresh has no result yet\n"));
    EXPECT_TRUE(contains(text, "if fresh comes up: 170 > 110, MASTER within ")) << text;
}

TEST(ExplainBackup, SaysWhatItsGroupDoes) {
    api::VrrpStatus instance = backup();
    api::SyncGroupStatus& group = *instance.mutable_sync_group();
    group.set_name("G");
    group.add_members("VI_1");
    group.add_members("VI_2");
    group.set_state("BACKUP");
    group.set_reason("VI_2: eth1 is down");
    group.set_last_transition_unix_ms(now_ms - 4000);
    EXPECT_TRUE(contains(explained(instance),
                         "its sync group G (VI_1, VI_2), which goes from state to state as a "
                         "whole, is BACKUP since 4.00s: VI_2: eth1 is down\n"))
        << explained(instance);
}

TEST(ExplainFault, NamesWhatIsDown) {
    api::VrrpStatus instance = backup();
    instance.set_state("FAULT");
    instance.set_reason("tracked script chk_web failed 3/3");
    add_script(instance, "chk_web", "down", 0).set_detail("failed 3/3");
    const std::string text = explained(instance);
    EXPECT_TRUE(contains(text,
                         "VI_1 is in FAULT since 2.00s: tracked script chk_web failed 3/3.\n"
                         "100 = base 120 - 20"))
        << text;
    EXPECT_TRUE(
        contains(text, "track_script chk_web is down: failed 3/3, which keeps it in FAULT\n"));
    EXPECT_TRUE(contains(text,
                         "when this is over: BACKUP, and MASTER after 3.60s unless a router with a "
                         "priority of 100 or more is heard\n"));
    EXPECT_FALSE(
        contains(text, "track_script chk_nginx is down: failed 3/3, 2s ago: exit 1, which"));
}

api::Status three_services() {
    api::Status status;
    *status.add_vrrp() = backup();
    for (const char* name : {"192.0.2.10:80/tcp", "192.0.2.10:443/tcp", "192.0.2.1:80/tcp"}) {
        api::VirtualServerStatus& server = *status.add_virtual_servers();
        server.set_name(name);
        server.set_state("up");
        server.set_placement("bypass");
        api::RealServerStatus& real = *server.add_real_servers();
        real.set_address("10.0.0.11");
        real.set_port(80);
        real.set_state("up");
        real.set_weight(1);
        real.set_effective_weight(1);
        api::CheckStatus& check = *real.add_checks();
        check.set_type("TCP_CHECK");
        check.set_target("10.0.0.11:80");
        check.set_known(true);
        check.set_up(true);
        check.set_code("L4OK");
        check.set_detail("connected");
    }
    return status;
}

TEST(Explain, FindsAVirtualServerByTheFrontOfItsName) {
    const api::Status status = three_services();
    EXPECT_EQ(explain(status, "192.0.2.10:443", now_ms)->object(), "192.0.2.10:443/tcp");
    EXPECT_EQ(explain(status, "192.0.2.1", now_ms)->object(), "192.0.2.1:80/tcp");
    EXPECT_EQ(explain(status, "192.0.2.10", now_ms).error().message,
              "192.0.2.10 may be 192.0.2.10:80/tcp and 192.0.2.10:443/tcp: say which");
    EXPECT_EQ(explain(status, "VI_9", now_ms).error().message,
              "no VRRP instance and no virtual server is called VI_9; there is VI_1, "
              "192.0.2.10:80/tcp, 192.0.2.10:443/tcp and 192.0.2.1:80/tcp");
    EXPECT_FALSE(explain({}, "", now_ms));
}

TEST(ExplainVirtualServer, ShowsItsServersAndTheirChecks) {
    api::Status status = three_services();
    EXPECT_EQ(text_of(*explain(status, "192.0.2.1", now_ms)),
              "192.0.2.1:80/tcp is up: 1 of 1 real servers are up, forwarded by bypass\n"
              "10.0.0.11:80 is up, weight 1; TCP_CHECK on 10.0.0.11:80 passes: L4OK connected\n"
              "if its real servers all fail: down: its packets are not forwarded any more\n");
    api::DestinationStats& stats =
        *status.mutable_virtual_servers(2)->mutable_real_servers(0)->mutable_stats();
    stats.set_resolved(true);
    stats.set_interface("eth1");
    EXPECT_TRUE(contains(text_of(*explain(status, "192.0.2.1", now_ms)),
                         "L4OK connected; its packets leave by eth1\n"));
    stats.set_uncached_reason("the driver of eth1 takes none");
    EXPECT_TRUE(contains(
        text_of(*explain(status, "192.0.2.1", now_ms)),
        " leave by eth1, none of them by the flow cache: the driver of eth1 takes none\n"));
    status.mutable_virtual_servers(2)->set_placement("none: lb_kind NAT is not supported");
    EXPECT_TRUE(contains(text_of(*explain(status, "192.0.2.1", now_ms)),
                         "is not forwarded: lb_kind NAT is not supported\n"));
}

TEST(Words, OfTimes) {
    EXPECT_EQ(time_words(-1), "0.00s");
    EXPECT_EQ(time_words(59'999), "59.99s");
    EXPECT_EQ(time_words(60'000), "1m00s");
    EXPECT_EQ(time_words(7'500'000), "2h05m");
}

}  // namespace
}  // namespace headgate::explain
