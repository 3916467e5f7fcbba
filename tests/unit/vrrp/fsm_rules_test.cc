// Goal: keepalived's rules around the elections of the RFCs: delays, owners, what a master tells a
// stronger or weaker one, late timers, trackers, faults from two sides, resuming, sync groups, and
// the suspicion of a second master.
// Method: stories, as in fsm_test.cc.
#include "tests/unit/vrrp/story.h"

#include <string>

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

const std::string discarded = "note an advert with a lower priority was ignored";
const std::string forced = "note another master with a lower priority was heard, advert 100, garp";
const std::string yielded_to_stronger =
    "because an advert with a higher priority was heard, remove";
const std::string started = "because started, remove";

template <typename Change>
Parameters with(Parameters parameters, Change change) {
    change(parameters);
    return parameters;
}

// ---- preempt_delay ------------------------------------------------------------------------------

Parameters delayed(Duration delay = seconds(10)) {
    return with(version2(), [&](Parameters& p) { p.preempt_delay = delay; });
}

TEST(PreemptDelay, BeginsWithTheFirstWeakerAdvertAndFollowsUntilItEnds) {
    Story story(delayed());
    story.start();
    EXPECT_EQ(story.heard(seconds(2), 50), "note the preempt delay has begun");
    EXPECT_EQ(story.fsm.preempt_allowed(), Story::at(12));
    for (int second = 3; second < 12; ++second)
        EXPECT_EQ(story.heard(seconds(second), 50), "");
    EXPECT_EQ(story.deadline_us(), 11'000'000 + 3'609'375);
    EXPECT_EQ(story.heard(seconds(12), 50), discarded);
    EXPECT_EQ(story.deadline_us(), 14'609'375) << "the timer of the last advert it followed";
    EXPECT_EQ(story.time(microseconds(14'609'375)),
              "advert 100, because the master has a lower priority, add, garp");
    EXPECT_FALSE(story.fsm.preempt_allowed());
}

TEST(PreemptDelay, DoesNotDelayATakeOverFromASilentOrResigningMaster) {
    Story silent_master(delayed());
    silent_master.start();
    silent_master.heard(seconds(1), 50);
    EXPECT_EQ(silent_master.time(microseconds(4'609'375)), silent);

    Story resigning(delayed());
    resigning.start();
    resigning.heard(seconds(1), 50);
    EXPECT_EQ(resigning.heard(seconds(2), 0), "note the master resigned");
    EXPECT_EQ(resigning.deadline_us(), 2'609'375);
}

TEST(PreemptDelay, BeginsAnewAfterAStrongerOrEqualMaster) {
    for (const std::uint8_t priority : {std::uint8_t{100}, std::uint8_t{150}}) {
        Story story(delayed());
        story.start();
        story.heard(seconds(1), 50);
        EXPECT_EQ(story.heard(seconds(5), priority),
                  "note a stronger master ended the preempt delay");
        EXPECT_FALSE(story.fsm.preempt_allowed());
        EXPECT_EQ(story.heard(seconds(20), 50), "note the preempt delay has begun");
        EXPECT_EQ(story.fsm.preempt_allowed(), Story::at(30));
    }
}

TEST(PreemptDelay, MeansNothingWithNopreemptAndToAnOwner) {
    Story patient(with(delayed(), [](Parameters& p) { p.preempt = false; }));
    patient.start();
    EXPECT_EQ(patient.heard(seconds(1), 50), "");
    EXPECT_EQ(patient.heard(seconds(60), 50), "");

    Story owner(with(delayed(), [](Parameters& p) { p.priority = 255; }));
    owner.yield(seconds(-2), seconds(1));
    owner.start();
    owner.time(seconds(1));
    EXPECT_EQ(owner.heard(seconds(2), 50), discarded);
}

// ---- starting -----------------------------------------------------------------------------------

