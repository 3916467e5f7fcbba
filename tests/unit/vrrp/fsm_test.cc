// Goal: each transition of RFC 9568 section 6.4 (and RFC 3768, and keepalived's FAULT) happens at
// its exact time, with its actions in their order and with its reason.
// Method: stories. Each step is an event at a time, and what the machine must answer, written as
// one line of text; time is a parameter, so nothing waits.
#include "tests/unit/vrrp/story.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(FsmTimers, FollowTheRfcOfTheirVersion) {
    struct Case {
        std::string description;
        Parameters parameters;
        std::int64_t skew_us;
        std::int64_t master_down_us;
    };
    Parameters slow = version2();
    slow.advert_interval = seconds(10);
    for (const Case& test : {
             Case{"v2, priority 100: 156/256 s", version2(), 609375, 3609375},
             Case{"v2, priority 254", version2(254), 7812, 3007812},
             Case{"v2, priority 1", version2(1), 996093, 3996093},
             Case{"v2: the skew does not grow with the interval", slow, 609375, 30609375},
             Case{"v3: a share of the interval", version3(), 60937, 360937},
             Case{"v3, 10 ms", version3(200, milliseconds(10)), 2187, 32187},
         }) {
        Story story(test.parameters);
        EXPECT_EQ(duration_cast<microseconds>(story.fsm.skew()).count(), test.skew_us)
            << test.description;
        story.start();
        EXPECT_EQ(story.deadline_us(), test.master_down_us) << test.description;
    }
}

TEST(FsmStart, IsBackupWithTheFullTimerAndRemovesWhatAnEarlierRunLeft) {
    Story story(version2());
    EXPECT_EQ(story.start(), "because started, remove");
    EXPECT_EQ(story.fsm.state(), State::backup);
    EXPECT_EQ(story.time(microseconds(3609374)), "");
    EXPECT_EQ(story.time(microseconds(3609375)), silent);
    EXPECT_EQ(story.fsm.state(), State::master);
    EXPECT_EQ(story.fsm.master_address(), own);
}

TEST(FsmStart, AnOwnerIsMasterAtOnce) {
    Story story(version2(255));
    EXPECT_EQ(story.start(), "advert 255, because priority 255 owns the addresses, add, garp");
    EXPECT_EQ(story.fsm.state(), State::master);
}

TEST(FsmStart, WithoutAnInterfaceIsFaultUntilItComes) {
    Story story(version2());
    EXPECT_EQ(text_of(story.fsm.start_faulty(Instant{})),
              "because something it needs is not there, remove");
    EXPECT_EQ(story.deadline_us(), -1);
    EXPECT_EQ(story.heard(seconds(1), 50), "");
    EXPECT_EQ(story.up(seconds(2)), "because what was wrong is over, remove");
    EXPECT_EQ(story.fsm.state(), State::backup);
    EXPECT_EQ(story.deadline_us(), 5609375);
}

TEST(FsmBackup, EachAdvertOfTheMasterRestartsTheTimer) {
    Story story(version2());
    story.start();
    EXPECT_EQ(story.heard(seconds(3), 150), "");
    EXPECT_EQ(story.deadline_us(), 6609375);
    EXPECT_EQ(story.fsm.master_address(), higher_address);
    EXPECT_EQ(story.fsm.master_priority(), 150);
    EXPECT_EQ(story.heard(seconds(4), 100, lower_address), "") << "equal priority is a master too";
    EXPECT_EQ(story.deadline_us(), 7609375);
}

TEST(FsmBackup, PreemptsAWeakerMasterWhenItsTimerFires) {
    Story story(version2());
    story.start();
    EXPECT_EQ(story.heard(seconds(1), 99), "note an advert with a lower priority was ignored");
    EXPECT_EQ(story.deadline_us(), 3609375) << "the timer goes on";
    EXPECT_EQ(story.time(seconds(4)),
              "advert 100, because the master has a lower priority, add, garp");
}

TEST(FsmBackup, WithNopreemptFollowsAWeakerMaster) {
    Parameters parameters = version2();
    parameters.preempt = false;
    Story story(parameters);
    story.start();
    EXPECT_EQ(story.heard(seconds(1), 1), "");
    EXPECT_EQ(story.deadline_us(), 4609375);
    EXPECT_EQ(story.fsm.master_priority(), 1);
}

