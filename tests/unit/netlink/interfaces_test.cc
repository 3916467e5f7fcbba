// Goal: the interface table follows rtnetlink messages, ignores what is not about it, and picks the
// address to send from; and the requests for leased addresses say what they must.
// Method: messages built with libnl, as the kernel lays them out; no socket.
#include "controlplane/netlink/interfaces.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <gtest/gtest.h>

#include "controlplane/netlink/addresses.h"

namespace headgate::netlink {
namespace {

Prefix prefix(std::string_view text) {
    return *Prefix::parse(text);
}

Be32 v4(std::string_view text) {
    return IpAddress::parse(text)->as_v4();
}

Message link_message(int type, int index, const char* name, unsigned flags,
                     unsigned char family = AF_UNSPEC) {
    Message message = new_request(type, 0);
    ifinfomsg header{};
    header.ifi_family = family;
    header.ifi_index = index;
    header.ifi_flags = flags;
    nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
    nla_put_string(message.get(), IFLA_IFNAME, name);
    const MacAddress mac{{2, 0, 0, 0, 0, 9}};
    nla_put(message.get(), IFLA_ADDRESS, 6, mac.bytes.data());
    return message;
}

Message address_message(int type, int index, std::string_view text, unsigned char flags = 0) {
    const Prefix address = prefix(text);
    Message message = new_request(type, 0);
    ifaddrmsg header{};
    header.ifa_family = address.address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = address.length;
    header.ifa_flags = flags;
    header.ifa_index = static_cast<unsigned>(index);
    nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
    const auto bytes = address.address.bytes();
    nla_put(message.get(), IFA_ADDRESS, static_cast<int>(bytes.size()), bytes.data());
    if (!address.address.is_v4())
        return message;
    nla_put_u32(message.get(), IFA_LOCAL, address.address.as_v4().raw());
    return message;
}

class Table : public testing::Test {
protected:
    void apply(const Message& message) { table.apply(nlmsg_hdr(message.get())); }
    InterfaceTable table;
};

TEST_F(Table, KnowsTheAliasOfAnInterface) {
    const Message message = link_message(RTM_NEWLINK, 7, "alias0", IFF_UP);
    nla_put(message.get(), IFLA_IFALIAS, 5, "uplinks");  // no zero at the end
    table.apply(nlmsg_hdr(message.get()));
    EXPECT_EQ(table.find("alias0")->alias, "uplin");
    const Message without = link_message(RTM_NEWLINK, 7, "alias0", IFF_UP);
    table.apply(nlmsg_hdr(without.get()));
    EXPECT_EQ(table.find("alias0")->alias, "");
    EXPECT_TRUE(table.all().contains(7));
}

TEST_F(Table, FollowsAnInterfaceThroughItsLife) {
    apply(link_message(RTM_NEWLINK, 7, "eth0", 0));
    ASSERT_NE(table.find("eth0"), nullptr);
    EXPECT_FALSE(table.find("eth0")->up);
    EXPECT_EQ(table.find("eth0")->mac.to_string(), "02:00:00:00:00:09");

    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    EXPECT_TRUE(table.find("eth0")->up);
    EXPECT_FALSE(table.find("eth0")->running);
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP | IFF_RUNNING));
    EXPECT_TRUE(table.find("eth0")->running);

    apply(link_message(RTM_NEWLINK, 7, "wan0", IFF_UP | IFF_RUNNING));
    EXPECT_EQ(table.find("eth0"), nullptr);
    ASSERT_NE(table.find("wan0"), nullptr);

    apply(address_message(RTM_NEWADDR, 7, "10.0.0.1/24"));
    apply(link_message(RTM_DELLINK, 7, "wan0", 0));
    EXPECT_EQ(table.find("wan0"), nullptr);
    EXPECT_FALSE(table.has_address(7, prefix("10.0.0.1/24"))) << "its addresses go with it";
}