TEST(StartupDelay, IsDeafAndWaitsTheWholeTimeAfterIt) {
    Story story(version2());
    EXPECT_EQ(story.start({.deaf_until = Story::at(5)}), started);
    EXPECT_EQ(story.deadline_us(), 8'609'375);
    EXPECT_EQ(story.heard(seconds(4), 150), "");
    EXPECT_FALSE(story.fsm.master_address()) << "nothing is heard before";
    EXPECT_EQ(story.heard(milliseconds(4500), 0), "");
    EXPECT_EQ(story.deadline_us(), 8'609'375);
    EXPECT_EQ(story.heard(seconds(5), 150), "");
    EXPECT_EQ(story.fsm.master_address(), higher_address);
    EXPECT_EQ(story.time(microseconds(8'609'375)), silent);
}

TEST(StartupDelay, HoldsAnOwnerToo) {
    Story story(version2(255));
    EXPECT_EQ(story.start({.deaf_until = Story::at(5)}), started);
    EXPECT_EQ(story.heard(seconds(1), 50), "");
    EXPECT_EQ(story.deadline_us(), 5'000'000);
    EXPECT_EQ(story.time(seconds(5)),
              "advert 255, because priority 255 owns the addresses, add, garp");
}

TEST(StartupDelay, OutlastsAFaultAndIsOverForGood) {
    Story story(version2());
    story.fsm.start_faulty(Story::at(0), {.deaf_until = Story::at(5)});
    story.fsm.set_own_address(own);
    story.up(seconds(1));
    EXPECT_EQ(story.deadline_us(), 8'609'375);
    story.down(seconds(6));
    story.up(seconds(7));
    EXPECT_EQ(story.deadline_us(), 10'609'375);
}

TEST(Resume, GoesOnAsMasterAtOnceAndListens) {
    Story story(version2());
    EXPECT_EQ(story.start({.deaf_until = Story::at(5), .resume = true}),
              "advert 100, because it was MASTER a moment ago, and its lease has not ended, add, "
              "garp");
    EXPECT_EQ(story.heard(seconds(1), 150), yielded_to_stronger);
    EXPECT_EQ(story.fsm.master_address(), higher_address) << "and it is not deaf";
    EXPECT_EQ(story.heard(seconds(2), 0), "note the master resigned");
}

TEST(Resume, NotWhileItIsToHoldBack) {
    Story story(version2());
    story.yield(seconds(-1), seconds(60));
    EXPECT_EQ(story.start({.resume = true}), started);
}

// ---- timers -------------------------------------------------------------------------------------

TEST(DownTimerAdverts, AreThoseThatABackupWaitsFor) {
    Story story(with(version2(), [](Parameters& p) { p.down_timer_adverts = 7; }));
    story.start();
    EXPECT_EQ(story.deadline_us(), 7'609'375);
    story.reconfigure(seconds(1),
                      with(version2(), [](Parameters& p) { p.down_timer_adverts = 1; }));
    EXPECT_EQ(story.deadline_us(), 1'609'375);
}

TEST(LateTimer, OfAMasterMeansThatAnotherHasTakenOver) {
    const auto late = [](Parameters& p) { p.late_takeover_priority = 254; };
    Story story(with(version2(), late));
    story.become_master();
    const std::int64_t begin_us = 3'609'375;
    const std::int64_t takeover_us = 3'007'812;  // of priority 254
    EXPECT_EQ(story.time(microseconds(begin_us + takeover_us)), "advert 100") << "just in time";
    EXPECT_EQ(story.time(microseconds(begin_us + 2 * takeover_us + 1000)),
              "because its timer was so late that another router has taken over, remove");
    EXPECT_EQ(story.fsm.state(), State::backup);
    EXPECT_EQ(story.deadline_us(), begin_us + 2 * takeover_us + 1000 + 3'609'375);

    Story off(version2());
    off.become_master();
    EXPECT_EQ(off.time(seconds(100)), "advert 100");
}

// ---- two masters --------------------------------------------------------------------------------

TEST(HigherPrioSendAdvert, IsTheLastWordOfAMaster) {
    Story story(with(version2(), [](Parameters& p) { p.higher_prio_send_advert = true; }));
    story.become_master();
    EXPECT_EQ(story.heard(seconds(5), 150), "advert 100, " + yielded_to_stronger);
    EXPECT_EQ(story.deadline_us(), 8'609'375);
}