TEST(FsmBackup, AnOwnerPreemptsEvenWithNopreempt) {
    Parameters parameters = version2(255);
    parameters.preempt = false;
    Story story(parameters);
    story.start();
    // Another owner with a higher address has won; then one that is none turns up.
    EXPECT_EQ(story.heard(seconds(1), 255),
              "note another router owns the addresses, too (priority 255), because an advert with "
              "a higher priority was heard, remove");
    EXPECT_EQ(story.heard(seconds(2), 254), "note an advert with a lower priority was ignored");
}

TEST(FsmBackup, TakesOverAfterTheSkewWhenTheMasterResigns) {
    Story story(version2());
    story.start();
    story.heard(seconds(1), 150);
    EXPECT_EQ(story.heard(seconds(2), 0), "note the master resigned");
    EXPECT_EQ(story.deadline_us(), 2609375);
    EXPECT_EQ(story.heard(milliseconds(2300), 0), "") << "and no repetition puts it off";
    EXPECT_EQ(story.deadline_us(), 2609375);
    EXPECT_EQ(story.time(microseconds(2609375)),
              "advert 100, because the master resigned (priority 0), add, garp");
}

TEST(FsmBackup, AResignationNeverPutsTheTakeOverOff) {
    Story story(version2());
    story.start();
    EXPECT_EQ(story.heard(milliseconds(3500), 0), "");
    EXPECT_EQ(story.deadline_us(), 3609375);
}

TEST(FsmBackup, AnotherMasterAfterTheResignationIsFollowed) {
    Story story(version2());
    story.start();
    story.heard(seconds(1), 0);
    EXPECT_EQ(story.heard(milliseconds(1100), 120), "");
    EXPECT_EQ(story.deadline_us(), 4709375);
    EXPECT_EQ(story.time(microseconds(4709375)), silent);
}

TEST(FsmBackup, LearnsTheIntervalInVersion3Only) {
    Story three(version3());
    three.start();
    three.heard(seconds(0), 150, higher_address, seconds(1));
    EXPECT_EQ(three.deadline_us(), 3609375);
    EXPECT_EQ(duration_cast<microseconds>(three.fsm.skew()).count(), 609375);
    // As master it uses its own again.
    three.time(microseconds(3609375));
    EXPECT_EQ(three.deadline_us(), 3709375);

    Story two(version2());
    two.start();
    two.heard(seconds(0), 150, higher_address, seconds(9));
    EXPECT_EQ(two.deadline_us(), 3609375);
}

TEST(FsmMaster, AdvertisesOnceAnIntervalWithoutDrift) {
    Story story(version2());
    story.become_master();
    const std::int64_t begin_us = 3609375;
    EXPECT_EQ(story.deadline_us(), begin_us + 1000000);
    EXPECT_EQ(story.time(microseconds(begin_us + 999999)), "");
    EXPECT_EQ(story.time(microseconds(begin_us + 1030000)), "advert 100") << "30 ms late";
    EXPECT_EQ(story.deadline_us(), begin_us + 2000000);
    EXPECT_EQ(story.time(microseconds(begin_us + 7000000)), "advert 100") << "5 s late: once";
    EXPECT_EQ(story.deadline_us(), begin_us + 8000000);
}

TEST(FsmMaster, YieldsToTheStrongerAndFollowsIt) {
    struct Case {
        std::string description;
        std::uint8_t priority;
        IpAddress source;
        bool yields;
    };
    for (const Case& test : {Case{"higher priority", 101, lower_address, true},
                             Case{"equal priority, higher address", 100, higher_address, true},
                             Case{"equal priority, lower address", 100, lower_address, false},
                             Case{"lower priority", 99, higher_address, false}}) {
        Story story(version2());
        story.become_master();
        const std::string answer = story.heard(seconds(5), test.priority, test.source);
        EXPECT_EQ(answer, test.yields
                              ? "because an advert with a higher priority was heard, remove"
                              : "note another master with a lower priority was heard, advert 100, "
                                "garp")
            << test.description;
        EXPECT_EQ(story.fsm.state(), test.yields ? State::backup : State::master)
            << test.description;
        EXPECT_EQ(story.deadline_us(), test.yields ? 8609375 : 6000000) << test.description;
        EXPECT_EQ(story.fsm.master_address(), test.yields ? test.source : own) << test.description;
    }
}

