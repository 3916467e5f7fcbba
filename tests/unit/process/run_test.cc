// Goal: a program runs as it should (user, group, environment, descriptors, signals), is held to
// its time with everything that it has started, and its output is bounded. Method: real programs
// through /bin/sh, and an io_context that runs until the ending is there; deadlines only end a test
// that would hang.
#include "controlplane/process/run.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <optional>

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "controlplane/process/spawn.h"

namespace headgate::process {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds deadline{30};

Credentials myself() {
    return {.user = ::geteuid(), .group = ::getegid(), .supplementary = {}};
}

Program shell(const std::string& script) {
    return {.path = "/bin/sh", .words = {"sh", "-c", script}, .credentials = myself()};
}

// The ending of `program`; absent: there was none.
std::optional<Ending> ending_of(const Program& program, Duration timeout = deadline,
                                std::size_t output_bytes_max = 1024) {
    asio::io_context context;
    std::optional<Ending> result;
    const auto run =
        Run::start(context, program, {.timeout = timeout, .output_bytes_max = output_bytes_max},
                   [&](const Ending& ending) { result = ending; });
    EXPECT_TRUE(run.has_value()) << run.error().message;
    context.run_for(deadline);
    return result;
}

std::string output_of(const std::string& script) {
    const auto ending = ending_of(shell(script));
    return ending ? ending->output : "(no ending)";
}

// Whether any process of the group is left; waits for it to go.
bool is_group_gone(pid_t group) {
    for (int tries = 0; tries < 3000; ++tries) {
        if (::kill(-group, 0) != 0 && errno == ESRCH)
            return true;
        ::usleep(10'000);
    }
    return false;
}

TEST(Run, TellsTheStatusAndTheOutput) {
    const auto ending = ending_of(shell("echo refused >&2; echo more; exit 3"));
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->how, Ending::How::exited);
    EXPECT_EQ(ending->code, 3);
    EXPECT_FALSE(ending->succeeded());
    EXPECT_EQ(ending->output, "refused\nmore\n");
    EXPECT_EQ(describe(*ending), "exit 3 \"refused\"");
    EXPECT_TRUE(ending_of(shell("true"))->succeeded());
}

TEST(Run, TellsTheSignalThatKilledIt) {
    const auto ending = ending_of(shell("kill -SEGV $$"));
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->how, Ending::How::killed);
    EXPECT_EQ(ending->code, SIGSEGV);
    EXPECT_EQ(describe(*ending).rfind("killed by signal 11", 0), 0U);
}

TEST(Run, WhatCannotBeLoadedIsAnErrorAtOnce) {
    asio::io_context context;
    const auto run = Run::start(context, {.path = "/etc/passwd", .words = {"x"}, .credentials = {}},
                                {.timeout = deadline}, [](const Ending&) { FAIL(); });
    ASSERT_FALSE(run.has_value());
    EXPECT_NE(run.error().message.find("/etc/passwd"), std::string::npos);
    context.run_for(milliseconds(10));
}

TEST(Run, EndsAProgramThatTakesTooLongAndItsChildren) {
    // The shell waits for a child, so that both are there when the time is over.
    const auto ending = ending_of(shell("echo $$; sleep 1000 & wait"), milliseconds(300));
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->how, Ending::How::timed_out);
    EXPECT_FALSE(ending->succeeded());
    EXPECT_TRUE(is_group_gone(std::stoi(ending->output)));
}

TEST(Run, KillsWhatIgnoresTheRequestToEnd) {
    const auto ending =
        ending_of(shell("trap '' TERM; echo $$; while :; do sleep 1000; done"), milliseconds(300));
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->how, Ending::How::timed_out);
    EXPECT_TRUE(is_group_gone(std::stoi(ending->output)));
}

TEST(Run, SuccessAfterItsTimeIsATimeOut) {
    const auto ending =
        ending_of(shell("trap 'exit 0' TERM; while :; do sleep 0.05; done"), milliseconds(200));
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->how, Ending::How::timed_out);
}

TEST(Run, AChildThatHoldsTheOutputDoesNotHoldTheEnd) {
    const auto ending = ending_of(shell("sleep 1000 & echo $$"), deadline);
    ASSERT_TRUE(ending);
    EXPECT_TRUE(ending->succeeded());
    // A child that a successful program has left behind is its own business.
    const pid_t group = std::stoi(ending->output);
    EXPECT_EQ(::kill(-group, SIGKILL), 0);
}

TEST(Run, KeepsTheBeginningOfAnEndlessOutput) {
    const auto ending = ending_of(shell("yes | head -c 4000000"), deadline, 100);
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->output.size(), 100U);
    EXPECT_TRUE(ending->succeeded());
}

