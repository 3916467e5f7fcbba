// Goal: routes and rules are here exactly while they are held, whatever others do to them, and what
// the kernel refuses is tried again. Method: a kernel of two lists; time is a parameter.
#include "controlplane/vrrp/held_routes.h"
#include "tests/unit/vrrp/story_time.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class FakeRouting final : public Routing {
public:
    Result<void> install(const config::Route& route) override { return add(route.to_string()); }
    Result<void> install(const config::Rule& rule) override { return add(rule.to_string()); }
    Result<void> withdraw(const config::Route& route) override { return erase(route.to_string()); }
    Result<void> withdraw(const config::Rule& rule) override { return erase(rule.to_string()); }
    [[nodiscard]] bool present(const config::Route& route) const override {
        return kernel.contains(route.to_string());
    }
    [[nodiscard]] bool present(const config::Rule& rule) const override {
        return kernel.contains(rule.to_string());
    }

    std::set<std::string> kernel;
    std::string refusal;

private:
    Result<void> add(const std::string& entry) {
        if (!refusal.empty())
            return fail("{}", refusal);
        kernel.insert(entry);
        return {};
    }
    Result<void> erase(const std::string& entry) {
        kernel.erase(entry);
        return {};
    }
};

config::Route route(std::string_view destination) {
    config::Route route;
    route.destination = *Prefix::parse(destination);
    route.type = 6;
    return route;
}

config::Rule rule(std::uint32_t preference) {
    config::Rule rule;
    rule.preference = preference;
    rule.table = 5;
    return rule;
}

class HeldRoutesTest : public testing::Test {
protected:
    FakeRouting routing;
    HeldRoutes held{"VI_1", {route("198.51.100.0/24")}, {rule(100)}, &routing};
    const std::set<std::string> both{"blackhole 198.51.100.0/24", "100: from all lookup 5"};
};

TEST_F(HeldRoutesTest, AreHereWhileTheyAreHeld) {
    EXPECT_TRUE(routing.kernel.empty());
    held.hold(at({}));
    EXPECT_EQ(routing.kernel, both);
    EXPECT_FALSE(held.deadline());
    held.release();
    EXPECT_TRUE(routing.kernel.empty());
}

TEST_F(HeldRoutesTest, ComeBackAtOnceAndThenAtAPace) {
    held.hold(at({}));
    routing.kernel.clear();
    held.on_changes(at(seconds(1)));
    EXPECT_EQ(routing.kernel, both);
    EXPECT_EQ(held.num_restored(), 2U);
    routing.kernel.clear();
    held.on_changes(at(seconds(1) + milliseconds(1)));
    EXPECT_TRUE(routing.kernel.empty());
    ASSERT_TRUE(held.deadline());
    EXPECT_LE(*held.deadline(), at(seconds(1) + milliseconds(100)));
    held.on_deadline(*held.deadline());
    EXPECT_EQ(routing.kernel, both);
}

TEST_F(HeldRoutesTest, ThatAreNotTrackedStayAway) {
    config::Route untracked = route("203.0.113.0/24");
    untracked.tracked = false;
    HeldRoutes other("VI_1", {untracked}, {}, &routing);
    other.hold(at({}));
    routing.kernel.clear();
    other.on_changes(at(seconds(1)));
    EXPECT_TRUE(routing.kernel.empty());
    EXPECT_FALSE(other.deadline());
    other.release();
    other.hold(at(seconds(2)));
    EXPECT_FALSE(routing.kernel.empty());
}

TEST_F(HeldRoutesTest, ThatWereRefusedAreTriedAgainAndToldOf) {
    routing.refusal = "Nexthop has invalid gateway";
    held.hold(at({}));
    EXPECT_NE(held.problem().find("198.51.100.0/24: Nexthop has invalid gateway"),
              std::string::npos);
    ASSERT_TRUE(held.deadline());
    routing.refusal.clear();
    held.on_deadline(*held.deadline());
    EXPECT_EQ(routing.kernel, both);
    EXPECT_EQ(held.problem(), "");
    EXPECT_EQ(held.num_restored(), 0U);
    EXPECT_FALSE(held.deadline());
}

TEST_F(HeldRoutesTest, LeaveNothingOfAnEarlierRun) {
    routing.kernel = both;
    HeldRoutes after("VI_1", {route("198.51.100.0/24")}, {rule(100)}, &routing);
    after.release();
    EXPECT_TRUE(routing.kernel.empty());
}

TEST_F(HeldRoutesTest, ChangeWithTheConfiguration) {
    held.hold(at({}));
    held.reconfigure(at(seconds(1)), {route("203.0.113.0/24")}, {rule(100)});
    EXPECT_EQ(routing.kernel,
              (std::set<std::string>{"blackhole 203.0.113.0/24", "100: from all lookup 5"}));
    held.release();
    held.reconfigure(at(seconds(2)), {route("198.51.100.0/24")}, {});
    EXPECT_TRUE(routing.kernel.empty());
}

}  // namespace
}  // namespace headgate::vrrp