TEST(FsmMaster, WithNopreemptYieldsToTheStrongerAllTheSame) {
    Parameters parameters = version2();
    parameters.preempt = false;
    Story story(parameters);
    story.become_master();
    EXPECT_EQ(story.heard(seconds(5), 101),
              "because an advert with a higher priority was heard, remove");
}

TEST(FsmMaster, AnswersAFloodOfWeakerAdvertsOncePerHalfInterval) {
    Story story(version2());
    story.become_master();
    EXPECT_NE(story.heard(seconds(5), 50), "");
    EXPECT_EQ(story.heard(milliseconds(5001), 50), "");
    EXPECT_EQ(story.heard(milliseconds(5499), 50), "");
    EXPECT_NE(story.heard(milliseconds(5500), 50), "");
}

TEST(FsmMaster, AnswersAResignationAtOnce) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.heard(seconds(4), 0), "advert 100");
    EXPECT_EQ(story.deadline_us(), 5000000);
}

TEST(FsmMaster, ResignsAfterRemovingTheVipsWhenStopped) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.stop(seconds(5)), "remove, advert 0, because stopped");
    EXPECT_EQ(story.fsm.state(), State::init);
    EXPECT_EQ(story.deadline_us(), -1);
    EXPECT_EQ(story.stop(seconds(6)), "");
}

TEST(FsmBackup, StopsWithoutAnAdvert) {
    Story story(version2());
    story.start();
    EXPECT_EQ(story.stop(seconds(1)), "because stopped");
}

TEST(FsmFault, AMasterResignsIntoItAndComesBackAsBackup) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.down(seconds(5)),
              "remove, advert 0, because something it needs is not there, remove");
    EXPECT_EQ(story.fsm.state(), State::fault);
    EXPECT_EQ(story.deadline_us(), -1);
    EXPECT_EQ(story.down(seconds(6)), "");
    EXPECT_EQ(story.time(seconds(60)), "");
    EXPECT_EQ(story.heard(seconds(61), 50), "");
    EXPECT_EQ(story.up(seconds(70)), "because what was wrong is over, remove");
    EXPECT_EQ(story.deadline_us(), 73609375);
}

const std::string stepped_down = "remove, advert 0, because it was told to step down, remove";

TEST(FsmYield, StepsDownFollowsAWeakerMasterAndComesBackAfterTheTime) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.yield(seconds(5), seconds(60)), stepped_down);
    EXPECT_EQ(story.fsm.state(), State::backup);
    for (int second = 6; second < 60; ++second)
        EXPECT_EQ(story.heard(seconds(second), 50), "");
    EXPECT_EQ(story.fsm.state(), State::backup);
    EXPECT_EQ(story.deadline_us(), 60'000'000) << "the end of the hold";
    EXPECT_EQ(story.time(seconds(60)), "");
    EXPECT_FALSE(story.fsm.held_until());
    EXPECT_EQ(story.heard(seconds(60), 50), "note an advert with a lower priority was ignored");
    EXPECT_EQ(story.deadline_us(), 62'609'375) << "the timer of the last advert it followed";
    EXPECT_EQ(story.time(microseconds(62'609'375)),
              "advert 100, because the master has a lower priority, add, garp");
}

TEST(FsmYield, TakesOverLastWhenNobodyElseDoes) {
    Story story(version2());
    story.become_master();
    story.yield(seconds(5), seconds(60));
    // One advert and the skew of priority 1: whoever heard the resignation is MASTER by then.
    EXPECT_EQ(story.deadline_us(), 5'000'000 + 1'996'093);
    EXPECT_EQ(story.time(microseconds(6'996'094)),
              "advert 100, because no other router took over, add, garp");
    EXPECT_FALSE(story.fsm.held_until()) << "there is nobody to hold back for";
}

TEST(FsmYield, TakesOverAfterTheSkewOfPriorityOneWhenTheNewMasterResigns) {
    Story story(version2(255));
    story.become_master();
    story.yield(seconds(5), seconds(60));
    story.heard(seconds(6), 50);
    EXPECT_EQ(story.heard(seconds(7), 0), "note the master resigned");
    EXPECT_EQ(story.deadline_us(), 7'996'093);
    EXPECT_EQ(story.time(microseconds(7'996'094)),
              "advert 255, because the master resigned (priority 0), add, garp");
}

