// Goal: a destination has a MAC address exactly when the kernel's routes and neighbours say so, on
// the interface they say, and the reason is told when it has none. Netlink messages are read as
// the kernel writes them.
#include "dataplane/neighbours.h"

#include <map>
#include <memory>
#include <set>

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <sys/socket.h>

namespace headgate::dataplane {
namespace {

using State = NeighbourEntry::State;
using Kind = RouteAnswer::Kind;

const IpAddress server = *IpAddress::parse("192.0.2.21");
const MacAddress mac_a = *MacAddress::parse("02:00:00:00:00:21");
const MacAddress mac_b = *MacAddress::parse("02:00:00:00:00:22");
const MacAddress own_mac0 = *MacAddress::parse("02:00:00:00:00:01");
const MacAddress own_mac1 = *MacAddress::parse("02:00:00:00:00:02");
const std::map<int, RouteInterface> interfaces{
    {2, {2, "eth0", own_mac0, 1500, true, TakesRedirects::yes}},
    {3, {3, "eth1", own_mac1, 1400, true, TakesRedirects::no}},
    {4, {4, "tun0", {}, 1400, false, TakesRedirects::unknown}}};

RouteAnswer on_link(int ifindex) {
    return {.kind = Kind::on_link, .ifindex = ifindex};
}

const IpAddress gateway = *IpAddress::parse("192.0.2.1");
const RouteAnswer behind_gateway{.kind = Kind::gateway, .ifindex = 2, .gateway = gateway};

NeighbourEntry usable(const MacAddress& mac, int ifindex = 2) {
    return {ifindex, server, State::usable, mac};
}

NeighbourEntry without_mac(State state) {
    return {2, server, state, {}};
}

class NeighbourTableTest : public ::testing::Test {
protected:
    void SetUp() override {
        table_.set_interfaces(interfaces);
        table_.set_targets({{server, false}});
        table_.set_route(server, on_link(2));
    }
    [[nodiscard]] std::string reason() const { return table_.unresolved_reason(server, false); }
    // On that interface.
    [[nodiscard]] std::optional<MacAddress> mac(int ifindex) const {
        const std::optional<RoutedHop> hop = table_.direct(server);
        return hop && hop->by.ifindex == ifindex ? std::optional(hop->mac) : std::nullopt;
    }

