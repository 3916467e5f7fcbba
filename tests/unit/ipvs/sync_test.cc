// Goal: the sync daemons that run are those that the state of the VRRP instance asks for, whatever
// others do to them; what others have started stays where none is asked for; and an error is told,
// once, and tried again.
#include "controlplane/forwarding/ipvs/sync_keeper.h"

#include <gtest/gtest.h>

#include "controlplane/config/model_services.h"
#include "tests/unit/ipvs/fake_kernel.h"

namespace headgate::forwarding::ipvs {
namespace {

config::SyncDaemon asked_for(const char* instance = "VI_1") {
    config::SyncDaemon asked;
    asked.interface = "eth1";
    asked.instance = instance;
    asked.id = 7;
    asked.group = *IpAddress::parse("224.0.0.81");
    return asked;
}

std::vector<SyncDaemon> wanted(bool is_master, const char* instance = "VI_1") {
    return sync_daemons_of(asked_for(instance), is_master);
}

class SyncTest : public testing::Test {
protected:
    std::vector<std::string> done() { return std::exchange(ipvs.done, {}); }
    std::vector<SyncRole> roles() {
        std::vector<SyncRole> running;
        running.reserve(ipvs.sync_daemons.size());
        for (const SyncDaemon& daemon : ipvs.sync_daemons)
            running.push_back(daemon.role);
        return running;
    }
    std::unique_ptr<SyncKeeper> make(std::set<SyncRole> ours) {
        return std::make_unique<SyncKeeper>(kernel, std::move(ours),
                                            [this](const auto& roles) { owned = roles; });
    }

