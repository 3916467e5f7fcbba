// Goal: the kernel has the latest table whatever others do to it, and whatever it refuses; what is
// not ours stays; and a restart goes on from what is there.
#include "controlplane/forwarding/ipvs/reconciler.h"

#include <gtest/gtest.h>

#include "tests/unit/ipvs/fake_kernel.h"
#include "tests/unit/ipvs/services.h"

namespace headgate::forwarding::ipvs {
namespace {

Table table(const std::vector<Service>& services) {
    Table made;
    made.services = services;
    for (const Service& each : services)
        made.ours.insert(each.key);
    return made;
}

class ReconcilerTest : public testing::Test {
protected:
    std::vector<std::string> done() { return std::exchange(ipvs.done, {}); }
    std::vector<Service> services() {
        std::vector<Service> all;
        all.reserve(ipvs.services.size());
        for (const ListedService& each : ipvs.services)
            all.push_back(each.service);
        return all;
    }
    void others_add(const Service& added) {
        ListedService listed;
        listed.service = added;
        listed.destinations.resize(added.destinations.size());
        ipvs.services.push_back(listed);
    }

    FakeIpvs ipvs;
    FakeKernel kernel{ipvs};
    std::set<ServiceKey> owned;
    std::unique_ptr<Reconciler> reconciler = make({});

