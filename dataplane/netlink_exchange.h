// A conversation with the kernel by netlink: one request, its answer. *Control thread* only.
#pragma once

#include <functional>
#include <memory>

#include <netlink/msg.h>

struct nl_sock;

namespace headgate::dataplane {

struct NetlinkMessageDeleter {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
};
using NetlinkMessage = std::unique_ptr<nl_msg, NetlinkMessageDeleter>;

NetlinkMessage new_message(int type, int flags);

using OnMessage = std::function<void(const nlmsghdr*)>;

// Sends the request and hands each message of the answer to `on_message`. Returns 0 or an errno.
int exchange(nl_sock* socket, nl_msg* request, const OnMessage& on_message);

// A socket of that netlink protocol, which the caller owns; nullptr, with errno, without one.
nl_sock* open_netlink(int protocol);

}  // namespace headgate::dataplane
