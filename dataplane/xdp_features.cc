#include "dataplane/xdp_features.h"

#include <array>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/socket.h>

#include "common/netdev_family.h"
#include "dataplane/netlink_exchange.h"

namespace headgate::dataplane {

namespace {

constexpr int attribute_last = 16;
using Attributes = std::array<nlattr*, attribute_last + 1>;

NetlinkMessage generic_request(int family, std::uint8_t command) {
    NetlinkMessage request = new_message(family, 0);
    genlmsghdr header{};
    header.cmd = command;
    header.version = 1;
    nlmsg_append(request.get(), &header, sizeof header, NLMSG_ALIGNTO);
    return request;
}

bool parse(const nlmsghdr* message, Attributes& attributes) {
    return nlmsg_parse(const_cast<nlmsghdr*>(message), sizeof(genlmsghdr), attributes.data(),
                       attribute_last, nullptr) >= 0;
}

// The number of the family; 0: the kernel has none.
std::uint16_t netdev_family(nl_sock* socket) {
    const NetlinkMessage request = generic_request(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
    nla_put_string(request.get(), CTRL_ATTR_FAMILY_NAME, netdev::family_name);
    std::uint16_t family = 0;
    exchange(socket, request.get(), [&family](const nlmsghdr* message) {
        Attributes attributes{};
        if (parse(message, attributes) && attributes[CTRL_ATTR_FAMILY_ID] != nullptr)
            family = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
    });
    return family;
}

}  // namespace

XdpFeatures::XdpFeatures() : socket_(open_netlink(NETLINK_GENERIC)) {
    if (socket_ != nullptr)
        family_ = netdev_family(socket_);
}

XdpFeatures::~XdpFeatures() {
    if (socket_ != nullptr)
        nl_socket_free(socket_);
}

TakesRedirects XdpFeatures::takes_redirects(int ifindex) {
    if (family_ == 0)
        return TakesRedirects::unknown;
    const NetlinkMessage request = generic_request(family_, netdev::command_device_get);
    nla_put_u32(request.get(), netdev::attribute_ifindex, static_cast<std::uint32_t>(ifindex));
    TakesRedirects answer = TakesRedirects::unknown;
    exchange(socket_, request.get(), [&answer](const nlmsghdr* message) {
        Attributes attributes{};
        if (!parse(message, attributes) || attributes[netdev::attribute_xdp_features] == nullptr)
            return;
        const std::uint64_t features = nla_get_u64(attributes[netdev::attribute_xdp_features]);
        answer =
            (features & netdev::feature_transmit) != 0 ? TakesRedirects::yes : TakesRedirects::no;
    });
    return answer;
}

}  // namespace headgate::dataplane
