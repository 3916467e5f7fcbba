#include "controlplane/netlink/monitor.h"

#include <cerrno>
#include <utility>

#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

namespace headgate::netlink {

namespace {

// The kernel fills dump messages up to 32 KiB; notifications are far smaller.
constexpr std::size_t buffer_bytes = 32768;

using Buffer = std::vector<std::uint8_t>;

// One datagram from the kernel: its length, 0 when none is waiting on a non-blocking socket.
Result<std::size_t> receive(int fd, Buffer& buffer, int flags) {
    for (;;) {
        sockaddr_nl sender{};
        socklen_t sender_bytes = sizeof sender;
        const ssize_t received = recvfrom(fd, buffer.data(), buffer.size(), flags,
                                          reinterpret_cast<sockaddr*>(&sender), &sender_bytes);
        if (received < 0) {
            if (errno == EAGAIN)
                return 0;
            if (errno == EINTR)
                continue;
            return fail_errno("read rtnetlink notifications");
        }
        // Other processes may send to our port; only the kernel has port 0.
        if (sender.nl_pid == 0)
            return static_cast<std::size_t>(received);
    }
}

template <typename Handler>
void for_each_message(Buffer& buffer, std::size_t bytes, Handler handle) {
    int remaining = static_cast<int>(bytes);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
         nlmsg_ok(message, remaining) != 0; message = nlmsg_next(message, &remaining))
        handle(message);
}

// Adds every object of one kind to the table. False when something changed meanwhile, so that the
// dump may be inconsistent.
template <typename Header>
Result<bool> dump(nl_sock* socket, int type, Header header, InterfaceTable& table) {
    if (const int error = nl_send_simple(socket, type, NLM_F_DUMP, &header, sizeof header);
        error < 0)
        return fail("ask rtnetlink for interfaces: {}", nl_geterror(error));
    Buffer buffer(buffer_bytes);
    bool consistent = true;
    bool refused = false;
    for (bool done = false; !done && !refused;) {
        const auto bytes = receive(nl_socket_get_fd(socket), buffer, 0);
        if (!bytes)
            return tl::unexpected(bytes.error());
        for_each_message(buffer, *bytes, [&](nlmsghdr* message) {
            consistent = consistent && (message->nlmsg_flags & NLM_F_DUMP_INTR) == 0;
            done = done || message->nlmsg_type == NLMSG_DONE;
            refused = refused || message->nlmsg_type == NLMSG_ERROR;
            table.apply(message);
        });
    }
    if (refused)
        return fail("rtnetlink refuses to list the interfaces");
    return consistent;
}

}  // namespace

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
    bool lost = false;
    for (;;) {
        const auto bytes = receive(fd(), buffer_, MSG_DONTWAIT);
        if (bytes && *bytes > 0) {
            for_each_message(buffer_, *bytes, [&](nlmsghdr* message) { table_.apply(message); });
        } else if (!bytes && bytes.error().code == ENOBUFS) {
            // What is still queued is older than what was lost: out with it before the new start.
            lost = true;
        } else if (!bytes) {
            return tl::unexpected(bytes.error());
        } else {
            return lost ? load() : Result<void>{};
        }
    }
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
        const auto links = dump(socket->get(), RTM_GETLINK, interfaces, table);
        if (!links)
            return tl::unexpected(links.error());
        const auto addresses = dump(socket->get(), RTM_GETADDR, any_family, table);
        if (!addresses)
            return tl::unexpected(addresses.error());
        if (*links && *addresses) {
            table_ = std::move(table);
            return {};
        }
    }
}

}  // namespace headgate::netlink
