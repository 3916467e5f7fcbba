// An InterfaceTable with eth0, as the kernel would tell of it.
#pragma once

#include <string_view>

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "common/net.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/netlink/socket.h"

namespace headgate::vrrp {

struct OneInterface {
    static constexpr int index = 7;

    // Again with other flags: they have changed.
    void add_interface(unsigned flags) { apply_link(RTM_NEWLINK, flags); }
    void remove_interface() { apply_link(RTM_DELLINK, 0); }

    void add_address(std::string_view text, unsigned char flags = 0) {
        const Prefix prefix = *Prefix::parse(text);
        netlink::Message message = netlink::new_request(RTM_NEWADDR, 0);
        ifaddrmsg header{};
        header.ifa_family = prefix.address.is_v4() ? AF_INET : AF_INET6;
        header.ifa_prefixlen = prefix.length;
        header.ifa_flags = flags;
        header.ifa_index = index;
        nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
        const auto bytes = prefix.address.bytes();
        nla_put(message.get(), IFA_ADDRESS, static_cast<int>(bytes.size()), bytes.data());
        table.apply(nlmsg_hdr(message.get()));
    }

    netlink::InterfaceTable table;

private:
    void apply_link(int type, unsigned flags) {
        netlink::Message message = netlink::new_request(type, 0);
        ifinfomsg header{};
        header.ifi_index = index;
        header.ifi_flags = flags;
        nlmsg_append(message.get(), &header, sizeof header, NLMSG_ALIGNTO);
        nla_put_string(message.get(), IFLA_IFNAME, "eth0");
        nla_put_u32(message.get(), IFLA_MTU, 1500);
        table.apply(nlmsg_hdr(message.get()));
    }
};

}  // namespace headgate::vrrp
