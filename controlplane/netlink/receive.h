// Reading from a netlink socket: what libnl's own loop does not leave to the caller.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "common/result.h"

namespace headgate::netlink {

using Buffer = std::vector<std::uint8_t>;

// The kernel fills dump messages up to 32 KiB; notifications are far smaller.
inline constexpr std::size_t buffer_bytes = 32768;

// One datagram from the kernel: its length, 0 when none is waiting on a non-blocking socket
// (`flags` are those of recv()). Error::code is the errno; ENOBUFS: notifications were lost.
Result<std::size_t> receive(int fd, Buffer& buffer, int flags);

template <typename Handler>
void for_each_message(Buffer& buffer, std::size_t bytes, Handler handle) {
    int remaining = static_cast<int>(bytes);
    for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data());
         nlmsg_ok(message, remaining) != 0; message = nlmsg_next(message, &remaining))
        handle(message);
}

// Gives all messages that are waiting to `handle`; does not block. True: notifications were lost,
// so that what they tell of has to be listed anew. What was still queued is older than what was
// lost.
template <typename Handler>
Result<bool> read_all(int fd, Buffer& buffer, Handler handle) {
    bool lost = false;
    for (;;) {
        const auto bytes = receive(fd, buffer, MSG_DONTWAIT);
        if (bytes && *bytes > 0)
            for_each_message(buffer, *bytes, handle);
        else if (bytes)
            return lost;
        else if (bytes.error().code == ENOBUFS)
            lost = true;
        else
            return tl::unexpected(bytes.error());
    }
}

// Asks for a list of RTM_GET* kind and gives each of its messages to `handle`. False when something
// changed meanwhile, so that the list may be inconsistent. Blocks until the list has ended.
template <typename Header, typename Handler>
Result<bool> dump(nl_sock* socket, int type, Header header, Handler handle) {
    if (const int error = nl_send_simple(socket, type, NLM_F_DUMP, &header, sizeof header);
        error < 0)
        return fail("ask rtnetlink for a list: {}", nl_geterror(error));
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
            handle(message);
        });
    }
    if (refused)
        return fail("rtnetlink refuses to list");
    return consistent;
}

}  // namespace headgate::netlink
