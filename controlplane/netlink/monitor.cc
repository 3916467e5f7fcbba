#include "controlplane/netlink/monitor.h"

#include <utility>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/socket.h>
#include <sys/socket.h>

namespace headgate::netlink {

Monitor::Monitor(Socket notifications)
    : notifications_(std::move(notifications)), buffer_(buffer_bytes) {}

Result<Monitor> Monitor::open() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    if (const int error = nl_socket_add_memberships(
            socket->get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_NONE);
        error < 0)
        return fail("subscribe to rtnetlink: {}", nl_geterror(error));
    Monitor monitor(std::move(*socket));
    // The subscription first: what changes during the dump is then told twice, but never missed.
    if (auto loaded = monitor.load(); !loaded)
        return tl::unexpected(loaded.error());
    return monitor;
}

int Monitor::fd() const {
    return nl_socket_get_fd(notifications_.get());
}

Result<void> Monitor::read() {
    const auto lost = read_all(fd(), buffer_, [this](nlmsghdr* message) { table_.apply(message); });
    if (!lost)
        return tl::unexpected(lost.error());
    return *lost ? load() : Result<void>{};
}

Result<void> Monitor::load() {
    auto socket = open_socket();
    if (!socket)
        return tl::unexpected(socket.error());
    ifinfomsg interfaces{};
    interfaces.ifi_family = AF_UNSPEC;
    ifaddrmsg any_family{};
    any_family.ifa_family = AF_UNSPEC;
    for (;;) {
        InterfaceTable table;
        const auto apply = [&table](nlmsghdr* message) { table.apply(message); };
        const auto links = dump(socket->get(), RTM_GETLINK, interfaces, apply);
        if (!links)
            return tl::unexpected(links.error());
        const auto addresses = dump(socket->get(), RTM_GETADDR, any_family, apply);
        if (!addresses)
            return tl::unexpected(addresses.error());
        if (*links && *addresses) {
            table_ = std::move(table);
            return {};
        }
    }
}

}  // namespace headgate::netlink
