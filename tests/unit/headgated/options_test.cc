// Goal: headgated's command line means what keepalived's means, and two instances never share a run
// directory.
#include "controlplane/options.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "controlplane/run_dir.h"

namespace headgate {
namespace {

Options parsed(const std::vector<std::string>& words) {
    auto options = parse_options(words);
    EXPECT_TRUE(options) << options.error().message;
    return options.value_or(Options{});
}

TEST(Options, HaveKeepalivedsDefaults) {
    const Options options = parsed({});
    EXPECT_EQ(options.action, Options::Action::run);
    EXPECT_EQ(options.config_file, "/etc/keepalived/keepalived.conf");
    EXPECT_EQ(options.pid_file, "/run/headgate/headgated.pid");
    EXPECT_FALSE(options.foreground);
    EXPECT_TRUE(options.run_vrrp);
    EXPECT_TRUE(options.run_services);
}

TEST(Options, TakeKeepalivedsFlags) {
    const Options options = parsed({"-nlD", "-P", "-f", "/x/k.conf", "-p", "/x/pid"});
    EXPECT_TRUE(options.foreground);
    EXPECT_TRUE(options.log_to_console);
    EXPECT_TRUE(options.log_detail);
    EXPECT_TRUE(options.run_vrrp);
    EXPECT_FALSE(options.run_services);
    EXPECT_EQ(options.config_file, "/x/k.conf");
    EXPECT_EQ(options.pid_file, "/x/pid");
    const Options long_ones =
        parsed({"--use-file=/x/k.conf", "--dont-fork", "--log-console", "--checkers"});
    EXPECT_EQ(long_ones.config_file, "/x/k.conf");
    EXPECT_FALSE(long_ones.run_vrrp);
}

TEST(Options, ThePidFileFollowsTheRunDirectory) {
    EXPECT_EQ(parsed({"--run-dir", "/run/a"}).pid_file, "/run/a/headgated.pid");
}

TEST(Options, APathIsMadeAbsolute) {
    EXPECT_EQ(parsed({"-f", "k.conf"}).config_file, std::filesystem::current_path() / "k.conf");
}

TEST(Options, TestTheConfigurationUnderThreeNames) {
    for (const auto& words : std::vector<std::vector<std::string>>{
             {"-t", "-f", "/k"}, {"--check", "-f", "/k"}, {"--config-test", "--use-file", "/k"}}) {
        const Options options = parsed(words);
        EXPECT_EQ(options.action, Options::Action::config_test);
        EXPECT_EQ(options.config_file, "/k");
        EXPECT_TRUE(options.test_log_file.empty());
    }
    EXPECT_EQ(parsed({"--config-test=/x/log", "-f", "/k"}).test_log_file, "/x/log");
    EXPECT_EQ(parsed({"-t/x/log", "-f", "/k"}).test_log_file, "/x/log");
}

TEST(Options, RefuseWhatTheyDoNotKnow) {
    EXPECT_FALSE(parse_options({"--frobnicate"}));
    EXPECT_FALSE(parse_options({"-f"}));
    EXPECT_FALSE(parse_options({"k.conf"}));
    EXPECT_FALSE(parse_options({"-P", "-C"}));
}

class RunDirTest : public testing::Test {
protected:
    RunDirTest() {
        std::string name = testing::TempDir() + "headgate-XXXXXX";
        base_ = ::mkdtemp(name.data());
    }
    ~RunDirTest() override { std::filesystem::remove_all(base_); }

    std::filesystem::path base_;
};

TEST_F(RunDirTest, CreatesItAndWritesThePid) {
    const auto directory = base_ / "a" / "b";
    const auto pid_file = directory / "headgated.pid";
    {
        const auto taken = RunDir::take(directory, pid_file);
        ASSERT_TRUE(taken) << taken.error().message;
        int pid = 0;
        std::ifstream(pid_file) >> pid;
        EXPECT_EQ(pid, ::getpid());
    }
    EXPECT_FALSE(std::filesystem::exists(pid_file));
}

TEST_F(RunDirTest, RefusesASecondOneAlsoUnderAnotherPidFile) {
    auto first = RunDir::take(base_, base_ / "pid");
    ASSERT_TRUE(first);
    const auto second = RunDir::take(base_, base_ / "pid");
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos)
        << second.error().message;
    EXPECT_TRUE(std::filesystem::exists(base_ / "pid"));
    EXPECT_FALSE(RunDir::take(base_, base_ / "other-pid"));
}

TEST_F(RunDirTest, AStalePidFileIsNoObstacle) {
    std::ofstream(base_ / "pid") << "1\n";
    EXPECT_TRUE(RunDir::take(base_, base_ / "pid"));
}

}  // namespace
}  // namespace headgate
