// Settings of interfaces: in a folder of the test's own, which has the shape of proc's.
#include "controlplane/netlink/interface_settings.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>

#include "controlplane/netlink/receive.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {
namespace {

const InterfaceSettings::Setting promote{.interface = "eth0", .name = "promote_secondaries"};

class Settings : public testing::Test {
protected:
    Settings() {
        char name[] = "/tmp/headgate-settings-XXXXXX";
        folder = mkdtemp(name);
        make_interface(7);
    }
    ~Settings() override { std::filesystem::remove_all(folder); }
    Settings(const Settings&) = delete;
    Settings& operator=(const Settings&) = delete;

    // As the kernel does, with its defaults.
    void make_interface(int index) {
        std::filesystem::create_directories(folder + "/ipv4/conf/eth0");
        write(0);
        tell(RTM_NEWLINK, index);
    }
    void tell(int type, int index) {
        const Message message = new_request(type, 0);
        ifinfomsg header{};
        header.ifi_index = index;
        nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
        nla_put_string(message.get(), IFLA_IFNAME, "eth0");
        interfaces.apply(nlmsg_hdr(message.get()));
    }
    void write(int value) {
        std::ofstream(folder + "/ipv4/conf/eth0/promote_secondaries") << value << '\n';
    }
    [[nodiscard]] int value() const {
        int value = -1;
        std::ifstream(folder + "/ipv4/conf/eth0/promote_secondaries") >> value;
        return value;
    }

    std::string folder;
    InterfaceTable interfaces;
};

TEST_F(Settings, AreSetWhileTheyAreWantedAndThenPutBack) {
    InterfaceSettings settings(folder);
    settings.want({{promote, 1}}, interfaces);
    EXPECT_EQ(value(), 1);
    settings.want({{promote, 1}}, interfaces);
    settings.want({}, interfaces);
    EXPECT_EQ(value(), 0);
}

TEST_F(Settings, StayAsTheyWereBefore) {
    write(1);
    InterfaceSettings settings(folder);
    settings.want({{promote, 1}}, interfaces);
    settings.want({}, interfaces);
    EXPECT_EQ(value(), 1);
}

TEST_F(Settings, WhatSomebodyElseHasChangedIsHis) {
    InterfaceSettings settings(folder);
    settings.want({{promote, 1}}, interfaces);
    write(2);
    settings.want({}, interfaces);
    EXPECT_EQ(value(), 2);
}

TEST_F(Settings, AreSetAnewOnAnInterfaceThatComesAgain) {
    InterfaceSettings settings(folder);
    settings.want({{promote, 1}}, interfaces);
    tell(RTM_DELLINK, 7);
    settings.settle(interfaces);
    make_interface(9);
    settings.settle(interfaces);
    EXPECT_EQ(value(), 1);
    settings.want({}, interfaces);
    EXPECT_EQ(value(), 0);
}

TEST_F(Settings, OfAnEarlierRunAreAdoptedAndPutBack) {
    InterfaceSettings killed(folder);
    killed.want({{promote, 1}}, interfaces);
    const auto changes = killed.changes_of("eth0");
    EXPECT_EQ(
        changes,
        (std::vector<InterfaceSettings::Change>{{.setting = promote, .before = 0, .now = 1}}));
    EXPECT_TRUE(killed.changes_of("eth1").empty());

    InterfaceSettings next(folder);
    next.adopt(changes[0], interfaces);
    next.want({{promote, 1}}, interfaces);
    EXPECT_EQ(next.changes_of("eth0"), changes) << "who adopts it from this one";
    next.want({}, interfaces);
    EXPECT_EQ(value(), 0);
}

TEST_F(Settings, OfAnEarlierRunThatWereChangedSinceAreNotAdopted) {
    write(2);
    InterfaceSettings next(folder);
    next.adopt({.setting = promote, .before = 0, .now = 1}, interfaces);
    next.want({}, interfaces);
    EXPECT_EQ(value(), 2);
    next.want({{promote, 1}}, interfaces);
    next.want({}, interfaces);
    EXPECT_EQ(value(), 2) << "what is there now counts as before";
}

TEST_F(Settings, OfIpv6AreInAFolderOfTheirOwn) {
    std::filesystem::create_directories(folder + "/ipv6/conf/eth0");
    const std::string path = folder + "/ipv6/conf/eth0/disable_ipv6";
    std::ofstream(path) << "0\n";
    InterfaceSettings settings(folder);
    settings.want({{{.family = Family::ipv6, .interface = "eth0", .name = "disable_ipv6"}, 1}},
                  interfaces);
    int set = 0;
    std::ifstream(path) >> set;
    EXPECT_EQ(set, 1);
}

TEST_F(Settings, WaitForTheirInterface) {
    tell(RTM_DELLINK, 7);
    InterfaceSettings settings(folder);
    settings.want({{promote, 1}}, interfaces);
    EXPECT_EQ(value(), 0);
    make_interface(8);
    settings.settle(interfaces);
    EXPECT_EQ(value(), 1);
}

}  // namespace
}  // namespace headgate::netlink
