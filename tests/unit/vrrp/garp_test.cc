// Goal: the gratuitous ARP and the unsolicited Neighbour Advertisement are byte for byte what
// keepalived sends. The bytes of the latter are scapy's.
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

TEST(UnsolicitedAdvertisement, TellsAllNodesThatTheVipIsHere) {
    const MacAddress mac{{0x02, 0x00, 0x00, 0x00, 0x00, 0x0a}};
    const NaFrame
        expected{
            0x33, 0x33, 0x00, 0x00, 0x00, 0x01,  // to all nodes
            0x02, 0x00, 0x00, 0x00, 0x00, 0x0a,  // from the interface
            0x86, 0xdd,                          // IPv6
            0x60, 0x00, 0x00, 0x00, 0x00, 0x20, 0x3a, 0xff, 0x20, 0x01, 0x0d, 0xb8,
            0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x01, 0x00,  // the VIP
            0xff, 0x02, 0,    0,    0,    0,    0,    0,    0,    0,    0,    0,
            0,    0,    0,    0x01,  // all nodes
            0x88, 0x00, 0xf7, 0x23,  // Neighbour Advertisement, with its checksum
            0x20, 0x00, 0x00, 0x00,  // Override
            0x20, 0x01, 0x0d, 0xb8, 0,    0,    0,    0,    0,    0,    0,    0,
            0,    0,    0x01, 0x00,                          // the VIP
            0x02, 0x01, 0x02, 0x00, 0x00, 0x00, 0x00, 0x0a,  // is at this address
        };
    const IpAddress vip = *IpAddress::parse("2001:db8::100");
    EXPECT_EQ(unsolicited_advertisement(mac, vip, false), expected);

    NaFrame of_a_router = expected;
    of_a_router[56] = 0x77;  // the checksum
    of_a_router[58] = 0xa0;  // Router, Override
    EXPECT_EQ(unsolicited_advertisement(mac, vip, true), of_a_router);
}

}  // namespace
}  // namespace headgate::vrrp
