// Which processes belong to a vrrp_track_process.
#include "controlplane/track/process_match.h"

#include <gtest/gtest.h>

namespace headgate::track {
namespace {

using config::TrackProcess;
using Words = std::vector<std::string>;
using Parameters = TrackProcess::Parameters;

const ProcessInfo nginx{.name = "nginx", .words = {"/usr/sbin/nginx", "-c", "/etc/nginx.conf"}};

TEST(ProcessMatch, ComparesTheNameOnly) {
    EXPECT_TRUE(matches({.program = "nginx"}, nginx));
    EXPECT_TRUE(matches({.program = "/any/where/nginx"}, nginx));
    EXPECT_FALSE(matches({.program = "ngin"}, nginx));
    EXPECT_FALSE(matches({.program = "nginx2"}, nginx));
    // The kernel cuts names off after 15 bytes.
    EXPECT_TRUE(
        matches({.program = "a-very-long-program-name"}, {.name = "a-very-long-pro", .words = {}}));
}

TEST(ProcessMatch, FullCommandComparesThePath) {
    EXPECT_TRUE(matches({.program = "/usr/sbin/nginx", .full_command = true}, nginx));
    EXPECT_TRUE(matches({.program = "nginx", .full_command = true}, nginx));
    EXPECT_FALSE(matches({.program = "/bin/nginx", .full_command = true}, nginx));
    EXPECT_FALSE(
        matches({.program = "kthread", .full_command = true}, {.name = "kthread", .words = {}}));
}

TEST(ProcessMatch, ComparesParameters) {
    const auto with = [](Words parameters, Parameters match) {
        return matches({.program = "nginx",
                        .parameters = std::move(parameters),
                        .compare_parameters = true,
                        .match = match},
                       nginx);
    };
    EXPECT_TRUE(with({"-c", "/etc/nginx.conf"}, Parameters::exact));
    EXPECT_FALSE(with({"-c"}, Parameters::exact));
    EXPECT_FALSE(with({}, Parameters::exact));
    EXPECT_TRUE(with({"-c"}, Parameters::initial));
    EXPECT_TRUE(with({}, Parameters::initial));
    EXPECT_FALSE(with({"-"}, Parameters::initial));
    EXPECT_TRUE(with({"-c", "/etc/"}, Parameters::partial));
    EXPECT_FALSE(with({"-", "/etc/nginx.conf"}, Parameters::partial));
    EXPECT_FALSE(with({"-c", "/etc/nginx.conf", "x"}, Parameters::partial));
}

TEST(ProcessMatch, SplitsCommandLines) {
    EXPECT_EQ(split_command_line(std::string_view("a\0b c\0\0", 7)), (Words{"a", "b c", ""}));
    EXPECT_EQ(split_command_line("no-end"), Words{"no-end"});
    EXPECT_EQ(split_command_line(""), Words{});
}

TEST(ProcessMatch, TheQuorumHasTwoEnds) {
    const TrackProcess process{.quorum = 2, .quorum_max = 3};
    EXPECT_FALSE(has_quorum(process, 1));
    EXPECT_TRUE(has_quorum(process, 2));
    EXPECT_TRUE(has_quorum(process, 3));
    EXPECT_FALSE(has_quorum(process, 4));
}

}  // namespace
}  // namespace headgate::track
