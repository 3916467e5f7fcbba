// Goal: the table of routes says what the kernel has, whatever the order in which it tells, and our
// requests are recognised when the kernel echoes them. Method: the requests themselves, turned into
// the notifications that they cause.
#include "controlplane/netlink/routes.h"

#include <cstring>

#include <gtest/gtest.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>

#include "controlplane/netlink/addresses.h"
#include "controlplane/netlink/attributes.h"
#include "controlplane/netlink/route_table.h"
#include "controlplane/netlink/rules.h"

namespace headgate::netlink {
namespace {

using config::NextHop;
using config::Route;
using config::Rule;

IpAddress ip(std::string_view text) {
    return *IpAddress::parse(text);
}

Message link(int type, int index, const char* name, unsigned flags) {
    Message message = new_request(type, 0);
    ifinfomsg header{};
    header.ifi_index = index;
    header.ifi_flags = flags;
    put_header(message.get(), header);
    put_text(message.get(), IFLA_IFNAME, name);
    return message;
}

Route route_via(std::string_view destination, std::string_view via, std::string interface) {
    Route route;
    route.destination = *Prefix::parse(destination);
    NextHop hop;
    if (!via.empty())
        hop.via = ip(via);
    hop.interface = std::move(interface);
    route.hops.push_back(hop);
    return route;
}

class RouteTableTest : public testing::Test {
protected:
    RouteTableTest() {
        interfaces.apply(nlmsg_hdr(link(RTM_NEWLINK, 3, "eth0", IFF_UP).get()));
        interfaces.apply(nlmsg_hdr(link(RTM_NEWLINK, 4, "eth1", IFF_UP).get()));
    }
    // The kernel's notification that the route is there, or no longer.
    void tell(const Route& route, int type = RTM_NEWROUTE, int flags = 0) {
        auto message = add_request(route, interfaces);
        ASSERT_TRUE(message) << message.error().message;
        nlmsghdr* const header = nlmsg_hdr(message->get());
        header->nlmsg_type = static_cast<std::uint16_t>(type);
        header->nlmsg_flags = static_cast<std::uint16_t>(flags);
        if (route.destination.address.family() == Family::ipv6 && !route.metric)
            put_u32(message->get(), RTA_PRIORITY, 1024);
        table.apply(header);
    }
    void tell(const Rule& rule, int type = RTM_NEWRULE) {
        const Message message = add_request(rule);
        nlmsg_hdr(message.get())->nlmsg_type = static_cast<std::uint16_t>(type);
        table.apply(nlmsg_hdr(message.get()));
    }
    [[nodiscard]] bool has(const Route& route) const { return table.has(route, interfaces); }

