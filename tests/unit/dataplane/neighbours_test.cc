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
const std::vector<ServedInterface> served{{2, "eth0"}, {3, "eth1"}};

RouteAnswer on_link(int ifindex) {
    return {Kind::on_link, ifindex, {}, ""};
}

NeighbourEntry usable(const MacAddress& mac, int ifindex = 2) {
    return {ifindex, server, State::usable, mac};
}

NeighbourEntry without_mac(State state) {
    return {2, server, state, {}};
}

class NeighbourTableTest : public ::testing::Test {
protected:
    void SetUp() override {
        table_.set_targets({server});
        table_.set_route(server, on_link(2));
    }
    [[nodiscard]] std::string reason() const { return table_.unresolved_reason(server, served); }

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
        {{Kind::none, 0, {}, "Network is unreachable"}, "no route: Network is unreachable"},
        {{Kind::gateway, 2, *IpAddress::parse("192.0.2.1"), ""}, "behind the gateway 192.0.2.1"},
        {{Kind::local, 1, {}, ""}, "an address of this host"},
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
    table_.set_route(server, {Kind::gateway, 2, *IpAddress::parse("192.0.2.1"), ""});
    EXPECT_TRUE(table_.wanted().empty());
}

TEST_F(NeighbourTableTest, KeepsWhatItKnowsOfTargetsThatStay) {
    table_.set_entry(usable(mac_a));
    table_.set_targets({server, *IpAddress::parse("192.0.2.99")});
    EXPECT_EQ(table_.mac(server, 2), mac_a);
    table_.set_targets({});
    EXPECT_EQ(table_.mac(server, 2), std::nullopt);
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
