// Goal: whatever the kernel answers to whatever operation of a reconcile, nothing is believed that
// is not so: each fault is told in words, costs no other service what it has, and is over with the
// next check once its cause is.
#include <gtest/gtest.h>

#include "controlplane/forwarding/ipvs/reconciler.h"
#include "tests/unit/ipvs/fake_kernel.h"
#include "tests/unit/ipvs/services.h"

namespace headgate::forwarding::ipvs {
namespace {

struct Fault {
    const char* name;
    int code;
};

constexpr Fault faults[] = {
    {"NoBuffers", ENOBUFS},   {"Busy", EBUSY},          {"ThereAlready", EEXIST},
    {"NotThere", ENOENT},     {"NoSuchService", ESRCH}, {"NotPermitted", EPERM},
    {"Invalid", EINVAL},      {"NoMemory", ENOMEM},     {"TimedOut", ETIMEDOUT},
    {"NotSupported", ENOSYS},
};

// From two services to two others of another shape: every kind of operation happens.
std::vector<Service> before() {
    return {
        service("192.0.2.1", {server("10.0.0.11", 5), server("10.0.0.12"), server("10.0.0.13")}),
        service("192.0.2.2")};
}

std::vector<Service> after() {
    std::vector<Service> services{
        service("192.0.2.1", {server("10.0.0.11", 2), server("10.0.0.12", 9), server("10.0.0.14")}),
        service("192.0.2.3", {server("10.0.0.11"), server("10.0.0.12")})};
    services[0].settings.scheduler = "wlc";
    return services;
}

Table table_with(const std::vector<Service>& services) {
    Table made;
    made.services = services;
    for (const Service& each : services)
        made.ours.insert(each.key);
    return made;
}

std::map<ServiceKey, Service> by_key(const FakeIpvs& ipvs) {
    std::map<ServiceKey, Service> services;
    for (const ListedService& each : ipvs.services) {
        Service sorted = each.service;
        std::ranges::sort(sorted.destinations, {}, &Destination::endpoint);
        services.emplace(each.service.key, std::move(sorted));
    }
    return services;
}

std::map<ServiceKey, Service> by_key(const std::vector<Service>& services) {
    FakeIpvs ipvs;
    for (const Service& each : services)
        ipvs.services.push_back({.service = each, .counters = {}, .rates = {}, .destinations = {}});
    return by_key(ipvs);
}

class Faults : public testing::TestWithParam<Fault> {
protected:
    void SetUp() override {
        reconciler.apply(table_with(before()), false);
        ASSERT_EQ(by_key(ipvs), by_key(before()));
        ipvs.done.clear();
    }

