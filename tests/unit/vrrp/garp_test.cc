// Goal: the gratuitous ARP is byte for byte the request that keepalived sends.
#include "controlplane/vrrp/garp.h"

#include <gtest/gtest.h>

namespace headgate::vrrp {
namespace {

TEST(GratuitousArp, IsABroadcastRequestFromTheVipForTheVip) {
    const MacAddress mac{{0x02, 0x00, 0x00, 0x00, 0x00, 0x0a}};
    const GarpFrame expected{
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // to everybody
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0a,  // from the interface
        0x08, 0x06,                          // ARP
        0x00, 0x01, 0x08, 0x00, 6,    4,     // Ethernet, IPv4
        0x00, 0x01,                          // request
        0x02, 0x00, 0x00, 0x00, 0x00, 0x0a,  // sender
        10,   0,    0,    100,               // is the VIP
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // target
        10,   0,    0,    100,               // is the VIP
    };
    EXPECT_EQ(gratuitous_arp(mac, IpAddress::parse("10.0.0.100")->as_v4()), expected);
}

}  // namespace
}  // namespace headgate::vrrp
