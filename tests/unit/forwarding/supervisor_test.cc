// Goal: whatever happens to the dataplane process, the supervisor ends with one that runs the
// wanted engine and has the latest table, and an orderly stop leaves none. Method: real processes
// (fake_dataplane) in a directory of the test's own; the deadline only ends a test that would hang.
#include <csignal>
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>

#include "common/api.pb.h"
#include "controlplane/forwarding/bypass.h"

namespace headgate::forwarding {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds deadline{30};

class SupervisorTest : public testing::Test {
protected:
    SupervisorTest() {
        std::string name = testing::TempDir() + "headgate-XXXXXX";
        directory_ = ::mkdtemp(name.data());
        bypass_ = make();
    }
    ~SupervisorTest() override {
        if (bypass_)
            stop();
        std::filesystem::remove_all(directory_);
    }

    std::unique_ptr<Bypass> make() {
        return std::make_unique<Bypass>(
            context_, Bypass::Options{FAKE_DATAPLANE, directory_ / "dataplane.sock", pins(), {}});
    }
    static Engine engine(std::string interface) {
        return {{std::move(interface)}, config::XdpMode::automatic};
    }
    static api::ServiceTable table(std::uint64_t generation) {
        api::ServiceTable table;
        table.set_generation(generation);
        return table;
    }
    template <typename Condition>
    void run_until(Condition condition) {
        const Instant end = std::chrono::steady_clock::now() + deadline;
        while (!condition() && std::chrono::steady_clock::now() < end)
            context_.run_one_for(milliseconds(50));
        ASSERT_TRUE(condition()) << bypass_->state().error;
    }
    void run_until_up() {
        run_until([this] { return bypass_->state().up; });
    }
    api::DataplaneState stats() {
        std::optional<Result<api::DataplaneState>> answer;
        bypass_->stats([&answer](auto state) { answer = std::move(state); });
        run_until([&answer] { return answer.has_value(); });
        EXPECT_TRUE(*answer);
        return **answer;
    }
    void stop() {
        bool stopped = false;
        bypass_->stop([&stopped] { stopped = true; });
        run_until([&stopped] { return stopped; });
    }
    [[nodiscard]] std::filesystem::path pins() const { return directory_ / "pins"; }
    // As a process does that is to be followed by another.
    void leave_pins() const { std::filesystem::create_directories(pins() / "eth0"); }
    static bool is_running(pid_t pid) { return ::kill(pid, 0) == 0; }

