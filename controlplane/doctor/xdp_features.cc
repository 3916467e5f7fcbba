#include "controlplane/doctor/xdp_features.h"

#include <array>
#include <cstdint>
#include <string_view>

#include <linux/genetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "common/netdev_family.h"
#include "controlplane/netlink/receive.h"
#include "controlplane/netlink/socket.h"

namespace headgate::doctor {

namespace {

constexpr int attribute_last = 16;

using Attributes = std::array<nlattr*, attribute_last + 1>;

bool parse(nlmsghdr* message, Attributes& attributes) {
    return nlmsg_parse(message, sizeof(genlmsghdr), attributes.data(), attribute_last, nullptr) >=
           0;
}

// The number of the family; 0: the kernel has none.
int family_number(nl_sock* socket) {
    int number = 0;
    const genlmsghdr all{.cmd = CTRL_CMD_GETFAMILY, .version = 1, .reserved = 0};
    (void)netlink::dump(socket, GENL_ID_CTRL, all, [&number](nlmsghdr* message) {
        Attributes attributes{};
        if (message->nlmsg_type == GENL_ID_CTRL && parse(message, attributes) &&
            attributes[CTRL_ATTR_FAMILY_NAME] != nullptr &&
            attributes[CTRL_ATTR_FAMILY_ID] != nullptr &&
            std::string_view(nla_get_string(attributes[CTRL_ATTR_FAMILY_NAME])) ==
                netdev::family_name)
            number = nla_get_u16(attributes[CTRL_ATTR_FAMILY_ID]);
    });
    return number;
}

}  // namespace

std::map<int, XdpFeatures> read_xdp_features() {
    std::map<int, XdpFeatures> result;
    const auto socket = netlink::open_socket(NETLINK_GENERIC);
    const int family = socket ? family_number(socket->get()) : 0;
    if (family == 0)
        return result;
    const genlmsghdr devices{.cmd = netdev::command_device_get, .version = 1, .reserved = 0};
    (void)netlink::dump(socket->get(), family, devices, [&](nlmsghdr* message) {
        Attributes attributes{};
        if (message->nlmsg_type != family || !parse(message, attributes) ||
            attributes[netdev::attribute_ifindex] == nullptr ||
            attributes[netdev::attribute_xdp_features] == nullptr)
            return;
        const std::uint64_t features = nla_get_u64(attributes[netdev::attribute_xdp_features]);
        result[static_cast<int>(nla_get_u32(attributes[netdev::attribute_ifindex]))] = {
            .native = (features & netdev::feature_basic) != 0,
            .transmit = (features & netdev::feature_transmit) != 0,
            .zero_copy = (features & netdev::feature_zero_copy) != 0};
    });
    return result;
}

}  // namespace headgate::doctor
