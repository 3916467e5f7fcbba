// Goal: the requests for interfaces on others say what the kernel is to make. Where a kernel has no
// ipvlan, as that of the machine on which this was written, no test but this one sees them.
// Method: the messages, read as the kernel reads them; no socket.
#include "controlplane/netlink/links.h"

#include <cstring>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <gtest/gtest.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {
namespace {

struct Request {
    ifinfomsg header{};
    std::uint16_t type = 0;
    std::uint16_t flags = 0;
    Attributes<IFLA_MAX> attributes{};
    std::string kind;
    Attributes<IFLA_MACVLAN_MAX> data{};  // the ipvlan attributes are fewer
    Message message;                      // which the attributes lie in
};

Request read(Message message) {
    Request request;
    nlmsghdr* const header = nlmsg_hdr(message.get());
    request.type = header->nlmsg_type;
    request.flags = header->nlmsg_flags;
    const auto* const link = parse<ifinfomsg, IFLA_MAX>(header, request.attributes);
    EXPECT_NE(link, nullptr);
    request.header = *link;
    Attributes<IFLA_INFO_MAX> information{};
    EXPECT_EQ(nla_parse_nested(information.data(), IFLA_INFO_MAX, request.attributes[IFLA_LINKINFO],
                               nullptr),
              0);
    request.kind = nla_get_string(information[IFLA_INFO_KIND]);
    EXPECT_EQ(nla_parse_nested(request.data.data(), IFLA_MACVLAN_MAX, information[IFLA_INFO_DATA],
                               nullptr),
              0);
    request.message = std::move(message);
    return request;
}

std::uint16_t u16_of(const nlattr* attribute) {
    EXPECT_NE(attribute, nullptr);
    EXPECT_EQ(nla_len(attribute), 2);
    return nla_get_u16(attribute);
}

TEST(StackedLink, AnIpvlanIsMadeInModeL2WithTheMacAddressOfItsBase) {
    const Request request = read(request_to_add(7, "vrrp.51", Ipvlan{.flags = IPVLAN_F_PRIVATE}));
    EXPECT_EQ(request.type, RTM_NEWLINK);
    EXPECT_EQ(request.flags & (NLM_F_CREATE | NLM_F_EXCL), NLM_F_CREATE | NLM_F_EXCL);
    EXPECT_EQ(request.header.ifi_index, 0);
    EXPECT_EQ(request.header.ifi_change & IFF_UP, 0U) << "it comes up later";
    EXPECT_EQ(nla_get_u32(request.attributes[IFLA_LINK]), 7U);
    EXPECT_STREQ(nla_get_string(request.attributes[IFLA_IFNAME]), "vrrp.51");
    EXPECT_EQ(request.attributes[IFLA_ADDRESS], nullptr);
    EXPECT_EQ(request.kind, "ipvlan");
    EXPECT_EQ(u16_of(request.data[IFLA_IPVLAN_MODE]), IPVLAN_MODE_L2);
    EXPECT_EQ(u16_of(request.data[IFLA_IPVLAN_FLAGS]), IPVLAN_F_PRIVATE);
}

TEST(StackedLink, TheModeOfAnAdoptedIpvlanIsSet) {
    const Request request = read(request_for_mode(9, Ipvlan{.flags = 0}));
    EXPECT_EQ(request.type, RTM_NEWLINK);
    EXPECT_EQ(request.flags & (NLM_F_CREATE | NLM_F_EXCL), 0);
    EXPECT_EQ(request.header.ifi_index, 9);
    EXPECT_EQ(request.kind, "ipvlan");
    EXPECT_EQ(u16_of(request.data[IFLA_IPVLAN_MODE]), IPVLAN_MODE_L2);
    EXPECT_EQ(u16_of(request.data[IFLA_IPVLAN_FLAGS]), 0) << "bridge";
}

TEST(StackedLink, AMacvlanHasItsOwnMacAddressAndIsInModeVepa) {
    const MacAddress mac{{0, 0, 0x5e, 0, 1, 51}};
    const Request request = read(request_to_add(7, "vrrp.51", Macvlan{.mac = mac}));
    ASSERT_NE(request.attributes[IFLA_ADDRESS], nullptr);
    EXPECT_EQ(
        std::memcmp(nla_data(request.attributes[IFLA_ADDRESS]), mac.bytes.data(), mac.bytes.size()),
        0);
    EXPECT_EQ(request.kind, "macvlan");
    EXPECT_EQ(nla_get_u32(request.data[IFLA_MACVLAN_MODE]), MACVLAN_MODE_VEPA);
}

}  // namespace
}  // namespace headgate::netlink
