// Goal: the members of a sync group are all MASTER or none is, whatever happens to one of them, and
// the group says whose doing it was.
// Method: state machines without instances around them; each test plays the events of one story.
#include "controlplane/vrrp/sync_group.h"

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "controlplane/vrrp/fsm.h"
#include "tests/unit/vrrp/story_time.h"

namespace headgate::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const IpAddress group_address = *IpAddress::parse("10.0.0.5");
const IpAddress rival = *IpAddress::parse("10.0.0.6");

class FakeMember final : public SyncMember {
public:
    FakeMember(std::string name, std::uint8_t priority)
        : fsm(parameters(priority)), name_(std::move(name)) {}

    [[nodiscard]] const std::string& name() const override { return name_; }
    [[nodiscard]] State state() const override { return fsm.state(); }
    [[nodiscard]] const std::string& reason() const override {
        reason_ = has_fault() ? "interface eth1 down" : describe(fsm.reason());
        return reason_;
    }
    [[nodiscard]] bool wants_master() const override { return fsm.wants_master(); }
    [[nodiscard]] bool has_fault() const override { return fsm.has_fault(FaultSource::instance); }
    void take_over(Instant now) override { perform(fsm.take_over(now)); }
    void join_master(Instant now) override { perform(fsm.join_master(now)); }
    void step_back(Instant now) override { perform(fsm.step_back(now)); }
    void set_group_fault(Instant now, const std::string& why) override {
        group_fault = why;
        perform(why.empty() ? fsm.on_recovery(now, FaultSource::group)
                            : fsm.on_fault(now, FaultSource::group));
    }
    void perform(const Actions& actions) {
        for (const Action& action : actions)
            resignations += action.kind == Action::Kind::send_advert && action.priority == 0;
    }

    Fsm fsm;
    std::string group_fault;
    int resignations = 0;

private:
    static Parameters parameters(std::uint8_t priority) {
        return {.version = 2, .priority = priority, .grouped = true};
    }
    std::string name_;
    mutable std::string reason_;
};

class SyncGroupTest : public testing::Test {
protected:
    void SetUp() override {
        for (FakeMember* const member : {&a, &b})
            member->fsm.start(at(seconds(0)), group_address);
        group.assemble(at(seconds(0)), {{&a, true}, {&b, true}});
    }
    void time(Duration when) {
        for (FakeMember* const member : {&a, &b}) {
            member->perform(member->fsm.on_deadline(at(when)));
            group.settle(at(when));
        }
    }
    void heard(FakeMember& member, Duration when, std::uint8_t priority) {
        member.perform(member.fsm.on_advert(
            at(when), {.source = rival, .priority = priority, .advert_interval = seconds(1)}));
        group.settle(at(when));
    }
    void become_master() {
        time(seconds(4));
        ASSERT_EQ(states(), "MASTER MASTER MASTER");
    }
    void fault(FakeMember& member, Duration when) {
        member.perform(member.fsm.on_fault(at(when), FaultSource::instance));
        group.settle(at(when));
    }
    void recover(FakeMember& member, Duration when) {
        member.perform(member.fsm.on_recovery(at(when), FaultSource::instance));
        group.settle(at(when));
    }
    // Of the group and its members.
    [[nodiscard]] std::string states() const {
        return std::string(to_string(group.state())) + " " + std::string(to_string(a.state())) +
               " " + std::string(to_string(b.state()));
    }
    [[nodiscard]] std::string reason() const { return group.status(at(seconds(0)), {}).reason; }

    FakeMember a{"VI_A", 100};
    FakeMember b{"VI_B", 100};
    SyncGroup group{"VG"};
};

// So that whoever keeps the deadlines of the members knows when to look again.
TEST_F(SyncGroupTest, SaysWhenItToldItsMembersSomething) {
    EXPECT_FALSE(group.settle(at(seconds(1))));
    for (FakeMember* const member : {&a, &b})
        member->perform(member->fsm.on_deadline(at(seconds(4))));
    EXPECT_TRUE(group.settle(at(seconds(4))));
    EXPECT_FALSE(group.settle(at(seconds(4))));
    a.perform(a.fsm.on_fault(at(seconds(5)), FaultSource::instance));
    EXPECT_TRUE(group.settle(at(seconds(5))));
    a.perform(a.fsm.on_recovery(at(seconds(6)), FaultSource::instance));
    EXPECT_TRUE(group.settle(at(seconds(6))));
    EXPECT_FALSE(group.settle(at(seconds(6))));
}

