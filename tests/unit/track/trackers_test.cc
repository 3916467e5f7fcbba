// Goal: scripts, files and processes are watched as configured, also over a reload. Method: real
// files and processes, and an io_context that runs until the awaited verdict is there; deadlines
// only end a test that would hang.
#include "controlplane/track/trackers.h"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

namespace headgate::track {
namespace {

namespace fs = std::filesystem;
using config::TrackerId;
using config::TrackerKind;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = Verdict::Kind;

class TrackersTest : public testing::Test {
protected:
    TrackersTest()
        : trackers_(context_, [this](const TrackerId& id, const Verdict& verdict) {
              told_[id] = verdict;
              ++num_told_;
          }) {
        std::string pattern = "/tmp/headgate-track-XXXXXX";
        if (::mkdtemp(pattern.data()) != nullptr)
            directory_ = pattern;
        config_.script_rules.user = std::to_string(::geteuid());
    }
    ~TrackersTest() override {
        trackers_.configure({}, {});
        fs::remove_all(directory_);
    }

    void configure(const std::set<TrackerId>& used) { trackers_.configure(config_, used); }

    // Whether it has become true.
    bool await(const std::function<bool()>& condition) {
        const Instant end = std::chrono::steady_clock::now() + seconds(30);
        while (!condition() && std::chrono::steady_clock::now() < end) {
            context_.restart();
            context_.run_for(milliseconds(10));
        }
        return condition();
    }
    bool await_kind(const TrackerId& id, Kind kind) {
        return await([&] { return told_.contains(id) && told_[id].kind == kind; });
    }
    bool await_value(std::int64_t value) {
        return await([&] { return told_.contains(file_) && told_[file_].value == value; });
    }
    void write(const fs::path& path, const std::string& text) const { std::ofstream(path) << text; }
    config::TrackScript script(const std::string& command) const {
        config::TrackScript script;
        script.name = "chk";
        script.command.words = {"/bin/sh", "-c", command};
        script.interval = milliseconds(50);
        script.timeout = seconds(20);
        return script;
    }

