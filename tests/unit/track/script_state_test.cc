// When results make a script up or down, as keepalived counts.
#include "controlplane/track/script_state.h"

#include <string_view>

#include <gtest/gtest.h>

namespace headgate::track {
namespace {

// The verdict after each result: '+' is a success, '-' a failure; '?', 'U' and 'D' are verdicts.
std::string story(ScriptState state, std::string_view results) {
    std::string verdicts;
    for (const char result : results) {
        state.record(result == '+');
        verdicts += state.verdict() == ScriptState::Verdict::up     ? 'U'
                    : state.verdict() == ScriptState::Verdict::down ? 'D'
                                                                    : '?';
    }
    return verdicts;
}

TEST(ScriptState, OneResultDecidesAtTheStart) {
    EXPECT_EQ(story(ScriptState(3, 3, false), "+"), "U");
    EXPECT_EQ(story(ScriptState(3, 3, false), "-"), "D");
}

TEST(ScriptState, CountsFromTheLastOppositeResult) {
    EXPECT_EQ(story(ScriptState(2, 3, false), "+--+---++"), "UUUUUUDDU");
    EXPECT_EQ(story(ScriptState(2, 3, false), "-+-++"), "DDDDU");
    EXPECT_EQ(story(ScriptState(1, 1, false), "+-+-"), "UDUD");
}

TEST(ScriptState, InitFailHasToRise) {
    const ScriptState state(3, 1, true);
    EXPECT_EQ(state.verdict(), ScriptState::Verdict::down);
    EXPECT_EQ(story(state, "++-+++"), "DDDDDU");
}

TEST(ScriptState, OtherCountsDoNotChangeTheVerdict) {
    ScriptState state(2, 2, false);
    state.record(true);
    state.record(false);
    state.reconfigure(1, 3);
    EXPECT_EQ(story(state, "--"), "UU");
    EXPECT_EQ(story(state, "---"), "UUD");
    state = ScriptState(2, 2, true);
    state.reconfigure(1, 1);
    EXPECT_EQ(state.verdict(), ScriptState::Verdict::down);
    EXPECT_EQ(story(state, "+"), "U");
}

TEST(ScriptState, TellsHowOftenItHasFailed) {
    ScriptState state(1, 3, false);
    EXPECT_TRUE(state.record(true));
    EXPECT_FALSE(state.record(false));
    EXPECT_EQ(state.failures(), 1U);
    for (int count = 0; count < 10; ++count)
        state.record(false);
    EXPECT_EQ(state.failures(), 3U);
    state.record(true);
    EXPECT_EQ(state.failures(), 0U);
}

}  // namespace
}  // namespace headgate::track