    InterfaceTable interfaces;
    RouteTable table{{config::protocol_keepalived}};
};

TEST_F(RouteTableTest, KnowsARouteFromItsNotificationUntilItIsDeleted) {
    const Route route = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    EXPECT_FALSE(has(route));
    tell(route);
    EXPECT_TRUE(has(route));
    tell(route, RTM_DELROUTE);
    EXPECT_FALSE(has(route));
}

TEST_F(RouteTableTest, TellsWhetherItHasChanged) {
    EXPECT_TRUE(table.take_changed()) << "at first";
    Route of_others = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    of_others.protocol = RTPROT_BOOT;
    tell(of_others);
    EXPECT_FALSE(table.take_changed());
    tell(route_via("198.51.100.0/24", "10.0.0.1", "eth0"));
    EXPECT_TRUE(table.take_changed());
    EXPECT_FALSE(table.take_changed());
}

TEST_F(RouteTableTest, TellsRoutesApartByEveryPartOfTheirKey) {
    const Route route = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    tell(route);
    Route other = route;
    other.table = 1000;
    EXPECT_FALSE(has(other));
    other = route;
    other.metric = 7;
    EXPECT_FALSE(has(other));
    other = route;
    other.tos = 0x10;
    EXPECT_FALSE(has(other));
    other = route;
    other.type = RTN_BLACKHOLE;
    EXPECT_FALSE(has(other));
    other = route;
    other.destination.length = 25;
    EXPECT_FALSE(has(other));
    other = route;
    other.hops.front().via = ip("10.0.0.2");
    EXPECT_FALSE(has(other));
    other = route;
    other.hops.front().interface = "eth1";
    EXPECT_FALSE(has(other));
}

TEST_F(RouteTableTest, LetsTheKernelChooseTheInterface) {
    tell(route_via("198.51.100.0/24", "10.0.0.1", "eth0"));
    EXPECT_TRUE(has(route_via("198.51.100.0/24", "10.0.0.1", "")));
}

TEST_F(RouteTableTest, OwnRequestsAndTheirNotificationsAreOneRoute) {
    const Route asked = route_via("198.51.100.0/24", "10.0.0.1", "");
    const Route told = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    table.add(asked, interfaces);
    EXPECT_TRUE(has(asked));
    tell(told);
    tell(told, RTM_DELROUTE);
    EXPECT_FALSE(has(asked));
    Route blackhole;
    blackhole.type = RTN_BLACKHOLE;
    blackhole.destination = *Prefix::parse("203.0.113.0/24");
    table.add(blackhole, interfaces);
    tell(blackhole);
    EXPECT_TRUE(has(blackhole));
    tell(blackhole, RTM_DELROUTE);
    EXPECT_FALSE(has(blackhole));
}

TEST_F(RouteTableTest, IgnoresRoutesOfOthers) {
    Route route = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    route.protocol = RTPROT_STATIC;
    tell(route);
    EXPECT_FALSE(has(route));
}

TEST_F(RouteTableTest, KnowsRoutesWithSeveralHops) {
    Route route = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    route.hops.push_back({.via = ip("10.0.1.1"), .interface = "eth1", .weight = 3});
    tell(route);
    EXPECT_TRUE(has(route));
    EXPECT_TRUE(has(route_via("198.51.100.0/24", "10.0.1.1", "eth1")));
    Route other = route;
    other.hops.back().via = ip("10.0.1.2");
    EXPECT_FALSE(has(other));
}

TEST_F(RouteTableTest, KnowsAGatewayOfTheOtherFamily) {
    const Route route = route_via("198.51.100.0/24", "2001:db8::1", "eth0");
    tell(route);
    EXPECT_TRUE(has(route));
    EXPECT_FALSE(has(route_via("198.51.100.0/24", "2001:db8::2", "eth0")));
}

TEST_F(RouteTableTest, Ipv6RoutesOfOneKeyAreOneRouteWithTheHopsOfAll) {
    const Route first = route_via("2001:db8:1::/48", "2001:db8::1", "eth0");
    const Route second = route_via("2001:db8:1::/48", "2001:db8::2", "eth0");
    tell(first);
    tell(second);
    EXPECT_TRUE(has(first));
    EXPECT_TRUE(has(second));
    tell(first, RTM_DELROUTE);
    EXPECT_FALSE(has(first));
    EXPECT_TRUE(has(second));
}

TEST_F(RouteTableTest, AReplacedRouteIsGone) {
    const Route first = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    const Route second = route_via("198.51.100.0/24", "10.0.0.2", "eth0");
    tell(first);
    tell(second, RTM_NEWROUTE, NLM_F_REPLACE);
    EXPECT_FALSE(has(first));
    EXPECT_TRUE(has(second));
}

TEST_F(RouteTableTest, Ipv4RoutesGoInSilenceWithTheirInterface) {
    const Route ipv4 = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    const Route elsewhere = route_via("203.0.113.0/24", "10.0.1.1", "eth1");
    tell(ipv4);
    tell(elsewhere);
    table.apply(nlmsg_hdr(link(RTM_NEWLINK, 3, "eth0", 0).get()));
    EXPECT_FALSE(has(ipv4));
    EXPECT_TRUE(has(elsewhere));
    table.apply(nlmsg_hdr(link(RTM_DELLINK, 4, "eth1", IFF_UP).get()));
    EXPECT_FALSE(has(elsewhere));
}

TEST_F(RouteTableTest, RoutesGoWithTheirSourceAddress) {
    Route route = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    route.source = ip("192.0.2.10");
    tell(route);
    config::VirtualAddress vip;
    vip.prefix = *Prefix::parse("192.0.2.10/32");
    const Message message = remove_request(4, vip);
    table.apply(nlmsg_hdr(message.get()));
    EXPECT_FALSE(has(route));
}

TEST_F(RouteTableTest, ARouteThroughAMissingInterfaceIsNotThere) {
    const Route route = route_via("198.51.100.0/24", "", "eth9");
    EXPECT_FALSE(has(route));
    EXPECT_EQ(add_request(route, interfaces).error().message, "interface eth9 does not exist");
}

TEST_F(RouteTableTest, KnowsRulesAsTheKernelShowsThem) {
    Rule rule;
    rule.from = *Prefix::parse("192.0.2.0/24");
    rule.preference = 100;
    rule.table = 1000;
    rule.mark = 5;
    rule.ip_protocol = std::uint8_t{6};
    rule.source_ports = config::NumberRange{.first = 10, .last = 20};
    rule.users = config::NumberRange{.first = 0, .last = 99};
    tell(rule);
    EXPECT_TRUE(table.has(rule));
    Rule other = rule;
    other.preference = 101;
    EXPECT_FALSE(table.has(other));
    other = rule;
    other.source_ports->last = 21;
    EXPECT_FALSE(table.has(other));
    other = rule;
    other.tracked = false;  // not the kernel's business
    EXPECT_TRUE(table.has(other));
    tell(rule, RTM_DELRULE);
    EXPECT_FALSE(table.has(rule));
}

TEST_F(RouteTableTest, AsksToRemoveWhatAnEarlierRunHasLeft) {
    const Route kept = route_via("198.51.100.0/24", "10.0.0.1", "eth0");
    const Route left = route_via("203.0.113.0/24", "10.0.0.1", "eth0");
    Rule rule;
    rule.preference = 100;
    rule.table = 1000;
    tell(kept);
    tell(left);
    tell(rule);
    auto requests = table.requests_to_remove_others({kept}, {}, interfaces);
    ASSERT_EQ(requests.size(), 2U);
    for (RouteTable::Bytes& request : requests)
        table.apply(reinterpret_cast<nlmsghdr*>(request.data()));
    EXPECT_TRUE(has(kept));
    EXPECT_FALSE(has(left));
    EXPECT_FALSE(table.has(rule));
}

}  // namespace
}  // namespace headgate::netlink
