#include "controlplane/netlink/route_monitor.h"

#include <cstddef>
#include <vector>

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/filter.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "controlplane/netlink/attributes.h"

namespace headgate::netlink {

namespace {

// Classic BPF over a notification: of the messages about routes those of our protocols pass, and
// all others but the news of an address, which the renewal of a lease is, too. It reads a halfword
// as a packet has it, and netlink writes it as the host does.
Result<void> filter(int fd, const std::set<std::uint8_t>& protocols) {
    constexpr std::uint32_t protocol_offset = NLMSG_HDRLEN + offsetof(rtmsg, rtm_protocol);
    const auto count = static_cast<std::uint8_t>(protocols.size());
    std::vector<sock_filter> code{
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWADDR),
                 static_cast<std::uint8_t>(count + 3), 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 0,
                 static_cast<std::uint8_t>(count + 2)),
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, protocol_offset),
    };
    std::uint8_t remaining = count;
    for (const std::uint8_t protocol : protocols) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, protocol, remaining, 0));
        --remaining;
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
    code.push_back(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
    const sock_fprog program{.len = static_cast<unsigned short>(code.size()),
                             .filter = code.data()};
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
        return fail_errno("filter rtnetlink notifications");
    return {};
}

Result<bool> dump_all(nl_sock* socket, const std::set<std::uint8_t>& protocols, RouteTable& table) {
    const auto apply = [&table](nlmsghdr* message) { table.apply(message); };
    bool consistent = true;
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
        for (const std::uint8_t protocol : protocols) {
            rtmsg routes{};
            routes.rtm_family = family;
            routes.rtm_protocol = protocol;
            auto listed = dump(socket, RTM_GETROUTE, routes, apply);
            if (!listed)
                return listed;
            consistent = consistent && *listed;
        }
        fib_rule_hdr rules{};
        rules.family = family;
        auto listed = dump(socket, RTM_GETRULE, rules, apply);
        if (!listed)
            return listed;
        consistent = consistent && *listed;
    }
    return consistent;
}

}  // namespace

RouteMonitor::RouteMonitor(Socket notifications, std::set<std::uint8_t> protocols)
    : notifications_(std::move(notifications)),
      protocols_(std::move(protocols)),
      buffer_(buffer_bytes),
      table_(protocols_) {}

Result<RouteMonitor> RouteMonitor::open(std::set<std::uint8_t> protocols) {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    if (auto filtered = filter(nl_socket_get_fd(socket->get()), protocols); !filtered)
        return tl::unexpected(filtered.error());
    if (const int error = nl_socket_add_memberships(
            socket->get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE,
            RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE, RTNLGRP_NONE);
        error < 0)
        return fail("subscribe to the routes of rtnetlink: {}", nl_geterror(error));
    RouteMonitor monitor(std::move(*socket), std::move(protocols));
    if (auto loaded = monitor.load(); !loaded)
        return tl::unexpected(loaded.error());
    return monitor;
}

int RouteMonitor::fd() const {
    return nl_socket_get_fd(notifications_.get());
}

Result<void> RouteMonitor::read() {
    const auto lost = read_all(fd(), buffer_, [this](nlmsghdr* message) { table_.apply(message); });
    if (!lost)
        return tl::unexpected(lost.error());
    return *lost ? load() : Result<void>{};
}

Result<void> RouteMonitor::load() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    // Then the kernel heeds the protocol in the request. One that does not know this lists all, and
    // the table takes its own.
    const int on = 1;
    setsockopt(nl_socket_get_fd(socket->get()), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on,
               sizeof on);
    for (;;) {
        RouteTable table(protocols_);
        const auto consistent = dump_all(socket->get(), protocols_, table);
        if (!consistent)
            return tl::unexpected(consistent.error());
        if (*consistent) {
            table_ = std::move(table);
            return {};
        }
    }
}

Result<void> RouteMonitor::remove_others(const std::vector<config::Route>& routes,
                                         const std::vector<config::Rule>& rules,
                                         const InterfaceTable& interfaces) {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    for (RouteTable::Bytes& request : table_.requests_to_remove_others(routes, rules, interfaces)) {
        Message message(nlmsg_convert(reinterpret_cast<nlmsghdr*>(request.data())));
        check(message != nullptr, "there is memory for a netlink message");
        // It may be gone by now.
        (void)perform(socket->get(), std::move(message));
    }
    return read();
}

}  // namespace headgate::netlink