    FakeIpvs ipvs;
    FakeKernel kernel{ipvs};
    std::set<SyncRole> owned;
    std::unique_ptr<SyncKeeper> keeper = make({});
};

using Roles = std::vector<SyncRole>;
using Done = std::vector<std::string>;

TEST(SyncPlan, FollowsTheInstanceOrIsBoth) {
    EXPECT_EQ(wanted(true).size(), 1U);
    EXPECT_EQ(wanted(true)[0].role, SyncRole::master);
    EXPECT_EQ(wanted(false)[0].role, SyncRole::backup);
    EXPECT_EQ(wanted(false)[0].to_string(), "the backup sync daemon on eth1");
    const auto both = wanted(false, "");
    ASSERT_EQ(both.size(), 2U);
    EXPECT_EQ(both[0].role, SyncRole::master);
    EXPECT_EQ(both[1].role, SyncRole::backup);
}

TEST(SyncPlan, KnowsWhatTheKernelMakesOfASize) {
    SyncDaemon asked = wanted(false)[0];
    SyncDaemon running = asked;
    running.payload_max = 1472;
    EXPECT_TRUE(is_as_asked(running, asked)) << "it was left to the kernel";
    asked.payload_max = 500;
    running.payload_max = 1024;
    EXPECT_TRUE(is_as_asked(running, asked)) << "a backup has room for that at least";
    asked.role = running.role = SyncRole::master;
    EXPECT_FALSE(is_as_asked(running, asked));
    running.payload_max = 500;
    EXPECT_TRUE(is_as_asked(running, asked));
    running.ttl = 9;
    EXPECT_FALSE(is_as_asked(running, asked));
    asked.group = running.group = *IpAddress::parse("ff02::81");
    running.ttl = asked.ttl;
    asked.payload_max = 65507;
    running.payload_max = 65487;
    EXPECT_TRUE(is_as_asked(running, asked));
}

TEST_F(SyncTest, IsAskedNothingUntilItHasTo) {
    ipvs.open_error = EPERM;
    keeper->apply({});
    keeper->check();
    keeper->stop();
    EXPECT_TRUE(done().empty());
    EXPECT_FALSE(keeper->is_needed());
}

TEST_F(SyncTest, ChangesRolesWithTheInstance) {
    keeper->apply(wanted(false));
    EXPECT_EQ(done(), Done{"start the backup sync daemon on eth1"});
    keeper->apply(wanted(false));
    keeper->check();
    EXPECT_TRUE(done().empty());
    keeper->apply(wanted(true));
    EXPECT_EQ(done(), (Done{"stop backup", "start the master sync daemon on eth1"}));
    EXPECT_EQ(owned.size(), 2U);
    keeper->stop();
    EXPECT_TRUE(roles().empty());
    EXPECT_TRUE(owned.empty());
    EXPECT_EQ(keeper->repairs(), 0U);
    EXPECT_FALSE(keeper->is_needed());
}

TEST_F(SyncTest, StartsAgainWhatOthersStop) {
    keeper->apply(wanted(true));
    ipvs.sync_daemons.clear();
    keeper->check();
    EXPECT_EQ(roles(), Roles{SyncRole::master});
    ipvs.sync_daemons[0].interface = "eth9";
    keeper->check();
    EXPECT_EQ(ipvs.sync_daemons[0].interface, "eth1");
    EXPECT_EQ(keeper->repairs(), 3U);
}

TEST_F(SyncTest, LeavesAloneWhatOthersHaveStarted) {
    ipvs.sync_daemons = wanted(true);
    keeper->apply({});
    keeper->stop();
    EXPECT_EQ(roles(), Roles{SyncRole::master});
    // With one of ours both are, as the kernel has one of each.
    keeper->apply(wanted(false));
    EXPECT_EQ(roles(), Roles{SyncRole::backup});
}

TEST_F(SyncTest, ARestartGoesOnOrTakesAwayWhatIsLeft) {
    keeper->apply(wanted(true));
    done();
    auto next = make(owned);
    next->apply(wanted(true));
    EXPECT_TRUE(done().empty());
    auto without = make(owned);
    without->apply({});
    EXPECT_EQ(done(), Done{"stop master"});
    EXPECT_TRUE(owned.empty());
}

TEST_F(SyncTest, ASizeThatTheKernelChoseIsNoChange) {
    keeper->apply(wanted(true));
    done();
    for (int round = 0; round < 3; ++round)
        keeper->check();
    EXPECT_TRUE(done().empty());
}

// What may go wrong, and that nothing stays so.
struct SyncFault {
    const char* name;
    int FakeIpvs::*error;
    int code;
    Roles meanwhile;  // what runs as long as it lasts
};

class SyncFaults : public SyncTest, public testing::WithParamInterface<SyncFault> {};

TEST_P(SyncFaults, IsToldAndTriedAgain) {
    keeper->apply(wanted(false));
    done();
    ipvs.*GetParam().error = GetParam().code;
    keeper = make(owned);  // which has to open it again
    keeper->apply(wanted(true));
    EXPECT_EQ(roles(), GetParam().meanwhile);
    const std::string told =
        keeper->error_of(SyncRole::master) + keeper->error_of(SyncRole::backup);
    EXPECT_NE(told, "");
    EXPECT_TRUE(keeper->is_needed());

    ipvs.*GetParam().error = 0;
    keeper->check();
    EXPECT_EQ(roles(), Roles{SyncRole::master});
    EXPECT_EQ(keeper->error_of(SyncRole::master), "");
    EXPECT_EQ(keeper->error_of(SyncRole::backup), "");
    EXPECT_EQ(keeper->repairs(), 0U) << "nobody else has changed anything";
}

const Roles only_backup{SyncRole::backup};
const Roles both_roles{SyncRole::backup, SyncRole::master};

INSTANTIATE_TEST_SUITE_P(
    All, SyncFaults,
    testing::Values(SyncFault{"NoModule", &FakeIpvs::open_error, ENOENT, only_backup},
                    SyncFault{"NoPermission", &FakeIpvs::open_error, EPERM, only_backup},
                    SyncFault{"NoInterface", &FakeIpvs::sync_error, ENODEV, {}},
                    SyncFault{"NoMemory", &FakeIpvs::sync_error, ENOMEM, {}},
                    SyncFault{"StartRefused", &FakeIpvs::sync_error, EPERM, {}},
                    SyncFault{"StopRefused", &FakeIpvs::sync_stop_error, EPERM, both_roles},
                    SyncFault{"ListLost", &FakeIpvs::sync_list_error, ENOBUFS, only_backup}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace headgate::forwarding::ipvs