TEST(LowerPrioNoAdvert, AnnouncesButDoesNotAnswer) {
    Story story(with(version2(), [](Parameters& p) { p.lower_prio_no_advert = true; }));
    story.become_master();
    EXPECT_EQ(story.heard(seconds(4), 50),
              "note another master with a lower priority was heard; no reply, garp");
    EXPECT_EQ(story.deadline_us(), 4'609'375) << "its next advert comes when it was due";
}

TEST(OwnAddress, InAnAdvertOfTheSamePriorityIsOnlyAWarning) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.heard(seconds(4), 100, own),
              "note an advert with our own address and priority was heard");
    EXPECT_EQ(story.fsm.state(), State::master);
}

TEST(TieBreak, ComparesIpv6AddressesAsNumbers) {
    struct Case {
        std::string mine;
        std::string other;
        bool yields;
    };
    for (const Case& test :
         {Case{"fe80::1", "fe80::2", true}, Case{"fe80::2", "fe80::1", false},
          Case{"fe80::ff", "fe80::100", true}, Case{"fe80::1:0:0:0", "fe80::ffff", false}}) {
        Story story(version3());
        story.fsm.start(Story::at(0), *IpAddress::parse(test.mine));
        story.fsm.on_deadline(*story.fsm.deadline());
        story.heard(seconds(1), 100, *IpAddress::parse(test.other));
        EXPECT_EQ(story.fsm.state(), test.yields ? State::backup : State::master)
            << test.mine << " beside " << test.other;
    }
}

TEST(TwoOwners, TheLowerAddressYieldsAndSaysSo) {
    Story story(version2(255));
    story.start();
    EXPECT_EQ(story.heard(seconds(1), 255, higher_address),
              "note another router owns the addresses, too (priority 255), " + yielded_to_stronger);
    EXPECT_EQ(story.heard(seconds(2), 255, higher_address), "") << "and follows";
}

TEST(TwoOwners, TheHigherAddressGivesWayToOneThatDoesNotYield) {
    Story story(version2(255));
    story.start();
    const std::string ignored =
        "note another router owns the addresses, too (priority 255), note another master with a "
        "lower priority was heard, advert 255, garp";
    EXPECT_EQ(story.heard(milliseconds(100), 255, lower_address), ignored);
    EXPECT_EQ(story.heard(milliseconds(1100), 255, lower_address), ignored) << "two adverts";
    EXPECT_EQ(story.heard(milliseconds(1250), 255, lower_address),
              "note another router owns the addresses, too (priority 255)")
        << "a third one, but too soon";
    EXPECT_EQ(story.fsm.state(), State::master);
    EXPECT_EQ(story.heard(milliseconds(2100), 255, lower_address),
              "note another router owns the addresses, too (priority 255), because another router "
              "owns the addresses, too, and does not yield, remove");
    EXPECT_EQ(story.fsm.effective_priority(), 254);
    EXPECT_EQ(story.heard(milliseconds(3100), 255, lower_address), "");
    EXPECT_EQ(story.fsm.effective_priority(), 254);
    // The rogue is gone, another is master: an owner does not follow it.
    EXPECT_EQ(story.heard(milliseconds(3200), 120, lower_address), discarded);
    EXPECT_EQ(story.fsm.effective_priority(), 255);
    EXPECT_EQ(story.time(milliseconds(6200)),
              "advert 255, because the master has a lower priority, add, garp");
}

TEST(OwnerIgnoreAdverts, ListensToNobody) {
    Story story(with(version2(255), [](Parameters& p) { p.owner_ignore_adverts = true; }));
    story.start();
    EXPECT_EQ(story.heard(seconds(1), 255, higher_address), "");
    EXPECT_EQ(story.fsm.state(), State::master);
    // Without priority 255 the word has no meaning.
    Story other(with(version2(), [](Parameters& p) { p.owner_ignore_adverts = true; }));
    other.become_master();
    EXPECT_EQ(other.heard(seconds(4), 255, higher_address), yielded_to_stronger);
}

