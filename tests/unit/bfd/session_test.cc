// Goal: each transition and each timer of RFC 5880 section 6.8 is exact.
// Method: stories. A session is told what it hears and when; what it sends is compared as one line
// of text. Time and randomness are parameters, so nothing waits and nothing varies.
#include "controlplane/bfd/session.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace headgate::bfd {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Parameters defaults{.min_tx = Microseconds(10'000),
                              .min_rx = Microseconds(10'000),
                              .idle_tx = Microseconds(1'000'000),
                              .detect_multiplier = 5,
                              .passive = false};
constexpr std::uint32_t our_discriminator = 7;
constexpr std::uint32_t their_discriminator = 9;

Instant at(Duration since_start) {
    return Instant(seconds(100)) + since_start;
}

std::string text_of(const Effects& effects) {
    std::string text = effects.transition ? "changed" : "";
    if (effects.send) {
        const ControlPacket& packet = *effects.send;
        text += fmt::format("{}{}{}{} to {} every {} us", text.empty() ? "" : ", ",
                            name_of(packet.state), packet.poll ? " poll" : "",
                            packet.final ? " final" : "", packet.your_discriminator,
                            packet.desired_min_tx.count());
    }
    return text;
}

// A session, and a peer that says what the story wants.
class Story {
public:
    explicit Story(const Parameters& parameters = defaults)
        : session(parameters, our_discriminator, random, at(seconds(0))) {
        peer.detect_multiplier = 3;
        peer.my_discriminator = their_discriminator;
        peer.desired_min_tx = peer.required_min_rx = Microseconds(20'000);
    }

    std::string hear(Duration when, State state) {
        peer.state = state;
        peer.your_discriminator = state == State::down ? 0 : our_discriminator;
        return text_of(session.on_packet(at(when), peer));
    }
    std::string wait_until(Duration when) { return text_of(session.on_deadline(at(when))); }
    // Up after 20 ms, with nothing left to agree on.
    void bring_up() {
        hear(milliseconds(10), State::down);
        peer.final = true;
        hear(milliseconds(20), State::init);
        peer.final = true;
        hear(milliseconds(20), State::up);
        peer.final = false;
        ASSERT_EQ(session.state(), State::up);
    }

    Random random{1};
    Session session;
    ControlPacket peer;
};

// ---- the way up and down ------------------------------------------------------------------------

TEST(BfdSession, SpeaksAtOnceAndThenIdles) {
    Story story;
    EXPECT_LE(story.session.deadline().value(), at(seconds(0)));
    EXPECT_EQ(story.wait_until(seconds(0)), "Down to 0 every 1000000 us");
    const Instant next = story.session.deadline().value();
    EXPECT_GE(next, at(milliseconds(750)));
    EXPECT_LE(next, at(milliseconds(1000)));
    EXPECT_EQ(story.wait_until(milliseconds(1000)), "Down to 0 every 1000000 us");
}

TEST(BfdSession, GoesUpInThreeSteps) {
    Story story;
    EXPECT_EQ(story.hear(milliseconds(10), State::down), "changed, Init to 9 every 1000000 us");
    EXPECT_EQ(story.session.state(), State::init);
    // Up means other times, which are a poll sequence's matter.
    EXPECT_EQ(story.hear(milliseconds(20), State::init), "changed, Up poll to 9 every 10000 us");
    EXPECT_EQ(story.session.state(), State::up);
}

TEST(BfdSession, GoesUpInTwoStepsWhenThePeerIsAhead) {
    Story story;
    EXPECT_EQ(story.hear(milliseconds(10), State::init), "changed, Up poll to 9 every 10000 us");
}

TEST(BfdSession, AnUpThatIsNoAnswerToUsIsNotBelieved) {
    Story story;
    EXPECT_EQ(story.hear(milliseconds(10), State::up), "");
    EXPECT_EQ(story.session.state(), State::down);
}

TEST(BfdSession, FollowsThePeerDown) {
    for (const State heard : {State::down, State::admin_down}) {
        Story story;
        story.bring_up();
        EXPECT_EQ(story.hear(milliseconds(30), heard), "changed, Down to 9 every 1000000 us");
        EXPECT_EQ(story.session.diagnostic(), Diagnostic::neighbor_down);
    }
}

TEST(BfdSession, AnAdministrativelyDownPeerBringsItNowhere) {
    Story story;
    EXPECT_EQ(story.hear(milliseconds(10), State::admin_down), "");
    EXPECT_EQ(story.session.state(), State::down);
}

TEST(BfdSession, ShutDownTellsThePeerAndListensNoMore) {
    Story story;
    story.bring_up();
    EXPECT_EQ(text_of(story.session.shut_down()), "changed, AdminDown to 9 every 1000000 us");
    EXPECT_EQ(story.session.diagnostic(), Diagnostic::administratively_down);
    EXPECT_FALSE(story.session.deadline());
    EXPECT_EQ(story.hear(milliseconds(40), State::down), "");
    EXPECT_EQ(text_of(story.session.shut_down()), "");
}

// ---- silence ------------------------------------------------------------------------------------

TEST(BfdSession, SilenceOfTheDetectionTimeEndsIt) {
    Story story;
    story.bring_up();
    // The peer's multiplier times the slower of its sending and our receiving.
    EXPECT_EQ(story.session.detection_time(), milliseconds(60));
    while (story.session.deadline().value() < at(milliseconds(80)))
        ASSERT_EQ(text_of(story.session.on_deadline(*story.session.deadline())),
                  "Up to 9 every 10000 us");
    EXPECT_EQ(story.session.deadline(), at(milliseconds(80)));
    EXPECT_EQ(story.wait_until(milliseconds(80)), "changed, Down to 0 every 1000000 us");
    EXPECT_EQ(story.session.diagnostic(), Diagnostic::detection_time_expired);
}

TEST(BfdSession, SilenceEndsInitToo) {
    Story story;
    story.hear(milliseconds(10), State::down);
    EXPECT_EQ(story.wait_until(milliseconds(70)), "changed, Down to 0 every 1000000 us");
}

TEST(BfdSession, OurOwnReceivingRateCountsWhereItIsSlower) {
    Parameters slow = defaults;
    slow.min_rx = Microseconds(50'000);
    Story story(slow);
    story.bring_up();
    EXPECT_EQ(story.session.detection_time(), milliseconds(150));
}

TEST(BfdSession, EveryPacketRestartsThePatience) {
    Story story;
    story.bring_up();
    story.hear(milliseconds(79), State::up);
    story.wait_until(milliseconds(138));
    EXPECT_EQ(story.session.state(), State::up);
    story.wait_until(milliseconds(139));
    EXPECT_EQ(story.session.state(), State::down);
}

// ---- sending ------------------------------------------------------------------------------------

// The distances of `count` periodic packets from an Up session whose peer hears every 20 ms.
std::pair<Duration, Duration> spread(const Parameters& parameters) {
    Story story(parameters);
    story.bring_up();
    story.peer.desired_min_tx = Microseconds(4'000'000);
    story.hear(milliseconds(20), State::up);
    Duration shortest = seconds(1);
    Duration longest{};
    Instant last = at(milliseconds(20));
    story.session.on_deadline(story.session.deadline().value());
    for (int count = 0; count < 300; ++count) {
        last = *story.session.deadline();
        story.session.on_deadline(last);
        const Duration gap = *story.session.deadline() - last;
        shortest = std::min(shortest, gap);
        longest = std::max(longest, gap);
    }
    return {shortest, longest};
}

TEST(BfdSession, PacketsAreJitteredByUpToAQuarter) {
    const auto [shortest, longest] = spread(defaults);
    EXPECT_GE(shortest, milliseconds(15));
    EXPECT_LT(shortest, milliseconds(16));
    EXPECT_LE(longest, milliseconds(20));
    EXPECT_GT(longest, milliseconds(19));
}

TEST(BfdSession, WithAMultiplierOfOneATenthIsLeftForTheWay) {
    Parameters parameters = defaults;
    parameters.detect_multiplier = 1;
    const auto [shortest, longest] = spread(parameters);
    EXPECT_GE(shortest, milliseconds(15));
    EXPECT_LE(longest, milliseconds(18));
    EXPECT_GT(longest, microseconds(17'500));
}

TEST(BfdSession, APeerThatWantsNoPacketsGetsNone) {
    Story story;
    story.peer.required_min_rx = Microseconds(0);
    EXPECT_EQ(story.hear(milliseconds(10), State::down), "changed");
    // Only its silence is left to wait for.
    EXPECT_EQ(story.session.deadline(), at(milliseconds(70)));
}

TEST(BfdSession, AFasterPeerIsServedFromThePacketOnThatSaysSo) {
    Story story;
    story.bring_up();
    story.peer.required_min_rx = Microseconds(500'000);
    story.hear(milliseconds(21), State::up);
    EXPECT_EQ(story.session.tx_interval(), milliseconds(500));
    story.peer.required_min_rx = Microseconds(20'000);
    story.hear(milliseconds(22), State::up);
    EXPECT_LE(story.session.deadline().value(), at(milliseconds(42)));
}

TEST(BfdSession, DemandModeOfThePeerSilencesUsWhileBothAreUp) {
    Story story;
    story.bring_up();
    story.peer.demand = true;
    story.hear(milliseconds(30), State::up);
    EXPECT_EQ(story.session.deadline(), at(milliseconds(90)));
    story.peer.poll = true;
    EXPECT_EQ(story.hear(milliseconds(40), State::up), "Up final to 9 every 10000 us");
}

TEST(BfdSession, APassiveOneSpeaksWhenSpokenTo) {
    Parameters passive = defaults;
    passive.passive = true;
    Story story(passive);
    EXPECT_FALSE(story.session.deadline());
    EXPECT_EQ(text_of(Story(passive).session.shut_down()), "changed");
    EXPECT_EQ(story.hear(milliseconds(10), State::down), "changed, Init to 9 every 1000000 us");
    // Forgotten again after the silence.
    EXPECT_EQ(story.wait_until(milliseconds(70)), "changed");
    EXPECT_FALSE(story.session.deadline());
}

// ---- poll sequences -----------------------------------------------------------------------------

TEST(BfdSession, AnswersAPollAtOnce) {
    Story story;
    story.bring_up();
    story.peer.poll = true;
    EXPECT_EQ(story.hear(milliseconds(30), State::up), "Up final to 9 every 10000 us");
}

TEST(BfdSession, PollsUntilThePeerConfirms) {
    Story story;
    story.hear(milliseconds(10), State::down);
    story.hear(milliseconds(20), State::init);
    EXPECT_EQ(text_of(story.session.on_deadline(story.session.deadline().value())),
              "Up poll to 9 every 10000 us");
    story.peer.final = true;
    story.hear(milliseconds(45), State::up);
    EXPECT_EQ(text_of(story.session.on_deadline(story.session.deadline().value())),
              "Up to 9 every 10000 us");
}

TEST(BfdSession, SendingMoreSlowlyWaitsForTheConfirmation) {
    Story story;
    story.bring_up();
    Parameters slower = defaults;
    slower.min_tx = Microseconds(200'000);
    EXPECT_EQ(text_of(story.session.reconfigure(at(milliseconds(30)), slower)),
              "Up poll to 9 every 200000 us");
    EXPECT_EQ(story.session.tx_interval(), milliseconds(20));
    story.peer.final = true;
    story.hear(milliseconds(31), State::up);
    EXPECT_EQ(story.session.tx_interval(), milliseconds(200));
    EXPECT_EQ(story.session.state(), State::up);
}

TEST(BfdSession, ExpectingMoreWaitsForTheConfirmation) {
    Parameters slow = defaults;
    slow.min_rx = Microseconds(100'000);
    Story story(slow);
    story.bring_up();
    EXPECT_EQ(story.session.detection_time(), milliseconds(300));
    story.session.reconfigure(at(milliseconds(30)), defaults);
    EXPECT_EQ(story.session.detection_time(), milliseconds(300));
    story.peer.final = true;
    story.hear(milliseconds(31), State::up);
    EXPECT_EQ(story.session.detection_time(), milliseconds(60));
}

TEST(BfdSession, AnUnchangedConfigurationDoesNothing) {
    Story story;
    story.bring_up();
    EXPECT_EQ(text_of(story.session.reconfigure(at(milliseconds(30)), defaults)), "");
}

}  // namespace
}  // namespace headgate::bfd