TEST(FsmYield, TakesOverWhenTheNewMasterFallsSilent) {
    Story story(version2());
    story.become_master();
    story.yield(seconds(5), seconds(60));
    story.heard(seconds(6), 50);
    EXPECT_EQ(story.time(microseconds(9'996'093)), "");
    EXPECT_EQ(story.time(microseconds(9'996'094)), silent);
}

TEST(FsmYield, HoldsBackAnOwnerAndOneThatIsStartedWithTheHold) {
    Story story(version2(255));
    EXPECT_EQ(story.yield(seconds(-1), seconds(60)), "");
    EXPECT_EQ(story.start(), "because started, remove");
    EXPECT_EQ(story.heard(seconds(1), 50), "");
    EXPECT_EQ(story.down(seconds(2)), "because something it needs is not there, remove");
    EXPECT_EQ(story.up(seconds(3)), "because what was wrong is over, remove");
    EXPECT_EQ(story.heard(seconds(4), 50), "");
}

TEST(FsmYield, EndsWhenItIsTakenBack) {
    Story story(version2());
    story.become_master();
    story.yield(seconds(5), seconds(60));
    story.heard(seconds(6), 50);
    story.fsm.end_hold();
    EXPECT_EQ(story.heard(seconds(7), 50), "note an advert with a lower priority was ignored");
    EXPECT_EQ(story.deadline_us(), 9'609'375);
}

TEST(FsmYield, SurvivesAnotherConfiguration) {
    Story story(version2());
    story.become_master();
    story.yield(seconds(5), seconds(60));
    story.reconfigure(seconds(6), version2(200), true);
    EXPECT_EQ(story.heard(seconds(7), 50), "");
}

TEST(FsmInterface, AnotherSourceAddressIsUsedForTheNextTieBreak) {
    Story story(version2());
    story.become_master();
    story.fsm.set_own_address(higher_address);
    EXPECT_EQ(story.fsm.master_address(), higher_address);
    EXPECT_EQ(story.fsm.state(), State::master);
    EXPECT_NE(story.heard(seconds(5), 100, own), "");
    EXPECT_EQ(story.fsm.state(), State::master);
}

TEST(FsmReconfigure, AMasterStaysMasterAndTellsTheOthers) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.reconfigure(milliseconds(3700), version2(120)), "advert 120");
    EXPECT_EQ(story.fsm.state(), State::master);
    EXPECT_EQ(story.fsm.reason(), Event::master_silent);
    EXPECT_EQ(story.deadline_us(), 4700000);
    EXPECT_EQ(story.reconfigure(milliseconds(3800), version2(120)), "") << "nothing has changed";
    EXPECT_EQ(story.deadline_us(), 4700000);
}

TEST(FsmReconfigure, AMasterAnnouncesNewAddresses) {
    Story story(version2());
    story.become_master();
    EXPECT_EQ(story.reconfigure(seconds(20), version2(), true), "advert 100, add, garp");
}

TEST(FsmReconfigure, ABackupsRunningTimerMovesByTheDifference) {
    Story story(version2());
    story.start();
    story.heard(seconds(1), 250);
    EXPECT_EQ(story.reconfigure(seconds(2), version2(200)), "");
    EXPECT_EQ(story.deadline_us(), 1000000 + 3000000 + 218750);
    EXPECT_EQ(story.fsm.master_priority(), 250);
}

TEST(FsmReconfigure, AVersion3BackupKeepsTheLearnedInterval) {
    Story story(version3());
    story.start();
    story.heard(seconds(0), 150, higher_address, seconds(1));
    story.reconfigure(seconds(1), version3(100, milliseconds(50)), true);
    EXPECT_EQ(story.deadline_us(), 3609375);
}

TEST(FsmReconfigure, WithPreemptTurnedOnTheNextWeakAdvertIsIgnored) {
    Parameters parameters = version2();
    parameters.preempt = false;
    Story story(parameters);
    story.start();
    story.heard(seconds(1), 50);
    story.reconfigure(seconds(2), version2());
    EXPECT_EQ(story.heard(seconds(2), 50), "note an advert with a lower priority was ignored");
    EXPECT_EQ(story.time(seconds(5)),
              "advert 100, because the master has a lower priority, add, garp");
}

}  // namespace
}  // namespace headgate::vrrp