TEST_F(Table, KnowsTheBaseOfAMacvlanButNotThePeerOfAVeth) {
    const auto linked = [](int index, const char* name, const char* kind) {
        Message message = link_message(RTM_NEWLINK, index, name, IFF_UP | IFF_NOARP);
        nla_put_u32(message.get(), IFLA_LINK, 7);
        nlattr* const information = nla_nest_start(message.get(), IFLA_LINKINFO);
        nla_put_string(message.get(), IFLA_INFO_KIND, kind);
        nla_nest_end(message.get(), information);
        return message;
    };
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    apply(linked(8, "vrrp.51", "macvlan"));
    apply(linked(9, "veth0", "veth"));
    EXPECT_EQ(table.base_of(*table.find("vrrp.51")), table.find("eth0"));
    apply(linked(10, "ipvlan0", "ipvlan"));
    EXPECT_EQ(table.base_of(*table.find("ipvlan0")), table.find("eth0"));
    EXPECT_EQ(table.find("ipvlan0")->kind, LinkKind::ipvlan);
    EXPECT_EQ(table.find("vrrp.51")->kind, LinkKind::macvlan);
    EXPECT_EQ(table.find("veth0")->kind, LinkKind::other);
    EXPECT_EQ(table.base_of(*table.find("veth0")), nullptr);
    EXPECT_EQ(table.base_of(*table.find("eth0")), nullptr);
    EXPECT_TRUE(table.find("eth0")->arp);
    EXPECT_FALSE(table.find("veth0")->arp);
}

TEST_F(Table, DoesNotTakeABridgePortThatLeavesForAnInterfaceThatIsGone) {
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    apply(link_message(RTM_DELLINK, 7, "eth0", IFF_UP, AF_BRIDGE));
    EXPECT_NE(table.find("eth0"), nullptr);
}

TEST_F(Table, TellsAddressesApartByInterfaceAndPrefixLength) {
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.100/32"));
    EXPECT_TRUE(table.has_address(7, prefix("10.0.0.100/32")));
    EXPECT_FALSE(table.has_address(7, prefix("10.0.0.100/24")));
    EXPECT_FALSE(table.has_address(8, prefix("10.0.0.100/32")));
    apply(address_message(RTM_DELADDR, 7, "10.0.0.100/24"));
    EXPECT_TRUE(table.has_address(7, prefix("10.0.0.100/32")));
    apply(address_message(RTM_DELADDR, 7, "10.0.0.100/32"));
    EXPECT_FALSE(table.has_address(7, prefix("10.0.0.100/32")));
}

TEST_F(Table, SendsFromThePrimaryAddressThatIsNoVip) {
    const std::set<IpAddress> vips{*IpAddress::parse("10.0.0.100")};
    EXPECT_EQ(table.primary_address(7, vips), std::nullopt);
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.100/24"));
    EXPECT_EQ(table.primary_address(7, vips), std::nullopt) << "a VIP left behind is none";
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.2/24", IFA_F_SECONDARY));
    EXPECT_EQ(table.primary_address(7, vips), v4("10.0.0.2")) << "better than none";
    apply(address_message(RTM_NEWADDR, 7, "192.0.2.1/24"));
    apply(address_message(RTM_NEWADDR, 7, "198.51.100.1/24"));
    EXPECT_EQ(table.primary_address(7, vips), v4("192.0.2.1"));
}

TEST_F(Table, SendsIpv6FromTheLinkLocalAddressOnceItIsKnownToBeUnique) {
    const IpAddress link_local = *IpAddress::parse("fe80::2");
    apply(address_message(RTM_NEWADDR, 7, "2001:db8::2/64"));
    apply(address_message(RTM_NEWADDR, 7, "fe80::2/64", IFA_F_TENTATIVE));
    EXPECT_EQ(table.source_address(7, Family::ipv6, {}), std::nullopt);
    EXPECT_FALSE(table.can_send_from(7, link_local));
    apply(address_message(RTM_NEWADDR, 7, "fe80::2/64"));
    EXPECT_EQ(table.source_address(7, Family::ipv6, {}), link_local);
    EXPECT_EQ(table.source_address(7, Family::ipv4, {}), std::nullopt);
    EXPECT_EQ(table.source_address(7, Family::ipv6, {link_local}), std::nullopt);
    EXPECT_TRUE(table.can_send_from(7, link_local));
    EXPECT_FALSE(table.can_send_from(8, link_local));
}