    NeighbourTable table_;
};

TEST_F(NeighbourTableTest, ResolvesWhatTheKernelResolved) {
    EXPECT_EQ(mac(2), std::nullopt);
    EXPECT_EQ(reason(), "ARP on eth0 is under way");
    EXPECT_TRUE(table_.set_entry(usable(mac_a)));
    EXPECT_EQ(mac(2), mac_a);
    EXPECT_EQ(reason(), "");
    EXPECT_FALSE(table_.set_entry(usable(mac_a))) << "no news";
}

TEST_F(NeighbourTableTest, FollowsAServerThatGetsAnotherMac) {
    table_.set_entry(usable(mac_a));
    EXPECT_TRUE(table_.set_entry(usable(mac_b)));
    EXPECT_EQ(mac(2), mac_b);
}

TEST_F(NeighbourTableTest, ResolvesOnTheInterfaceOfTheRouteOnly) {
    table_.set_entry(usable(mac_a));
    EXPECT_EQ(mac(3), std::nullopt);
    EXPECT_FALSE(table_.set_entry(usable(mac_b, 3))) << "an entry of another segment";
    EXPECT_EQ(mac(2), mac_a);
}

TEST_F(NeighbourTableTest, GivesUpAServerOnlyWhenNobodyAnswers) {
    table_.set_entry(usable(mac_a));
    EXPECT_FALSE(table_.set_entry(without_mac(State::resolving))) << "asked again";
    EXPECT_EQ(mac(2), mac_a);
    EXPECT_TRUE(table_.set_entry(without_mac(State::failed)));
    EXPECT_EQ(mac(2), std::nullopt);
    EXPECT_EQ(reason(), "no answer to ARP on eth0");
}

TEST_F(NeighbourTableTest, ForgetsTheMacWhenTheRouteChanges) {
    table_.set_entry(usable(mac_a));
    EXPECT_FALSE(table_.set_route(server, on_link(2))) << "the same route is no news";
    EXPECT_TRUE(table_.set_route(server, on_link(3)));
    EXPECT_EQ(mac(2), std::nullopt);
    EXPECT_EQ(mac(3), std::nullopt);
    EXPECT_TRUE(table_.set_entry(usable(mac_b, 3)));
    EXPECT_EQ(mac(3), mac_b);
}

TEST_F(NeighbourTableTest, SaysWhyAServerIsOutOfReach) {
    struct Case {
        RouteAnswer route;
        const char* words;
    };
    const std::vector<Case> cases{
        {{.kind = Kind::none, .detail = "Network is unreachable"},
         "no route: Network is unreachable"},
        {behind_gateway, "behind the gateway 192.0.2.1"},
        {{.kind = Kind::local, .ifindex = 1}, "an address of this host"},
        {on_link(9), "the interface that the route leads out of is gone"},
        {on_link(4), "the route leads out of tun0, which is no Ethernet"},
    };
    for (const Case& test : cases) {
        table_.set_route(server, test.route);
        EXPECT_NE(reason().find(test.words), std::string::npos) << reason();
        EXPECT_FALSE(mac(2));
    }
}

TEST_F(NeighbourTableTest, AsksForOnLinkServersButNotForFixedEntries) {
    const std::vector<NeighbourTable::Request> wanted{{2, server}};
    EXPECT_EQ(table_.wanted(), wanted);
    table_.set_entry({2, server, State::fixed, mac_a});
    EXPECT_TRUE(table_.wanted().empty());
    EXPECT_EQ(mac(2), mac_a);
    table_.set_route(server, behind_gateway);
    EXPECT_TRUE(table_.wanted().empty());
}

TEST_F(NeighbourTableTest, TellsTheInterfaceOfTheRouteWithWhatItTakes) {
    EXPECT_EQ(table_.routed_interfaces(), std::set<int>{2});
    RouteAnswer route = on_link(3);
    route.mtu = 1300;
    table_.set_route(server, route);
    EXPECT_EQ(reason(), "ARP on eth1 is under way");
    EXPECT_EQ(table_.wanted(), (std::vector<NeighbourTable::Request>{{3, server}}));
    table_.set_entry(usable(mac_b, 3));
    const EgressConfig wanted{3, "eth1", own_mac1, 1300, false};
    ASSERT_TRUE(table_.direct(server));
    EXPECT_EQ(table_.direct(server)->by, wanted);
    EXPECT_EQ(table_.routed_interfaces(), std::set<int>{3});
    route.mtu = 60;
    table_.set_route(server, route);
    EXPECT_FALSE(table_.direct(server));
    EXPECT_EQ(reason(), "the MTU of the way is 60; 68 is the least");
}

TEST_F(NeighbourTableTest, FollowsAnInterfaceThatChangesOrGoes) {
    table_.set_entry(usable(mac_a));
    EXPECT_FALSE(table_.set_interfaces(interfaces)) << "no news";
    auto changed = interfaces;
    changed[2].takes_redirects = TakesRedirects::unknown;
    changed[2].mac = mac_b;
    EXPECT_TRUE(table_.set_interfaces(changed));
    EXPECT_EQ(table_.direct(server)->by, (EgressConfig{2, "eth0", mac_b, 1500, false}));
    changed.erase(2);
    EXPECT_TRUE(table_.set_interfaces(changed));
    EXPECT_FALSE(table_.direct(server));
    EXPECT_TRUE(table_.wanted().empty());
    EXPECT_EQ(reason(), "the interface that the route leads out of is gone");
}

TEST_F(NeighbourTableTest, AsksNobodyWhereThereIsNoEthernet) {
    table_.set_route(server, on_link(4));
    table_.set_entry(usable(mac_a, 4));
    EXPECT_TRUE(table_.wanted().empty());
    EXPECT_FALSE(table_.direct(server));
}

TEST_F(NeighbourTableTest, KeepsWhatItKnowsOfTargetsThatStay) {
    table_.set_entry(usable(mac_a));
    table_.set_targets({{server, false}, {*IpAddress::parse("192.0.2.99"), false}});
    EXPECT_EQ(mac(2), mac_a);
    table_.set_targets({});
    EXPECT_EQ(mac(2), std::nullopt);
}

// ---- tunnels ----

class TunnelledTest : public NeighbourTableTest {
protected:
    void SetUp() override {
        table_.set_interfaces(interfaces);
        table_.set_targets({{server, true}, {other, true}});
        table_.set_route(server, way);
    }
    [[nodiscard]] std::optional<RoutedHop> hop(const IpAddress& address = server) const {
        return table_.routed(address);
    }
    [[nodiscard]] RoutedHop by_eth0(const MacAddress& mac) const {
        return {mac, own, {2, "eth0", own_mac0, 1500, true}};
    }
    [[nodiscard]] std::string tunnel_reason() const {
        return table_.unresolved_reason(server, true);
    }

