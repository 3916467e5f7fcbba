// Goal: for each way in which two routers can be configured differently, the operator is told what
// the difference is and what to write; and nothing in a packet makes that fail.
#include "controlplane/vrrp/advice.h"

#include <vector>

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

config::VrrpInstance ours() {
    config::VrrpInstance instance;
    instance.name = "VI_1";
    instance.vrid = 51;
    instance.auth_pass = "s3cret";
    for (const char* address : {"192.0.2.10/24", "192.0.2.11/24"})
        instance.virtual_addresses.push_back({.prefix = *Prefix::parse(address),
                                              .interface = "eth0",
                                              .label = "",
                                              .broadcast = std::nullopt});
    return instance;
}

// Version 2, PASS, every second, 192.0.2.11 and 192.0.2.12.
std::vector<std::uint8_t> message() {
    return {0x21, 51, 100, 2, 1, 1, 0, 0, 192, 0, 2, 11, 192, 0, 2, 12};
}

TEST(Advice, TellsTheDifferenceAndWhatToWrite) {
    std::vector<std::uint8_t> theirs = message();
    EXPECT_EQ(advise(AdvertError::address_list, theirs, ours()),
              "its virtual addresses differ from ours, only there: 192.0.2.12, only here: "
              "192.0.2.10; it is accepted, but write the same `virtual_ipaddress` on all routers");
    theirs[4] = 0;
    EXPECT_EQ(advise(AdvertError::auth_type, theirs, ours()),
              "authentication differs: there it is none, here PASS; write `auth_type PASS` and the "
              "same `auth_pass` there");
    config::VrrpInstance open = ours();
    open.auth_pass.reset();
    theirs[4] = 2;
    EXPECT_EQ(advise(AdvertError::auth_type, theirs, open),
              "authentication differs: there it is AH, here none; write the same `authentication { "
              "... }` here, or remove it there");
    theirs[5] = 3;
    EXPECT_EQ(advise(AdvertError::advert_interval, theirs, ours()),
              "the advertisement interval differs: there it is 3 s, here 1 s; write `advert_int 1` "
              "on all routers");
    theirs[0] = 0x31;
    EXPECT_EQ(advise(AdvertError::version, theirs, ours()),
              "the VRRP version differs: there it is 3, here 2; write `version 2` there, or "
              "`version 3` here");
    EXPECT_NE(advise(AdvertError::auth_pass, theirs, ours()).find("same `auth_pass`"),
              std::string::npos);
}

TEST(Advice, SaysWhichMtuCutsTheListOfAddresses) {
    config::VrrpInstance instance = ours();
    instance.interface = "eth0";
    instance.virtual_addresses.resize(3, instance.virtual_addresses.front());
    constexpr std::uint32_t mtu = 20 + 8 + 2 * 4 + 8;
    EXPECT_EQ(advise_on_room(virtual_router(instance, mtu), instance, mtu),
              "with an MTU of 44 an advert has room for 2 of 3 virtual addresses: the others are "
              "held, but not advertised, and routers with another MTU see a different list; raise "
              "the MTU of eth0, or write the others into `virtual_ipaddress_excluded` on all "
              "routers");
    EXPECT_EQ(advise_on_room(virtual_router(instance, mtu + 4), instance, mtu + 4), "");
    EXPECT_EQ(advise_on_room(virtual_router(instance), instance, 0), "") << "it is not known yet";
    instance.virtual_addresses.resize(300, instance.virtual_addresses.front());
    EXPECT_EQ(advise_on_room(virtual_router(instance, 1500), instance, 1500), "")
        << "the configuration has said so";
}

TEST(Advice, HasAWordForEveryErrorAndEveryPacket) {
    for (std::size_t index = 0; index < num_advert_errors; ++index) {
        const auto error = static_cast<AdvertError>(index);
        std::vector<std::uint8_t> theirs = message();
        for (const char fill : {'\0', '\xff', '\x21', '\x35'}) {
            for (std::size_t size = 0; size <= message().size(); ++size) {
                theirs.assign(size, static_cast<std::uint8_t>(fill));
                EXPECT_FALSE(advise(error, theirs, ours()).empty()) << name_of(error);
            }
        }
    }
}

}  // namespace
}  // namespace headgate::vrrp