    asio::io_context context_;
    std::filesystem::path directory_;
    std::unique_ptr<Bypass> bypass_;
};

TEST_F(SupervisorTest, StartsPublishesAndStops) {
    bypass_->apply(table(7));
    EXPECT_FALSE(bypass_->state().wanted);
    bypass_->want(engine("eth0"));
    EXPECT_FALSE(bypass_->state().error.empty());
    run_until_up();
    EXPECT_EQ(bypass_->state().error, "");
    const api::DataplaneState state = stats();
    EXPECT_EQ(state.generation(), 7U);
    EXPECT_EQ(state.ports(0).interface(), "eth0");
    bypass_->apply(table(8));
    EXPECT_EQ(stats().generation(), 8U);
    bypass_->want({});
    run_until([&] { return !is_running(state.pid()); });
    EXPECT_FALSE(bypass_->state().up);
}

TEST_F(SupervisorTest, StartsAKilledOneAgainWithTheLatestTable) {
    bypass_->apply(table(1));
    bypass_->want(engine("eth0"));
    run_until_up();
    const int first = stats().pid();
    bypass_->apply(table(2));
    ::kill(first, SIGKILL);
    run_until([this] { return bypass_->state().restarts == 1; });
    run_until_up();
    const api::DataplaneState state = stats();
    EXPECT_NE(state.pid(), first);
    EXPECT_EQ(state.generation(), 2U);
}

TEST_F(SupervisorTest, AdoptsOneThatIsLeftRunning) {
    bypass_->apply(table(1));
    bypass_->want(engine("eth0"));
    run_until_up();
    const int pid = stats().pid();
    bypass_ = make();
    context_.restart();
    bypass_->apply(table(2));
    bypass_->want(engine("eth0"));
    run_until_up();
    const api::DataplaneState state = stats();
    EXPECT_EQ(state.pid(), pid);
    EXPECT_EQ(state.generation(), 2U);

    // It is watched like a child, and no longer ours to reap.
    ::kill(pid, SIGKILL);
    run_until([this] { return bypass_->state().restarts == 1; });
    run_until_up();
}

TEST_F(SupervisorTest, ReplacesOneWithAnotherEngine) {
    bypass_->apply(table(1));
    bypass_->want(engine("eth0"));
    run_until_up();
    const int first = stats().pid();
    bypass_->want(engine("eth1"));
    run_until([&] { return !is_running(first); });
    run_until_up();
    EXPECT_EQ(stats().ports(0).interface(), "eth1");
    EXPECT_EQ(bypass_->state().restarts, 0U);

    const int second = stats().pid();
    bypass_ = make();
    context_.restart();
    bypass_->apply(table(1));
    bypass_->want(Engine{{"eth1"}, config::XdpMode::generic});
    run_until_up();
    EXPECT_NE(stats().pid(), second);
    EXPECT_EQ(stats().ports(0).mode(), "generic copy");
}

TEST_F(SupervisorTest, LetsOneThatIsToBeFollowedLeaveItsFlows) {
    bypass_->apply(table(1));
    bypass_->want(engine("eth0"));
    run_until_up();
    bypass_->want(engine("eth1"));
    run_until([this] { return std::filesystem::exists(pins() / "followed"); });
    run_until_up();
    bypass_->want({});
    run_until([this] { return !std::filesystem::exists(pins()); });
}

TEST_F(SupervisorTest, RemovesWhatAKilledOneHasLeftWhenNoneIsToFollow) {
    bypass_->apply(table(1));
    leave_pins();
    bypass_->want({});
    run_until([this] { return !std::filesystem::exists(pins()); });
    bypass_->want(engine("eth0"));
    run_until_up();
    leave_pins();
    ::kill(stats().pid(), SIGKILL);
    run_until([this] { return bypass_->state().restarts == 1; });
    run_until_up();
    EXPECT_TRUE(std::filesystem::exists(pins())) << "the next one's";
    stop();
    EXPECT_FALSE(std::filesystem::exists(pins()));
    bypass_.reset();
}

TEST_F(SupervisorTest, EndsOneThatNobodyWantsAnyMore) {
    bypass_->apply(table(1));
    bypass_->want(engine("eth0"));
    run_until_up();
    const int pid = stats().pid();
    bypass_ = make();
    context_.restart();
    run_until([&] { return !is_running(pid); });
}

TEST_F(SupervisorTest, KillsOneThatIgnoresSigterm) {
    bypass_->apply(table(1));
    bypass_->want(engine("stubborn"));
    run_until_up();
    const int pid = stats().pid();
    bypass_->want({});
    run_until([&] { return !is_running(pid); });
}

TEST_F(SupervisorTest, KillsOneThatDoesNotAnswer) {
    bypass_->apply(table(1));
    bypass_->want(engine("silent"));
    run_until([this] { return bypass_->state().restarts == 1; });
    EXPECT_FALSE(bypass_->state().up);
}

TEST_F(SupervisorTest, WaitsLongerForTheFirstAnswer) {
    bypass_->apply(table(1));
    bypass_->want(engine("slow"));
    run_until_up();
    EXPECT_EQ(bypass_->state().restarts, 0U);
}

TEST_F(SupervisorTest, SaysHowABrokenOneEnds) {
    bypass_->want(engine("broken"));
    run_until([this] { return bypass_->state().restarts >= 2; });
    EXPECT_NE(bypass_->state().error.find("exited with status 3"), std::string::npos)
        << bypass_->state().error;
    EXPECT_FALSE(bypass_->state().up);
}

TEST_F(SupervisorTest, SaysThatTheProgramIsMissing) {
    bypass_ = std::make_unique<Bypass>(
        context_,
        Bypass::Options{directory_ / "absent", directory_ / "dataplane.sock", pins(), {}});
    bypass_->want(engine("eth0"));
    run_until([this] { return bypass_->state().restarts >= 1; });
    EXPECT_NE(bypass_->state().error.find("absent: No such file"), std::string::npos)
        << bypass_->state().error;
}

}  // namespace
}  // namespace headgate::forwarding