TEST(SplitBrain, IsSuspectedOfAWeakerMasterThatGoesOn) {
    Story story(version2());
    story.become_master();
    const std::string begun =
        "note two masters: one with a lower priority does not yield, " + forced;
    EXPECT_EQ(story.heard(seconds(10), 50), forced);
    EXPECT_EQ(story.heard(seconds(12), 50), forced);
    EXPECT_EQ(story.heard(seconds(14), 50), forced) << "4 s: as long as the protocol explains";
    EXPECT_FALSE(story.fsm.split_brain());
    EXPECT_EQ(story.heard(milliseconds(14'500), 50), begun);
    ASSERT_TRUE(story.fsm.split_brain());
    EXPECT_EQ(story.fsm.split_brain()->other, higher_address);
    EXPECT_EQ(story.fsm.split_brain()->priority, 50);
    EXPECT_EQ(story.fsm.split_brain()->since, Story::at(10));
    EXPECT_EQ(story.heard(seconds(15), 50), forced) << "it begins once";
    EXPECT_EQ(story.fsm.count(Event::split_brain_begun), 1U);
    // The second master is silent. Our own adverts go on.
    story.time(seconds(16));
    story.time(seconds(19));
    EXPECT_TRUE(story.fsm.split_brain());
    EXPECT_EQ(story.time(milliseconds(19'001)), "note the second master is silent");
    EXPECT_FALSE(story.fsm.split_brain());
    EXPECT_EQ(story.heard(seconds(25), 50), forced) << "a new one takes its time again";
}

TEST(SplitBrain, EndsWithOurOwnMastership) {
    Story story(version2());
    story.become_master();
    for (int second = 10; second <= 15; ++second)
        story.heard(seconds(second), 50);
    EXPECT_EQ(story.heard(seconds(16), 150),
              "note the second master is silent, " + yielded_to_stronger);
    EXPECT_FALSE(story.fsm.split_brain());
}

TEST(SplitBrain, IsSeenByABackupToo) {
    Story story(version2());
    story.start();
    for (int second = 1; second <= 5; ++second) {
        EXPECT_EQ(story.heard(seconds(second), 200, higher_address), "");
        EXPECT_EQ(story.heard(milliseconds(second * 1000 + 500), 150, lower_address), "");
    }
    story.heard(seconds(6), 200, higher_address);
    EXPECT_EQ(story.heard(milliseconds(6500), 150, lower_address),
              "note two masters: one with a lower priority does not yield");
    EXPECT_EQ(story.fsm.split_brain()->other, lower_address);
}

TEST(SplitBrain, IsNotSuspectedOfAMasterThatIsReplaced) {
    Story story(version2());
    story.start();
    for (int second = 1; second <= 10; ++second)
        story.heard(seconds(second), 150, lower_address);
    for (int second = 11; second <= 20; ++second)
        EXPECT_EQ(story.heard(seconds(second), 200, higher_address), "");
    story.heard(milliseconds(20'100), 150, lower_address);
    EXPECT_FALSE(story.fsm.split_brain());
}

// ---- trackers and faults ------------------------------------------------------------------------

TEST(Weight, ChangesThePriorityThatIsAdvertisedAndTheRunningTimer) {
    Story story(version2());
    story.start();
    EXPECT_EQ(text_of(story.fsm.on_weight(Story::at(1), 56)), "");
    EXPECT_EQ(story.fsm.effective_priority(), 156);
    EXPECT_EQ(story.deadline_us(), 3'390'625);
    EXPECT_EQ(story.heard(seconds(2), 150), discarded);
    story.time(seconds(4));
    EXPECT_EQ(text_of(story.fsm.on_weight(Story::at(5), -20)), "advert 80");
    EXPECT_EQ(story.fsm.master_priority(), 80);
    EXPECT_EQ(text_of(story.fsm.on_weight(Story::at(5), -20)), "");
    EXPECT_EQ(story.heard(milliseconds(5100), 81), yielded_to_stronger);
}

TEST(Weight, LeavesThePriorityBetween1And254AndAnOwnerAlone) {
    Story story(version2());
    story.start();
    story.fsm.on_weight(Story::at(0), -200);
    EXPECT_EQ(story.fsm.effective_priority(), 1);
    story.fsm.on_weight(Story::at(0), 200);
    EXPECT_EQ(story.fsm.effective_priority(), 254);
    story.reconfigure(seconds(1), version2(255));
    EXPECT_EQ(story.fsm.effective_priority(), 255);
}

TEST(Fault, OfTwoSourcesEndsWhenBothAreOver) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(text_of(story.fsm.on_fault(Story::at(5), FaultSource::group)),
              "remove, advert 0, because its sync group is in FAULT, remove");
    EXPECT_EQ(story.down(seconds(6)), "");
    EXPECT_EQ(text_of(story.fsm.on_recovery(Story::at(7), FaultSource::group)), "");
    EXPECT_EQ(story.fsm.state(), State::fault);
    EXPECT_EQ(story.up(seconds(8)), "because what was wrong is over, remove");
    EXPECT_EQ(story.deadline_us(), 11'609'375);
}

// ---- sync groups --------------------------------------------------------------------------------

Parameters member(std::uint8_t priority = 100) {
    return with(version2(priority), [](Parameters& p) { p.grouped = true; });
}

TEST(Member, WantsToBeMasterAndWaitsForItsGroup) {
    Story story(member());
    story.start();
    EXPECT_FALSE(story.fsm.wants_master());
    EXPECT_EQ(story.time(microseconds(3'609'375)), "");
    EXPECT_TRUE(story.fsm.wants_master());
    EXPECT_EQ(story.deadline_us(), -1) << "nothing more to wait for";
    EXPECT_EQ(story.heard(seconds(5), 50), discarded);
    EXPECT_EQ(story.heard(seconds(5), 0), "");
    EXPECT_TRUE(story.fsm.wants_master()) << "neither is a master to follow";
    EXPECT_EQ(text_of(story.fsm.take_over(Story::at(6))),
              "advert 100, because the master has a lower priority, add, garp");
}

TEST(Member, NoLongerWantsToWhenThereIsAMaster) {
    Story story(member());
    story.start();
    story.time(seconds(4));
    EXPECT_EQ(story.heard(seconds(5), 150), "");
    EXPECT_FALSE(story.fsm.wants_master());
    EXPECT_EQ(story.deadline_us(), 8'609'375);
}

TEST(Member, StepsBackWithAResignation) {
    Story story(member());
    story.start();
    story.time(seconds(4));
    story.fsm.take_over(Story::at(4));
    EXPECT_EQ(text_of(story.fsm.step_back(Story::at(5))),
              "remove, advert 0, because another member of its sync group is not MASTER, remove");
    EXPECT_EQ(story.deadline_us(), 8'609'375);
}

TEST(Member, ThatIsAnOwnerWantsToAtOnce) {
    Story story(member(255));
    EXPECT_EQ(story.start(), started);
    EXPECT_TRUE(story.fsm.wants_master());
    EXPECT_EQ(text_of(story.fsm.take_over(Story::at(0))),
              "advert 255, because priority 255 owns the addresses, add, garp");
}

TEST(Member, OfAnInitialMasterWaitsForOneAdvertTheFirstTime) {
    Story story(with(member(), [](Parameters& p) { p.initial_master = true; }));
    story.start();
    EXPECT_EQ(story.deadline_us(), 1'003'906);
    story.down(seconds(1));
    story.up(seconds(2));
    EXPECT_EQ(story.deadline_us(), 5'609'375) << "after a fault it is a backup like any other";
    // Outside a group the word only sets other defaults.
    Story alone(with(version2(), [](Parameters& p) { p.initial_master = true; }));
    alone.start();
    EXPECT_EQ(alone.deadline_us(), 3'609'375);
}

TEST(Member, ThatLeavesItsGroupDoesWhatItWantedTo) {
    Story story(member());
    story.start();
    story.time(seconds(4));
    story.reconfigure(seconds(5), version2());
    EXPECT_FALSE(story.fsm.wants_master());
    EXPECT_EQ(story.deadline_us(), 3'609'375);
    EXPECT_EQ(story.time(seconds(5)), silent);
}

TEST(Counters, KnowEveryReason) {
    Story story(version2());
    story.become_master();
    story.down(seconds(5));
    story.up(seconds(6));
    story.stop(seconds(7));
    for (const Event event :
         {Event::started, Event::master_silent, Event::fault, Event::recovered, Event::stopped})
        EXPECT_EQ(story.fsm.count(event), 1U) << name_of(event);
    EXPECT_EQ(story.fsm.count(Event::owner), 0U);
    EXPECT_EQ(name_of(Event::master_silent), "master_silent");
}

}  // namespace
}  // namespace headgate::vrrp
