// Marks on the interfaces of virtual MAC addresses: read as they were written, and nothing else.
#include "controlplane/vrrp/link_mark.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

TEST(LinkMark, IsReadAsItWasWritten) {
    const LinkMark mark{
        .claim = "6b1f0c9a2e77d413",
        .changes = {
            {.setting = {.interface = "eth0", .name = "arp_filter"}, .before = 0, .now = 1},
            {.setting = {.family = Family::ipv6, .interface = "eth0", .name = "addr_gen_mode"},
             .before = -1,
             .now = 12}}};
    const std::string text = text_of(mark);
    EXPECT_EQ(text, "headgate 6b1f0c9a2e77d413 ipv4/arp_filter:0:1 ipv6/addr_gen_mode:-1:12");
    EXPECT_EQ(read_mark(text, "eth0"), mark);
    EXPECT_EQ(read_mark("headgate x", "eth0"), (LinkMark{.claim = "x", .changes = {}}));
}

TEST(LinkMark, IsNotReadFromTheAliasesOfOthers) {
    for (const char* alias :
         {"", "headgate", "headgate ", "uplink to switch 7", "headgate of the lab",
          "headgate x ipv4/arp_filter:0", "headgate x ipv4/arp_filter:0:1:2",
          "headgate x ipv5/arp_filter:0:1", "headgate x ipv4/arp_filter:0:", "headgate x ipv4/:0:1",
          "headgate x ipv4/..:0:1", "headgate x ipv4/../arp_filter:0:1",
          "headgate x ipv4/arp_filter:0:1x"})
        EXPECT_FALSE(read_mark(alias, "eth0")) << alias;
}

TEST(Claim, IsHeldAsLongAsItLives) {
    auto claim = Claim::take();
    ASSERT_TRUE(claim);
    const auto other = Claim::take();
    ASSERT_TRUE(other);
    EXPECT_NE(claim->name(), other->name());
    const std::string name = claim->name();
    EXPECT_TRUE(Claim::is_held(name));
    claim = fail("it ends");
    EXPECT_FALSE(Claim::is_held(name));
    EXPECT_TRUE(Claim::is_held(other->name()));
    EXPECT_TRUE(Claim::is_held(std::string(200, 'x'))) << "nobody can tell";
}

}  // namespace
}  // namespace headgate::vrrp