TEST_F(SyncGroupTest, TakesOverWhenEveryMemberWantsTo) {
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP");
    heard(b, seconds(3), 150);
    time(seconds(4));
    EXPECT_TRUE(a.wants_master());
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP") << "b has a master to follow";
    time(seconds(7));
    EXPECT_EQ(states(), "MASTER MASTER MASTER");
    EXPECT_EQ(reason(), "VI_B: no advert within the master down interval");
    EXPECT_EQ(group.status(at(seconds(0)), {}).became_master, 1U);
}

TEST_F(SyncGroupTest, LeavesTogetherWhenOneYields) {
    become_master();
    heard(b, seconds(5), 150);
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP");
    EXPECT_EQ(reason(), "VI_B: an advert with a higher priority was heard");
    EXPECT_EQ(a.fsm.reason(), Event::group_backup);
    EXPECT_EQ(a.resignations, 1) << "its network need not wait for the master down interval";
    EXPECT_EQ(b.resignations, 0);
}

TEST_F(SyncGroupTest, IsInFaultWithAnyMemberAndComesBackWithTheLast) {
    become_master();
    fault(a, seconds(5));
    EXPECT_EQ(states(), "FAULT FAULT FAULT");
    EXPECT_EQ(reason(), "VI_A: interface eth1 down");
    EXPECT_EQ(b.group_fault, "VI_A: interface eth1 down");
    EXPECT_EQ(b.resignations, 1);
    fault(b, seconds(6));
    recover(a, seconds(7));
    EXPECT_EQ(states(), "FAULT FAULT FAULT") << "b has a fault of its group_address now";
    EXPECT_EQ(reason(), "VI_B: interface eth1 down");
    recover(b, seconds(8));
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP");
    time(milliseconds(11'600));
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP");
    time(milliseconds(11'610));
    EXPECT_EQ(states(), "MASTER MASTER MASTER") << "with the full master down interval";
}

TEST_F(SyncGroupTest, TakesANewMemberAlongIntoMaster) {
    become_master();
    FakeMember c("VI_C", 100);
    c.fsm.start(at(seconds(5)), group_address);
    group.assemble(at(seconds(5)), {{&a, false}, {&b, false}, {&c, true}});
    EXPECT_EQ(group.state(), State::master);
    EXPECT_EQ(c.state(), State::master);
    EXPECT_EQ(c.fsm.reason(), Event::group_master);
    EXPECT_EQ(a.resignations, 0);
}

TEST_F(SyncGroupTest, GoesIntoFaultWithANewMemberThatIs) {
    become_master();
    FakeMember c("VI_C", 100);
    c.fsm.start_faulty(at(seconds(5)));
    group.assemble(at(seconds(5)), {{&a, false}, {&b, false}, {&c, true}});
    EXPECT_EQ(states(), "FAULT FAULT FAULT");
}

TEST_F(SyncGroupTest, OfTwoInstancesThatDisagreeIsBackup) {
    FakeMember c("VI_C", 100);
    c.fsm.start(at(seconds(0)), group_address);
    become_master();
    // c is no new instance: it has been BACKUP by its group_address right.
    group.assemble(at(seconds(5)), {{&a, false}, {&b, false}, {&c, false}});
    EXPECT_EQ(states(), "BACKUP BACKUP BACKUP");
    EXPECT_EQ(c.state(), State::backup);
}

TEST_F(SyncGroupTest, OfOwnersIsMasterAtOnce) {
    FakeMember c("VI_C", 255);
    FakeMember d("VI_D", 255);
    c.fsm.start(at(seconds(0)), group_address);
    d.fsm.start(at(seconds(0)), group_address);
    SyncGroup owners("VG_2");
    owners.assemble(at(seconds(0)), {{&c, true}, {&d, true}});
    EXPECT_EQ(owners.state(), State::master);
}

TEST_F(SyncGroupTest, OfResumedInstancesIsMaster) {
    FakeMember c("VI_C", 100);
    FakeMember d("VI_D", 100);
    c.fsm.start(at(seconds(0)), group_address, {.resume = true});
    d.fsm.start(at(seconds(0)), group_address, {.resume = true});
    SyncGroup resumed("VG_2");
    resumed.assemble(at(seconds(0)), {{&c, true}, {&d, true}});
    EXPECT_EQ(resumed.state(), State::master);
    EXPECT_EQ(c.resignations + d.resignations, 0);
}

}  // namespace
}  // namespace headgate::vrrp