// `renewed`: in hundredths of a second.
Message leased(std::uint8_t protocol, std::uint32_t valid, std::uint32_t renewed = 12345) {
    Message message = address_message(RTM_NEWADDR, 7, "10.0.0.100/32");
    nla_put_u8(message.get(), IFA_PROTO, protocol);
    ifa_cacheinfo info{};
    info.ifa_valid = valid;
    info.tstamp = renewed;
    nla_put(message.get(), IFA_CACHEINFO, sizeof info, &info);
    return message;
}

TEST_F(Table, KnowsWhenALeaseOfOursWasRenewed) {
    const auto renewed = [&] { return table.renewed(7, prefix("10.0.0.100/32")); };
    EXPECT_EQ(renewed(), std::nullopt);
    apply(leased(address_protocol_vrrp, 3));
    EXPECT_EQ(renewed(), Instant(std::chrono::milliseconds(123450)));
    EXPECT_EQ(table.renewed(8, prefix("10.0.0.100/32")), std::nullopt);
    apply(leased(address_protocol_vrrp, 0xffffffff));
    EXPECT_EQ(renewed(), std::nullopt) << "for ever: of keepalived, or static";
    apply(leased(1, 3));
    EXPECT_EQ(renewed(), std::nullopt) << "of somebody else";
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.100/32"));
    EXPECT_EQ(renewed(), std::nullopt);
}

TEST_F(Table, FindsTheInterfaceOfAnAddress) {
    const IpAddress address = *IpAddress::parse("2001:db8::2");
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    EXPECT_EQ(table.holder(address), nullptr);
    apply(address_message(RTM_NEWADDR, 7, "2001:db8::2/64"));
    ASSERT_NE(table.holder(address), nullptr);
    EXPECT_EQ(table.holder(address)->name, "eth0");
    apply(address_message(RTM_DELADDR, 7, "2001:db8::2/64"));
    EXPECT_EQ(table.holder(address), nullptr);
}

TEST_F(Table, OwnRequestsAndTheirNotificationsMakeOneAddress) {
    table.add_address(7, prefix("10.0.0.100/32"));
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.100/32"));
    table.remove_address(7, prefix("10.0.0.100/32"));
    EXPECT_FALSE(table.has_address(7, prefix("10.0.0.100/32")));
}

TEST_F(Table, ARenewalIsNoChangeAndEverythingElseIs) {
    EXPECT_TRUE(table.take_changed()) << "at first";
    EXPECT_FALSE(table.take_changed());
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    EXPECT_TRUE(table.take_changed());
    apply(link_message(RTM_NEWLINK, 7, "eth0", IFF_UP));
    EXPECT_FALSE(table.take_changed()) << "the same again";
    apply(link_message(RTM_NEWLINK, 7, "eth0", 0));
    EXPECT_TRUE(table.take_changed());

    apply(leased(address_protocol_vrrp, 3));
    EXPECT_TRUE(table.take_changed());
    apply(leased(address_protocol_vrrp, 3, 12445));
    EXPECT_FALSE(table.take_changed()) << "a renewal";
    EXPECT_EQ(table.renewed(7, prefix("10.0.0.100/32")),
              Instant(std::chrono::milliseconds(124450)));
    apply(address_message(RTM_NEWADDR, 7, "10.0.0.100/32", IFA_F_SECONDARY));
    EXPECT_TRUE(table.take_changed());
    apply(address_message(RTM_DELADDR, 7, "10.0.0.100/32"));
    EXPECT_TRUE(table.take_changed());
    apply(address_message(RTM_DELADDR, 7, "10.0.0.100/32"));
    EXPECT_FALSE(table.take_changed());

    table.add_address(7, prefix("10.0.0.100/32"));
    EXPECT_TRUE(table.take_changed()) << "our own requests count, too";
    table.add_address(7, prefix("10.0.0.100/32"));
    EXPECT_FALSE(table.take_changed());
    apply(link_message(RTM_DELLINK, 7, "eth0", 0));
    EXPECT_TRUE(table.take_changed());
}