    FakeIpvs ipvs;
    FakeKernel kernel{ipvs};
    Reconciler reconciler{kernel, {}, [](const auto&) {}};
};

std::size_t operations_in_all() {
    return plan(before(), after(), {key("192.0.2.1"), key("192.0.2.2")}).size();
}

// The kernel refuses the operation number `at` of the reconcile, and then no more.
TEST_P(Faults, OnceInTheMiddleOfAReconcile) {
    for (std::size_t at = 0; at < operations_in_all(); ++at) {
        SCOPED_TRACE(testing::Message() << "operation " << at);
        FakeIpvs own;
        FakeKernel own_kernel{own};
        Reconciler reconciler{own_kernel, {}, [](const auto&) {}};
        reconciler.apply(table_with(before()), false);
        std::size_t asked = 0;
        std::string refused;
        own.refuses = [&](const Operation& operation) {
            if (asked++ != at)
                return 0;
            refused = operation.to_string();
            return GetParam().code;
        };
        reconciler.apply(table_with(after()), false);
        ASSERT_NE(refused, "");
        EXPECT_TRUE(reconciler.is_up()) << "the kernel answers";
        for (const auto& [service, words] : reconciler.failures())
            EXPECT_NE(words.find(refused), std::string::npos) << words;
        // Either it is so at once, since it was only surprised, or it is told.
        const bool is_so = by_key(own) == by_key(after());
        EXPECT_EQ(reconciler.failures().size(), is_so ? 0U : 1U) << refused;
        reconciler.check();
        EXPECT_EQ(by_key(own), by_key(after())) << refused;
        EXPECT_TRUE(reconciler.failures().empty());
        EXPECT_EQ(reconciler.repairs(), 0U) << "nobody else has changed anything";
    }
}

// One service cannot have what it should, for as long as it likes.
TEST_P(Faults, OfOneServiceCostsNoOther) {
    ipvs.refuses = [](const Operation& operation) {
        return operation.service == key("192.0.2.3") ? GetParam().code : 0;
    };
    for (int round = 0; round < 3; ++round) {
        reconciler.apply(table_with(after()), false);
        reconciler.check();
        EXPECT_EQ(by_key(ipvs).at(key("192.0.2.1")), by_key(after()).at(key("192.0.2.1")));
        ASSERT_EQ(reconciler.failures().size(), 1U);
        EXPECT_TRUE(reconciler.failures().contains(key("192.0.2.3")));
    }
    ipvs.refuses = nullptr;
    reconciler.check();
    EXPECT_EQ(by_key(ipvs), by_key(after()));
    EXPECT_TRUE(reconciler.failures().empty());
}

TEST_P(Faults, OfTheListChangesNothing) {
    ipvs.list_errors = {GetParam().code, GetParam().code};
    for (int round = 0; round < 2; ++round) {
        reconciler.check();
        EXPECT_FALSE(reconciler.is_up());
        EXPECT_NE(reconciler.error(), "");
    }
    // What comes meanwhile waits for a list that succeeds.
    ipvs.list_errors = {GetParam().code};
    reconciler.apply(table_with(after()), false);
    EXPECT_TRUE(ipvs.done.empty());
    reconciler.check();
    EXPECT_TRUE(reconciler.is_up());
    EXPECT_EQ(by_key(ipvs), by_key(after()));
}

TEST_P(Faults, OfTheSocketIsTriedAgain) {
    FakeIpvs own;
    own.open_error = GetParam().code;
    FakeKernel own_kernel{own};
    Reconciler later{own_kernel, {}, [](const auto&) {}};
    later.apply(table_with(before()), false);
    EXPECT_FALSE(later.is_up());
    EXPECT_NE(later.error(), "");
    EXPECT_FALSE(later.list());
    own.open_error = 0;
    later.check();
    EXPECT_TRUE(later.is_up());
    EXPECT_EQ(by_key(own), by_key(before()));
}

TEST_P(Faults, AtTheEndLeavesTheOthersNothing) {
    ipvs.refuses = [](const Operation& operation) {
        return operation.service == key("192.0.2.1") ? GetParam().code : 0;
    };
    reconciler.stop(false);
    EXPECT_FALSE(by_key(ipvs).contains(key("192.0.2.2")));
    ipvs.refuses = nullptr;
    reconciler.check();
    EXPECT_TRUE(ipvs.services.empty());
}

TEST_P(Faults, OfASettingAreToldAndCostNoService) {
    ipvs.sysctl_error = GetParam().code;
    Table wanted = table_with(after());
    wanted.sysctls = {{"conntrack", 1}, {"no_such_setting", 1}};
    reconciler.apply(wanted, false);
    EXPECT_EQ(by_key(ipvs), by_key(after()));
    EXPECT_NE(reconciler.settings_error().find("write conntrack"), std::string::npos);
    ipvs.sysctl_error = 0;
    wanted.sysctls.erase("no_such_setting");
    reconciler.apply(wanted, false);
    EXPECT_EQ(reconciler.settings_error(), "");
    EXPECT_EQ(ipvs.sysctls.at("conntrack"), 1);
    reconciler.stop(false);
    EXPECT_EQ(ipvs.sysctls.at("conntrack"), 0);
}

INSTANTIATE_TEST_SUITE_P(All, Faults, testing::ValuesIn(faults),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace headgate::forwarding::ipvs