    std::unique_ptr<Reconciler> make(std::set<ServiceKey> ours) {
        return std::make_unique<Reconciler>(kernel, std::move(ours),
                                            [this](const auto& keys) { owned = keys; });
    }
};

TEST_F(ReconcilerTest, AsksNothingUntilThereIsATable) {
    ipvs.open_error = EPERM;
    reconciler->apply({}, false);
    reconciler->check();
    reconciler->stop(false);
    EXPECT_EQ(ipvs.lists, 0);
    EXPECT_EQ(reconciler->error(), "");
}

TEST_F(ReconcilerTest, KnowsWhatItHasDone) {
    const auto wanted = service("192.0.2.1", {server("10.0.0.11"), server("10.0.0.12")});
    reconciler->apply(table({wanted}), false);
    EXPECT_EQ(services(), std::vector{wanted});
    EXPECT_EQ(ipvs.lists, 1);
    EXPECT_EQ(done().size(), 3U);

    reconciler->apply(table({service("192.0.2.1", {server("10.0.0.11", 5)})}), false);
    EXPECT_EQ(done(), (std::vector<std::string>{"change 10.0.0.11:80 of 192.0.2.1:80/tcp",
                                                "remove 10.0.0.12:80 from 192.0.2.1:80/tcp"}));
    EXPECT_EQ(ipvs.lists, 1) << "what it has done need not be listed";
    reconciler->check();
    EXPECT_EQ(done().size(), 0U);
    EXPECT_EQ(reconciler->repairs(), 0U);
    EXPECT_TRUE(reconciler->is_up());
}

TEST_F(ReconcilerTest, PutsBackWhatOthersHaveChanged) {
    const auto wanted = service("192.0.2.1", {server("10.0.0.11"), server("10.0.0.12")});
    reconciler->apply(table({wanted, service("192.0.2.2")}), false);
    done();
    ipvs.find(key("192.0.2.1"))->service.destinations[1].settings.weight = 0;
    ipvs.find(key("192.0.2.1"))->service.settings.scheduler = "wlc";
    std::erase_if(ipvs.services,
                  [](const auto& each) { return each.service.key == key("192.0.2.2"); });
    reconciler->check();
    EXPECT_EQ(done(), (std::vector<std::string>{
                          "change 192.0.2.1:80/tcp", "change 10.0.0.12:80 of 192.0.2.1:80/tcp",
                          "add 192.0.2.2:80/tcp", "add 10.0.0.11:80 to 192.0.2.2:80/tcp"}));
    EXPECT_EQ(reconciler->repairs(), 4U);
    reconciler->check();
    EXPECT_EQ(done().size(), 0U);
    EXPECT_EQ(reconciler->repairs(), 4U);
}

TEST_F(ReconcilerTest, LeavesAloneWhatIsNotOurs) {
    others_add(service("198.51.100.1"));
    reconciler->apply(table({service("192.0.2.1")}), false);
    reconciler->apply(table({service("192.0.2.2")}), false);
    reconciler->check();
    EXPECT_EQ(services(), (std::vector{service("198.51.100.1"), service("192.0.2.2")}));
    reconciler->stop(false);
    EXPECT_EQ(services(), (std::vector{service("198.51.100.1")}));
    EXPECT_EQ(reconciler->repairs(), 0U);
    EXPECT_TRUE(owned.empty());
}

TEST_F(ReconcilerTest, TakesAwayWhatHasLostItsAddress) {
    reconciler->apply(table({service("192.0.2.1")}), false);
    Table standby = table({service("192.0.2.1")});
    standby.services.clear();
    reconciler->apply(standby, false);
    EXPECT_TRUE(services().empty());
    // What it was killed with is ours, too, since it is in the configuration.
    others_add(service("192.0.2.1"));
    auto next = make({});
    next->apply(standby, false);
    EXPECT_TRUE(services().empty());
}

TEST_F(ReconcilerTest, ARestartGoesOnFromWhatIsThere) {
    reconciler->apply(table({service("192.0.2.1"), service("192.0.2.2")}), false);
    done();
    ipvs.find(key("192.0.2.1"))->counters.connections = 1000;
    EXPECT_EQ(owned.size(), 2U);
    auto next = make(owned);
    next->apply(table({service("192.0.2.1"), service("192.0.2.3")}), false);
    EXPECT_EQ(done(), (std::vector<std::string>{"add 192.0.2.3:80/tcp",
                                                "add 10.0.0.11:80 to 192.0.2.3:80/tcp",
                                                "remove 192.0.2.2:80/tcp"}));
    EXPECT_EQ(ipvs.find(key("192.0.2.1"))->counters.connections, 1000U);
    EXPECT_EQ(next->repairs(), 0U);
    EXPECT_EQ(owned, (std::set{key("192.0.2.1"), key("192.0.2.3")}));
}

TEST_F(ReconcilerTest, ARestartWithoutATableTakesAwayWhatIsLeft) {
    others_add(service("192.0.2.1"));
    auto next = make({key("192.0.2.1")});
    next->apply({}, false);
    EXPECT_TRUE(services().empty());
    EXPECT_FALSE(next->is_needed());
}

TEST_F(ReconcilerTest, IsTheOwnerBeforeTheKernelIsAsked) {
    ipvs.before_doing = [this](const Operation&) { EXPECT_EQ(owned.size(), 1U); };
    reconciler->apply(table({service("192.0.2.1")}), false);
    EXPECT_EQ(done().size(), 2U);
}

TEST_F(ReconcilerTest, ListsAnewWhenOthersAreQuicker) {
    ipvs.before_doing = [this](const Operation&) { others_add(service("192.0.2.1")); };
    reconciler->apply(table({service("192.0.2.1"), service("192.0.2.2")}), false);
    EXPECT_EQ(services(), (std::vector{service("192.0.2.1"), service("192.0.2.2")}));
    EXPECT_EQ(ipvs.lists, 2);
    EXPECT_TRUE(reconciler->failures().empty());
}

TEST_F(ReconcilerTest, WhatOneServiceCannotHaveCostsNoOther) {
    int asked = 0;
    ipvs.refuses = [&asked](const Operation& operation) {
        asked += operation.service == key("192.0.2.1") ? 1 : 0;
        return operation.service == key("192.0.2.1") ? EINVAL : 0;
    };
    reconciler->apply(table({service("192.0.2.1"), service("192.0.2.2")}), false);
    EXPECT_EQ(services(), std::vector{service("192.0.2.2")});
    EXPECT_EQ(asked, 1) << "servers of a service that is not there are not tried";
    ASSERT_EQ(reconciler->failures().size(), 1U);
    EXPECT_NE(reconciler->failures().at(key("192.0.2.1")).find("Invalid argument"),
              std::string::npos);
    EXPECT_TRUE(reconciler->is_up());

    ipvs.refuses = nullptr;
    reconciler->check();
    EXPECT_EQ(services().size(), 2U);
    EXPECT_TRUE(reconciler->failures().empty());
    EXPECT_EQ(reconciler->repairs(), 0U) << "nobody else has changed anything";
}

TEST_F(ReconcilerTest, AKernelThatIsNotThereIsTriedAgain) {
    ipvs.open_error = ENOENT;
    reconciler->apply(table({service("192.0.2.1")}), false);
    EXPECT_FALSE(reconciler->is_up());
    EXPECT_NE(reconciler->error(), "");
    EXPECT_FALSE(reconciler->list());
    ipvs.open_error = 0;
    reconciler->check();
    EXPECT_TRUE(reconciler->is_up());
    EXPECT_EQ(reconciler->error(), "");
    EXPECT_EQ(services().size(), 1U);
}

TEST_F(ReconcilerTest, AListThatFailsIsNoTable) {
    reconciler->apply(table({service("192.0.2.1")}), false);
    done();
    ipvs.list_errors = {ENOBUFS};
    reconciler->check();
    EXPECT_FALSE(reconciler->is_up());
    EXPECT_TRUE(done().empty());
    reconciler->check();
    EXPECT_TRUE(reconciler->is_up());
    EXPECT_TRUE(done().empty());
}

TEST_F(ReconcilerTest, FlushesOnceIfItShould) {
    others_add(service("198.51.100.1"));
    reconciler->apply(table({service("192.0.2.1")}), true);
    EXPECT_EQ(services(), std::vector{service("192.0.2.1")});
    others_add(service("198.51.100.1"));
    reconciler->apply(table({service("192.0.2.1")}), true);
    EXPECT_EQ(services().size(), 2U);
    reconciler->stop(true);
    EXPECT_TRUE(services().empty());
}

TEST_F(ReconcilerTest, TheKernelsSettingsComeBack) {
    Table wanted = table({service("192.0.2.1")});
    wanted.timeouts.udp_s = 7;
    wanted.sysctls = {{"expire_quiescent_template", 1}};
    reconciler->apply(wanted, false);
    EXPECT_EQ(ipvs.timeouts, (Timeouts{900, 120, 7}));
    EXPECT_EQ(ipvs.sysctls.at("expire_quiescent_template"), 1);
    wanted.timeouts = {.tcp_s = 60, .tcp_fin_s = 0, .udp_s = 0};
    wanted.sysctls.clear();
    reconciler->apply(wanted, false);
    EXPECT_EQ(ipvs.timeouts, (Timeouts{60, 120, 300}));
    EXPECT_EQ(ipvs.sysctls.at("expire_quiescent_template"), 0);
    wanted.sysctls = {{"expire_quiescent_template", 1}};
    reconciler->apply(wanted, false);
    reconciler->stop(false);
    EXPECT_EQ(ipvs.timeouts, (Timeouts{900, 120, 300}));
    EXPECT_EQ(ipvs.sysctls.at("expire_quiescent_template"), 0);
}

TEST_F(ReconcilerTest, TheKernelsSettingsComeBackAfterAFlush) {
    Table wanted = table({service("192.0.2.1")});
    wanted.timeouts.tcp_s = 60;
    reconciler->apply(wanted, false);
    reconciler->stop(true);
    EXPECT_EQ(ipvs.timeouts, (Timeouts{900, 120, 300}));
}

TEST_F(ReconcilerTest, ShowsItsOwnServices) {
    others_add(service("198.51.100.1"));
    reconciler->apply(table({service("192.0.2.1")}), false);
    ipvs.find(key("192.0.2.1"))->counters.packets = 1ULL << 40U;
    const auto listed = reconciler->list();
    ASSERT_TRUE(listed);
    ASSERT_EQ(listed->size(), 1U);
    EXPECT_EQ(listed->front().counters.packets, 1ULL << 40U);
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