    const IpAddress other = *IpAddress::parse("203.0.113.9");
    const IpAddress own = *IpAddress::parse("192.0.2.2");
    const RouteAnswer way{
        .kind = Kind::gateway, .ifindex = 2, .gateway = gateway, .source = own, .mtu = 0};
    const NeighbourEntry gateway_entry{2, gateway, State::usable, mac_a};
};

TEST_F(TunnelledTest, GoesByTheNextHopOfTheRoute) {
    EXPECT_EQ(tunnel_reason(), "ARP for the gateway 192.0.2.1 on eth0 is under way");
    EXPECT_EQ(table_.wanted(), (std::vector<NeighbourTable::Request>{{2, gateway}}));
    EXPECT_TRUE(table_.set_entry(gateway_entry));
    EXPECT_EQ(hop(), by_eth0(mac_a));
    EXPECT_EQ(tunnel_reason(), "");
    EXPECT_FALSE(mac(2)) << "direct routing does not";
}

TEST_F(TunnelledTest, GoesDirectlyWhenTheServerIsOnTheSegment) {
    RouteAnswer direct = on_link(2);
    direct.source = own;
    table_.set_route(server, direct);
    table_.set_entry(usable(mac_b));
    EXPECT_EQ(hop(), by_eth0(mac_b));
    EXPECT_EQ(mac(2), mac_b);
}

TEST_F(TunnelledTest, SharesAGatewayAndKeepsItWhileSomebodyNeedsIt) {
    table_.set_entry(gateway_entry);
    EXPECT_TRUE(table_.set_route(other, way)) << "its gateway is known already";
    EXPECT_TRUE(hop(other));
    table_.set_targets({{other, true}});
    EXPECT_TRUE(hop(other));
    EXPECT_FALSE(hop());
    table_.set_targets({});
    EXPECT_TRUE(table_.wanted().empty());
    table_.set_targets({{server, true}});
    table_.set_route(server, way);
    EXPECT_FALSE(hop()) << "forgotten with its last user";
}

TEST_F(TunnelledTest, FollowsARouteToAnotherGateway) {
    table_.set_entry(gateway_entry);
    RouteAnswer another = way;
    another.gateway = *IpAddress::parse("192.0.2.254");
    EXPECT_TRUE(table_.set_route(server, another));
    EXPECT_FALSE(hop());
    EXPECT_FALSE(table_.set_entry(gateway_entry)) << "nobody's any more";
    table_.set_entry({2, another.gateway, State::usable, mac_b});
    EXPECT_EQ(hop(), by_eth0(mac_b));
}

TEST_F(TunnelledTest, TakesTheSmallerMtuAndTheSourceOfTheRoute) {
    table_.set_entry(gateway_entry);
    RouteAnswer narrow = way;
    narrow.mtu = 1400;
    EXPECT_TRUE(table_.set_route(server, narrow));
    EXPECT_EQ(hop()->by.mtu, 1400U);
    narrow.mtu = 9000;
    table_.set_route(server, narrow);
    EXPECT_EQ(hop()->by.mtu, 1500U);
    narrow.mtu = 67;
    table_.set_route(server, narrow);
    EXPECT_FALSE(hop());
    EXPECT_EQ(tunnel_reason(), "the MTU of the way is 67; 68 is the least");
    RouteAnswer sourceless = way;
    sourceless.source = {};
    table_.set_route(server, sourceless);
    EXPECT_FALSE(hop());
    EXPECT_EQ(tunnel_reason(), "eth0 has no address that a tunnel could begin at");
}

TEST_F(TunnelledTest, IsResolvedForATunnelOnly) {
    table_.set_entry(gateway_entry);
    table_.set_targets({{server, false}});
    EXPECT_TRUE(table_.wanted().empty());
    EXPECT_EQ(hop(), std::nullopt);
    EXPECT_NE(reason().find("a tunnel (`lb_kind TUN`) does not"), std::string::npos) << reason();
}

// ---- messages ----

class NeighbourMessage {
public:
    NeighbourMessage(int type, std::uint16_t state, std::uint8_t family = AF_INET)
        : message_(nlmsg_alloc_simple(type, 0)) {
        ndmsg header{};
        header.ndm_family = family;
        header.ndm_ifindex = 2;
        header.ndm_state = state;
        nlmsg_append(message_.get(), &header, sizeof header, NLMSG_ALIGNTO);
    }
    NeighbourMessage& put(int attribute, std::span<const std::uint8_t> bytes) {
        nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data());
        return *this;
    }
    [[nodiscard]] std::optional<NeighbourEntry> parse() const {
        return parse_neighbour(nlmsg_hdr(message_.get()));
    }

private:
    struct Deleter {
        void operator()(nl_msg* message) const { nlmsg_free(message); }
    };
    std::unique_ptr<nl_msg, Deleter> message_;
};

std::optional<NeighbourEntry> parse_state(std::uint16_t state) {
    return NeighbourMessage(RTM_NEWNEIGH, state)
        .put(NDA_DST, server.bytes())
        .put(NDA_LLADDR, mac_a.bytes)
        .parse();
}

TEST(NeighbourMessages, UsableStatesCarryTheMac) {
    for (const int state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE})
        EXPECT_EQ(parse_state(static_cast<std::uint16_t>(state)),
                  (NeighbourEntry{2, server, State::usable, mac_a}))
            << state;
    EXPECT_EQ(parse_state(NUD_PERMANENT), (NeighbourEntry{2, server, State::fixed, mac_a}));
}