    const TrackerId script_{TrackerKind::script, "chk"};
    const TrackerId file_{TrackerKind::file, "switch"};
    const TrackerId process_{TrackerKind::process, "sleeper"};
    boost::asio::io_context context_;
    fs::path directory_;
    config::Trackers config_;
    std::map<TrackerId, Verdict> told_;
    int num_told_ = 0;
    Trackers trackers_;
};

TEST_F(TrackersTest, AScriptFollowsItsStatus) {
    const fs::path flag = directory_ / "flag";
    config_.scripts = {script("echo no flag; test -e " + flag.string())};
    configure({script_});
    EXPECT_FALSE(told_.contains(script_)) << "it has not run yet";
    ASSERT_TRUE(await_kind(script_, Kind::down));
    EXPECT_EQ(told_[script_].detail, "failed 1/1");
    EXPECT_EQ(told_[script_].cause, "exit 1 \"no flag\"");
    write(flag, "");
    ASSERT_TRUE(await_kind(script_, Kind::up));
    fs::remove(flag);
    EXPECT_TRUE(await_kind(script_, Kind::down));
}

TEST_F(TrackersTest, AnUnusedScriptDoesNotRun) {
    const fs::path ran = directory_ / "ran";
    config_.scripts = {script("touch " + ran.string())};
    configure({});
    context_.run_for(milliseconds(200));
    EXPECT_FALSE(fs::exists(ran));
}

TEST_F(TrackersTest, ARunThatTakesLongIsNotDoubled) {
    const fs::path runs = directory_ / "runs";
    config_.scripts = {script("echo >>" + runs.string() + "; sleep 1000")};
    configure({script_});
    ASSERT_TRUE(await([&] { return fs::exists(runs) && fs::file_size(runs) > 0; }));
    context_.restart();
    context_.run_for(milliseconds(300));
    EXPECT_EQ(fs::file_size(runs), 1U);
    EXPECT_EQ(num_told_, 0);
}

TEST_F(TrackersTest, WhatCannotRunIsDisabled) {
    config_.scripts = {script("true")};
    config_.scripts[0].command.words = {"/no/such/program"};
    configure({script_});
    ASSERT_TRUE(told_.contains(script_));
    EXPECT_EQ(told_[script_].kind, Kind::disabled);
    EXPECT_NE(told_[script_].cause.find("/no/such/program"), std::string::npos);
}

TEST_F(TrackersTest, AReloadIsNoFailure) {
    config_.scripts = {script("true")};
    configure({script_});
    ASSERT_TRUE(await_kind(script_, Kind::up));
    const int before = num_told_;
    config_.scripts[0].interval = milliseconds(70);
    configure({script_});
    config_.scripts[0].command.words[2] = "exit 0";
    configure({script_});
    context_.restart();
    context_.run_for(milliseconds(300));
    EXPECT_EQ(num_told_, before);
    config_.scripts[0].command.words[2] = "exit 1";
    configure({script_});
    EXPECT_TRUE(await_kind(script_, Kind::down));
}

TEST_F(TrackersTest, InitFailIsDownFromTheStart) {
    config_.scripts = {script("true")};
    config_.scripts[0].init_fail = true;
    config_.scripts[0].rise = 2;
    configure({script_});
    ASSERT_TRUE(told_.contains(script_));
    EXPECT_EQ(told_[script_].kind, Kind::down);
    EXPECT_TRUE(await_kind(script_, Kind::up));
}

TEST_F(TrackersTest, AFileIsReadAtOnceAndWheneverItChanges) {
    const fs::path path = directory_ / "switch";
    config_.files = {{.name = "switch", .path = path.string()}};
    configure({file_});
    ASSERT_TRUE(told_.contains(file_)) << "without waiting";
    EXPECT_EQ(told_[file_].kind, Kind::value);
    EXPECT_EQ(told_[file_].value, 0);
    write(path, "12\n");
    EXPECT_TRUE(await_value(12));
    write(path, " -3 and more");
    EXPECT_TRUE(await_value(-3));
    write(directory_ / "other", "7");
    fs::rename(directory_ / "other", path);
    EXPECT_TRUE(await_value(7));
    fs::remove(path);
    EXPECT_TRUE(await_value(0));
    write(directory_ / "target", "5");
    fs::create_symlink(directory_ / "target", path);
    EXPECT_TRUE(await_value(5));
}

TEST_F(TrackersTest, ADirectoryMayComeLater) {
    const fs::path path = directory_ / "later" / "switch";
    config_.files = {{.name = "switch", .path = path.string()}};
    configure({file_});
    fs::create_directory(path.parent_path());
    write(path, "9");
    EXPECT_TRUE(await_value(9));
    fs::remove_all(path.parent_path());
    EXPECT_TRUE(await_value(0));
    fs::create_directory(path.parent_path());
    write(path, "8");
    EXPECT_TRUE(await_value(8));
}

TEST_F(TrackersTest, AFileIsInitializedOnce) {
    const fs::path path = directory_ / "switch";
    config_.files = {{.name = "switch", .path = path.string(), .initial_value = 4}};
    configure({file_});
    EXPECT_EQ(told_[file_].value, 4);
    write(path, "6");
    EXPECT_TRUE(await_value(6));
    config_.files[0].overwrite = true;
    configure({file_});
    EXPECT_EQ(told_[file_].value, 6) << "a reload is no start";
    configure({});
    configure({file_});
    EXPECT_EQ(told_[file_].value, 4);
}

TEST(FirstNumber, IsWhatTheTextBeginsWith) {
    EXPECT_EQ(first_number("12"), 12);
    EXPECT_EQ(first_number("\n -5x"), -5);
    EXPECT_EQ(first_number("+5"), 5);
    EXPECT_EQ(first_number(""), 0);
    EXPECT_EQ(first_number("x5"), 0);
    EXPECT_EQ(first_number("99999999999999999999"), 2'147'483'647);
    EXPECT_EQ(first_number("-99999999999999999999"), -2'147'483'648);
    EXPECT_EQ(first_number("-3000000000"), -2'147'483'648);
}

// A process with a name of its own.
class Sleeper {
public:
    explicit Sleeper(const std::string& path) {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execl(path.c_str(), path.c_str(), "1000", nullptr);
            ::_exit(1);
        }
    }
    ~Sleeper() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Sleeper(const Sleeper&) = delete;
    Sleeper& operator=(const Sleeper&) = delete;

private:
    pid_t pid_;
};

TEST_F(TrackersTest, AQuorumOfProcesses) {
    const std::string name = "hg" + std::to_string(::getpid());
    const std::string path = directory_ / name;
    fs::create_symlink("/bin/sleep", path);
    config_.processes = {{.name = "sleeper", .program = name, .quorum = 1, .quorum_max = 2}};
    configure({process_});
    ASSERT_TRUE(told_.contains(process_)) << "without waiting";
    EXPECT_EQ(told_[process_].kind, Kind::down);
    {
        const Sleeper one(path);
        EXPECT_TRUE(await_kind(process_, Kind::up));
        const Sleeper two(path);
        const Sleeper three(path);
        EXPECT_TRUE(await_kind(process_, Kind::down)) << "more than quorum_max";
    }
    const Sleeper again(path);
    EXPECT_TRUE(await_kind(process_, Kind::up));
}

TEST_F(TrackersTest, AShortAbsenceIsForgiven) {
    const std::string name = "hg" + std::to_string(::getpid());
    const std::string path = directory_ / name;
    fs::create_symlink("/bin/sleep", path);
    config_.processes = {{.name = "sleeper", .program = name, .terminate_delay = seconds(15)}};
    auto first = std::make_unique<Sleeper>(path);
    configure({process_});
    ASSERT_TRUE(await_kind(process_, Kind::up));
    first.reset();
    context_.restart();
    context_.run_for(milliseconds(1500));
    EXPECT_EQ(told_[process_].kind, Kind::up);
    const Sleeper second(path);
    const int before = num_told_;
    context_.restart();
    context_.run_for(milliseconds(1500));
    EXPECT_EQ(num_told_, before);
}

}  // namespace
}  // namespace headgate::track
