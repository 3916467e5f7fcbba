// Goal: a destination has a MAC address exactly when the kernel's routes and neighbours say so, on
// the interface they say, and the reason is told when it has none. Netlink messages are read as
// the kernel writes them.
#include "dataplane/neighbours.h"

#include <memory>

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
const std::vector<ServedInterface> served{{2, "eth0", 1500}, {3, "eth1", 1500}};

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
        table_.set_targets({{server, false}});
        table_.set_route(server, on_link(2));
    }
    [[nodiscard]] std::string reason() const {
        return table_.unresolved_reason(server, false, served);
    }

    NeighbourTable table_;
};

TEST_F(NeighbourTableTest, ResolvesWhatTheKernelResolved) {
    EXPECT_EQ(table_.mac(server, 2), std::nullopt);
    EXPECT_EQ(reason(), "ARP on eth0 is under way");
    EXPECT_TRUE(table_.set_entry(usable(mac_a)));
    EXPECT_EQ(table_.mac(server, 2), mac_a);
    EXPECT_EQ(reason(), "");
    EXPECT_FALSE(table_.set_entry(usable(mac_a))) << "no news";
}

TEST_F(NeighbourTableTest, FollowsAServerThatGetsAnotherMac) {
    table_.set_entry(usable(mac_a));
    EXPECT_TRUE(table_.set_entry(usable(mac_b)));
    EXPECT_EQ(table_.mac(server, 2), mac_b);
}

TEST_F(NeighbourTableTest, ResolvesOnTheInterfaceOfTheRouteOnly) {
    table_.set_entry(usable(mac_a));
    EXPECT_EQ(table_.mac(server, 3), std::nullopt);
    EXPECT_FALSE(table_.set_entry(usable(mac_b, 3))) << "an entry of another segment";
    EXPECT_EQ(table_.mac(server, 2), mac_a);
}

TEST_F(NeighbourTableTest, GivesUpAServerOnlyWhenNobodyAnswers) {
    table_.set_entry(usable(mac_a));
    EXPECT_FALSE(table_.set_entry(without_mac(State::resolving))) << "asked again";
    EXPECT_EQ(table_.mac(server, 2), mac_a);
    EXPECT_TRUE(table_.set_entry(without_mac(State::failed)));
    EXPECT_EQ(table_.mac(server, 2), std::nullopt);
    EXPECT_EQ(reason(), "no answer to ARP on eth0");
}

TEST_F(NeighbourTableTest, ForgetsTheMacWhenTheRouteChanges) {
    table_.set_entry(usable(mac_a));
    EXPECT_FALSE(table_.set_route(server, on_link(2))) << "the same route is no news";
    EXPECT_TRUE(table_.set_route(server, on_link(3)));
    EXPECT_EQ(table_.mac(server, 2), std::nullopt);
    EXPECT_EQ(table_.mac(server, 3), std::nullopt);
    EXPECT_TRUE(table_.set_entry(usable(mac_b, 3)));
    EXPECT_EQ(table_.mac(server, 3), mac_b);
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
        {on_link(9), "another interface than eth0, eth1"},
    };
    for (const Case& test : cases) {
        table_.set_route(server, test.route);
        EXPECT_NE(reason().find(test.words), std::string::npos) << reason();
        EXPECT_FALSE(table_.mac(server, 2));
    }
}

TEST_F(NeighbourTableTest, AsksForOnLinkServersButNotForFixedEntries) {
    const std::vector<NeighbourTable::Request> wanted{{2, server}};
    EXPECT_EQ(table_.wanted(), wanted);
    table_.set_entry({2, server, State::fixed, mac_a});
    EXPECT_TRUE(table_.wanted().empty());
    EXPECT_EQ(table_.mac(server, 2), mac_a);
    table_.set_route(server, behind_gateway);
    EXPECT_TRUE(table_.wanted().empty());
}

TEST_F(NeighbourTableTest, KeepsWhatItKnowsOfTargetsThatStay) {
    table_.set_entry(usable(mac_a));
    table_.set_targets({{server, false}, {*IpAddress::parse("192.0.2.99"), false}});
    EXPECT_EQ(table_.mac(server, 2), mac_a);
    table_.set_targets({});
    EXPECT_EQ(table_.mac(server, 2), std::nullopt);
}

// ---- tunnels ----

class TunnelledTest : public NeighbourTableTest {
protected:
    void SetUp() override {
        table_.set_targets({{server, true}, {other, true}});
        table_.set_route(server, way);
    }
    [[nodiscard]] std::optional<RoutedHop> hop(const IpAddress& address = server) const {
        return table_.hop(address, served[0]);
    }
    [[nodiscard]] std::string tunnel_reason() const {
        return table_.unresolved_reason(server, true, served);
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
    EXPECT_EQ(hop(), (RoutedHop{mac_a, own, 1500}));
    EXPECT_EQ(tunnel_reason(), "");
    EXPECT_FALSE(table_.mac(server, 2)) << "direct routing does not";
    EXPECT_EQ(table_.hop(server, served[1]), std::nullopt);
}

TEST_F(TunnelledTest, GoesDirectlyWhenTheServerIsOnTheSegment) {
    RouteAnswer direct = on_link(2);
    direct.source = own;
    table_.set_route(server, direct);
    table_.set_entry(usable(mac_b));
    EXPECT_EQ(hop(), (RoutedHop{mac_b, own, 1500}));
    EXPECT_EQ(table_.mac(server, 2), mac_b);
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
    EXPECT_EQ(hop(), (RoutedHop{mac_b, own, 1500}));
}

TEST_F(TunnelledTest, TakesTheSmallerMtuAndTheSourceOfTheRoute) {
    table_.set_entry(gateway_entry);
    RouteAnswer narrow = way;
    narrow.mtu = 1400;
    EXPECT_TRUE(table_.set_route(server, narrow));
    EXPECT_EQ(hop()->mtu, 1400U);
    narrow.mtu = 9000;
    table_.set_route(server, narrow);
    EXPECT_EQ(hop()->mtu, 1500U);
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