TEST(NeighbourMessages, OtherStatesDoNot) {
    EXPECT_EQ(parse_state(NUD_INCOMPLETE), without_mac(State::resolving));
    EXPECT_EQ(parse_state(NUD_FAILED), without_mac(State::failed));
    EXPECT_EQ(NeighbourMessage(RTM_NEWNEIGH, NUD_REACHABLE).put(NDA_DST, server.bytes()).parse(),
              without_mac(State::resolving));
}

TEST(NeighbourMessages, ARemovedEntryIsToBeResolvedAgain) {
    const auto entry = NeighbourMessage(RTM_DELNEIGH, NUD_REACHABLE)
                           .put(NDA_DST, server.bytes())
                           .put(NDA_LLADDR, mac_a.bytes)
                           .parse();
    EXPECT_EQ(entry, without_mac(State::resolving));
}

TEST(NeighbourMessages, WhatIsNoneIsNothing) {
    EXPECT_EQ(NeighbourMessage(RTM_NEWROUTE, 0).put(NDA_DST, server.bytes()).parse(), std::nullopt);
    EXPECT_EQ(NeighbourMessage(RTM_NEWNEIGH, NUD_REACHABLE).parse(), std::nullopt) << "no address";
    EXPECT_EQ(NeighbourMessage(RTM_NEWNEIGH, NUD_REACHABLE, AF_INET6)
                  .put(NDA_DST, server.bytes())
                  .parse(),
              std::nullopt)
        << "an IPv4 address in an IPv6 entry";
    EXPECT_EQ(NeighbourMessage(RTM_NEWNEIGH, NUD_REACHABLE, AF_BRIDGE)
                  .put(NDA_LLADDR, mac_a.bytes)
                  .parse(),
              std::nullopt);
}

}  // namespace
}  // namespace headgate::dataplane
