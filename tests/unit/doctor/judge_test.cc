// Goal: each thing that is wrong with a machine is found, named after what it is about, with the
// command that fixes it, and a machine that is right has no finding.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controlplane/doctor/judge.h"

namespace headgate::doctor {
namespace {

Facts good_machine() {
    Facts facts;
    facts.kernel = {6, 1};
    facts.cpus = 8;
    facts.clock_source = "tsc";
    facts.clock_sources = {"tsc", "hpet"};
    facts.huge_pages = "madvise";
    facts.interfaces = {{.name = "eth0",
                         .driver = "ice",
                         .mtu = 1600,
                         .queues = 8,
                         .queues_max = 64,
                         .lro = false,
                         .gro_hw = false,
                         .tx_checksum = true,
                         .xdp = XdpFeatures{true, true, true},
                         .rp_filter = 2,
                         .has_ipv4 = true}};
    return facts;
}

// The only finding; a failure without exactly one.
Finding only_finding(const Facts& facts) {
    const std::vector<Finding> findings = judge(facts);
    EXPECT_EQ(findings.size(), 1U);
    return findings.empty() ? Finding{} : findings.front();
}

void expect(const Finding& finding, Weight weight, const std::string& subject,
            const std::string& fix) {
    EXPECT_EQ(finding.weight, weight) << finding.problem;
    EXPECT_EQ(finding.subject, subject) << finding.problem;
    EXPECT_NE(finding.fix.find(fix), std::string::npos) << finding.fix;
    EXPECT_FALSE(finding.problem.empty());
    EXPECT_FALSE(finding.reason.empty());
}

TEST(Judge, NothingIsWrongWithAGoodMachine) {
    EXPECT_TRUE(judge(good_machine()).empty());
}

TEST(Judge, WhatIsUnknownIsNotWrong) {
    Facts facts;
    facts.kernel = {6, 1};
    facts.interfaces = {{.name = "eth0"}};
    EXPECT_TRUE(judge(facts).empty());
}

TEST(Judge, AKernelThatIsTooOldLacksOneThingAfterTheOther) {
    Facts facts = good_machine();
    facts.kernel = {5, 18};
    EXPECT_TRUE(judge(facts).empty());
    facts.kernel = {5, 17};
    expect(only_finding(facts), Weight::error, "kernel", "linux-image");
    facts.kernel = {5, 8};
    EXPECT_EQ(judge(facts).size(), 2U);
    facts.kernel = {4, 19};
    EXPECT_EQ(judge(facts).size(), 3U);
}

TEST(Judge, ASlowClockHasABetterOneOrTheKernelsCommandLine) {
    Facts facts = good_machine();
    facts.clock_source = "hpet";
    expect(only_finding(facts), Weight::warning, "clock", "echo tsc > /sys");
    facts.clock_sources = {"hpet"};
    expect(only_finding(facts), Weight::warning, "clock", "command line");
}

TEST(Judge, Memory) {
    Facts facts = good_machine();
    facts.huge_pages = "never";
    expect(only_finding(facts), Weight::warning, "memory", "echo madvise");
    facts = good_machine();
    facts.memlock_bytes = 65536;
    EXPECT_TRUE(judge(facts).empty());
    facts.may_lock_memory = false;
    expect(only_finding(facts), Weight::warning, "memory", "ulimit -l");
}

TEST(Judge, OffloadsThatJoinPackets) {
    Facts facts = good_machine();
    facts.interfaces[0].lro = true;
    expect(only_finding(facts), Weight::error, "eth0", "ethtool -K eth0 lro off");
    facts = good_machine();
    facts.interfaces[0].gro_hw = true;
    expect(only_finding(facts), Weight::error, "eth0", "ethtool -K eth0 rx-gro-hw off");
}

TEST(Judge, ChecksumsOfAVeth) {
    Facts facts = good_machine();
    facts.interfaces[0].driver = "veth";
    expect(only_finding(facts), Weight::note, "eth0", "ethtool -K eth0 tx off");
}

TEST(Judge, AsManyQueuesAsCpusOrAsThereAre) {
    Facts facts = good_machine();
    facts.interfaces[0].queues = 1;
    expect(only_finding(facts), Weight::warning, "eth0", "ethtool -L eth0 combined 8");
    facts.interfaces[0].queues = 16;
    expect(only_finding(facts), Weight::warning, "eth0", "ethtool -L eth0 combined 8");
    facts.interfaces[0].queues = 2;
    facts.interfaces[0].queues_max = 2;
    EXPECT_TRUE(judge(facts).empty());
}

TEST(Judge, WhatADriverCanDo) {
    Facts facts = good_machine();
    facts.interfaces[0].xdp = XdpFeatures{};
    expect(only_finding(facts), Weight::warning, "eth0", "another card");
    facts.interfaces[0].xdp = XdpFeatures{true, true, false};
    expect(only_finding(facts), Weight::note, "eth0", "flow_cache");
}

TEST(Judge, Mtu) {
    Facts facts = good_machine();
    facts.interfaces[0].mtu = 9000;
    expect(only_finding(facts), Weight::warning, "eth0", "mtu 1500");
    facts.interfaces[0].mtu = 1500;
    expect(only_finding(facts), Weight::note, "eth0", "mtu 1600");
}

TEST(Judge, StrictRpFilterWithoutAnAddress) {
    Facts facts = good_machine();
    facts.interfaces[0].rp_filter = 1;
    EXPECT_TRUE(judge(facts).empty());
    facts.interfaces[0].has_ipv4 = false;
    expect(only_finding(facts), Weight::warning, "eth0", "net.ipv4.conf.eth0.rp_filter=2");
}

TEST(Judge, ARealServerMustBeSilentAboutTheVip) {
    Facts facts;  // nothing is said of the machine when a real server is asked about
    facts.server = RealServer{.address = "192.0.2.11",
                              .is_here = true,
                              .arp_ignore = 1,
                              .arp_announce = 2,
                              .rp_filter = 0};
    EXPECT_TRUE(judge(facts).empty());
    facts.server->arp_ignore = 0;
    expect(only_finding(facts), Weight::error, "192.0.2.11", "arp_ignore=1");
    facts.server->arp_ignore = 1;
    facts.server->arp_announce = 1;
    expect(only_finding(facts), Weight::error, "192.0.2.11", "arp_announce=2");
    facts.server->arp_announce = 2;
    facts.server->rp_filter = 1;
    expect(only_finding(facts), Weight::warning, "192.0.2.11", "rp_filter=2");
}

TEST(Judge, ARealServerElsewhereGetsAdvice) {
    Facts facts;
    facts.server = RealServer{.address = "192.0.2.11"};
    expect(only_finding(facts), Weight::note, "192.0.2.11", "dev lo");
}

TEST(Judge, ErrorsComeFirst) {
    Facts facts = good_machine();
    facts.huge_pages = "never";
    facts.interfaces[0].lro = true;
    const auto findings = judge(facts);
    ASSERT_EQ(findings.size(), 2U);
    EXPECT_EQ(findings[0].weight, Weight::error);
    EXPECT_EQ(findings[1].weight, Weight::warning);
}

}  // namespace
}  // namespace headgate::doctor