TEST(Run, AnAbandonedProgramEndsUnheard) {
    asio::io_context context;
    auto run = Run::start(context, shell("sleep 1000"), {.timeout = deadline},
                          [](const Ending&) { FAIL() << "nobody listens any more"; });
    ASSERT_TRUE(run.has_value());
    context.run_for(milliseconds(20));
    run->reset();
    // Ends when nothing is left to wait for.
    context.run_for(deadline);
    EXPECT_TRUE(context.stopped());
}

TEST(Run, AnEndedLoopLeavesNoProgramBehind) {
    asio::io_context own;
    std::string directory = "/tmp/headgate-run-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    const std::string file = directory + "/pid";
    {
        asio::io_context context;
        auto run = Run::start(context, shell("echo $$ >" + file + "; sleep 1000"),
                              {.timeout = deadline}, [](const Ending&) {});
        ASSERT_TRUE(run.has_value());
        for (int tries = 0; tries < 3000 && (!std::filesystem::exists(file) ||
                                             std::filesystem::file_size(file) == 0);
             ++tries)
            ::usleep(10'000);
    }
    pid_t group = 0;
    std::ifstream(file) >> group;
    ASSERT_GT(group, 0);
    // The shell is our zombie by now; its children belong to init.
    ::waitpid(group, nullptr, 0);
    EXPECT_TRUE(is_group_gone(group));
    std::filesystem::remove_all(directory);
}

TEST(Run, GivesACleanWorld) {
    ::setenv("LD_PRELOAD", "", 1);
    ::setenv("LD_LIBRARY_PATH", "/nowhere", 1);
    ::setenv("HEADGATE_TEST", "kept", 1);
    EXPECT_EQ(output_of("echo ${LD_PRELOAD-unset} ${LD_LIBRARY_PATH-unset} $HEADGATE_TEST"),
              "unset unset kept\n");
    ::unsetenv("LD_PRELOAD");
    ::unsetenv("LD_LIBRARY_PATH");
    EXPECT_EQ(output_of("pwd"), "/\n");
    EXPECT_EQ(output_of("readlink /proc/self/fd/0"), "/dev/null\n");
    // The directory that `ls` reads is the one descriptor more.
    EXPECT_EQ(output_of("ls /proc/self/fd | wc -l"), "4\n");
    EXPECT_EQ(output_of("awk '$5 == $1 { print \"leads\" }' /proc/$$/stat"), "leads\n");
    EXPECT_EQ(output_of("grep -c 'Sig[BI][lg][kn].*[1-9a-f]' /proc/self/status; true"), "0\n");
    EXPECT_EQ(output_of("ulimit -n"), "1024\n");
}

TEST(Run, OurSignalSettingsAreOursAlone) {
    sigset_t blocked{};
    sigset_t before{};
    ::sigemptyset(&blocked);
    ::sigaddset(&blocked, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old = ::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(output_of("grep -c 'Sig[BI][lg][kn].*[1-9a-f]' /proc/self/status; true"), "0\n");
    EXPECT_EQ(::signal(SIGPIPE, old), SIG_IGN);
    ::pthread_sigmask(SIG_SETMASK, &before, &blocked);
    EXPECT_EQ(::sigismember(&blocked, SIGUSR1), 1);
}

TEST(Run, BecomesTheUserWithHisGroups) {
    if (::geteuid() != 0)
        GTEST_SKIP() << "only root can become somebody else";
    Program program = shell("id -u; id -g; id -G");
    program.credentials = {.user = 65534, .group = 65533, .supplementary = {4, 65532}};
    const auto ending = ending_of(program);
    ASSERT_TRUE(ending);
    EXPECT_EQ(ending->output, "65534\n65533\n65533 4 65532\n");
    EXPECT_EQ(::geteuid(), 0U) << "the parent stays who it is";
    program.credentials.supplementary.clear();
    EXPECT_EQ(ending_of(program)->output, "65534\n65533\n65533\n");
}

TEST(Run, RealTimeSchedulingIsNotInherited) {
    sched_param parameters{.sched_priority = 1};
    if (::sched_setscheduler(0, SCHED_FIFO, &parameters) != 0)
        GTEST_SKIP() << "real-time scheduling is not permitted here";
    const std::string policy = output_of("awk '{ print $41 }' /proc/self/stat");
    parameters.sched_priority = 0;
    ::sched_setscheduler(0, SCHED_OTHER, &parameters);
    EXPECT_EQ(policy, "0\n");
}

}  // namespace
}  // namespace headgate::process
