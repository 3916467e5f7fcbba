// What the users of rtnetlink share: an open libnl socket, a message, and libnl's errors as ours.
#pragma once

#include <functional>
#include <memory>

#include <linux/netlink.h>

#include "common/result.h"

struct nl_msg;
struct nl_sock;

namespace headgate::netlink {

struct SocketDeleter {
    void operator()(nl_sock* socket) const;
};
struct MessageDeleter {
    void operator()(nl_msg* message) const;
};
using Socket = std::unique_ptr<nl_sock, SocketDeleter>;
using Message = std::unique_ptr<nl_msg, MessageDeleter>;

// A blocking socket to this network namespace; `protocol` is NETLINK_ROUTE or another.
Result<Socket> open_socket(int protocol = NETLINK_ROUTE);

// A request of one of the RTM_* types with NLM_F_* flags beside those that every request has.
Message new_request(int type, int flags);

// Sends the request and waits for the kernel's answer, which is there when the call that sends it
// returns. It takes as long as the kernel's RTNL lock is held by others.
// Error::code of a failure is the kernel's errno; the message has the kernel's own words, if any.
// EINTR: it was interrupted, and says nothing of what it has done; it sends no answer then.
Result<void> perform(nl_sock* socket, Message request);

// Likewise, of a request that asks for something: `handle` gets each message of the answer.
Result<void> ask(nl_sock* socket, Message request, const std::function<void(nlmsghdr*)>& handle);

}  // namespace headgate::netlink