TEST_F(Table, IgnoresMalformedMessages) {
    Message cut = new_request(RTM_NEWADDR, 0);
    apply(cut);
    Message nameless = new_request(RTM_NEWADDR, 0);
    ifaddrmsg header{};
    header.ifa_family = AF_INET;
    header.ifa_prefixlen = 24;
    nlmsg_append(nameless.get(), &header, sizeof header, NLMSG_ALIGNTO);
    nla_put_u8(nameless.get(), IFA_LOCAL, 10);
    apply(nameless);
    EXPECT_EQ(table.primary_address(0, {}), std::nullopt);
}

config::VirtualAddress vip() {
    return {.prefix = prefix("10.0.0.100/24"),
            .interface = "eth0",
            .label = "eth0:vip",
            .broadcast = IpAddress::parse("10.0.0.255").value(),
            .scope = RT_SCOPE_LINK};
}

TEST(LeaseRequest, CarriesTheLeaseAndEverythingThatIsConfigured) {
    const Message message = lease_request(7, vip(), std::chrono::seconds(3));
    nlmsghdr* const header = nlmsg_hdr(message.get());
    EXPECT_EQ(header->nlmsg_type, RTM_NEWADDR);
    EXPECT_EQ(header->nlmsg_flags & (NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL),
              NLM_F_CREATE | NLM_F_REPLACE);
    const auto* const address = static_cast<const ifaddrmsg*>(nlmsg_data(header));
    EXPECT_EQ(address->ifa_index, 7U);
    EXPECT_EQ(address->ifa_prefixlen, 24);
    EXPECT_EQ(address->ifa_scope, RT_SCOPE_LINK);
    const auto attribute = [&](int type) {
        return nlmsg_find_attr(header, sizeof(ifaddrmsg), type);
    };
    EXPECT_EQ(nla_get_u32(attribute(IFA_LOCAL)), v4("10.0.0.100").raw());
    EXPECT_EQ(nla_get_u32(attribute(IFA_BROADCAST)), v4("10.0.0.255").raw());
    EXPECT_STREQ(nla_get_string(attribute(IFA_LABEL)), "eth0:vip");
    const auto* const lifetime =
        static_cast<const ifa_cacheinfo*>(nla_data(attribute(IFA_CACHEINFO)));
    EXPECT_EQ(lifetime->ifa_valid, 3U);
    EXPECT_EQ(lifetime->ifa_prefered, 3U);
}

TEST(LeaseRequest, LeavesOutWhatIsNotConfigured) {
    config::VirtualAddress plain = vip();
    plain.label.clear();
    plain.broadcast.reset();
    const Message message = lease_request(7, plain, std::chrono::seconds(3));
    nlmsghdr* const header = nlmsg_hdr(message.get());
    EXPECT_EQ(nlmsg_find_attr(header, sizeof(ifaddrmsg), IFA_LABEL), nullptr);
    EXPECT_EQ(nlmsg_find_attr(header, sizeof(ifaddrmsg), IFA_BROADCAST), nullptr);
}

TEST(RemoveRequest, NamesTheAddressWithItsPrefixLength) {
    const Message message = remove_request(7, vip());
    nlmsghdr* const header = nlmsg_hdr(message.get());
    EXPECT_EQ(header->nlmsg_type, RTM_DELADDR);
    EXPECT_EQ(static_cast<const ifaddrmsg*>(nlmsg_data(header))->ifa_prefixlen, 24);
    EXPECT_EQ(nla_get_u32(nlmsg_find_attr(header, sizeof(ifaddrmsg), IFA_LOCAL)),
              v4("10.0.0.100").raw());
}

}  // namespace
}  // namespace headgate::netlink
