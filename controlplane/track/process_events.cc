#include "controlplane/track/process_events.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>

namespace headgate::track {

namespace {

// Messages taken before others on this thread have their turn.
constexpr int messages_per_turn_max = 512;
constexpr std::size_t message_bytes_max = 8192;

Result<void> subscribe(int socket) {
    constexpr std::size_t payload = sizeof(cn_msg) + sizeof(proc_cn_mcast_op);
    alignas(nlmsghdr) std::array<std::byte, NLMSG_SPACE(payload)> bytes{};
    nlmsghdr header{};
    header.nlmsg_len = NLMSG_LENGTH(payload);
    header.nlmsg_type = NLMSG_DONE;
    cn_msg message{};
    message.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC};
    message.len = sizeof(proc_cn_mcast_op);
    const proc_cn_mcast_op operation = PROC_CN_MCAST_LISTEN;
    std::memcpy(bytes.data(), &header, sizeof header);
    std::memcpy(bytes.data() + NLMSG_HDRLEN, &message, sizeof message);
    std::memcpy(bytes.data() + NLMSG_HDRLEN + sizeof message, &operation, sizeof operation);
    if (::send(socket, bytes.data(), bytes.size(), 0) < 0)
        return fail_errno("subscribe to the kernel's process events");
    return {};
}

void handle(const proc_event& event, const ProcessEvents::Handlers& handlers) {
    switch (static_cast<unsigned>(event.what)) {
        case proc_event::PROC_EVENT_FORK:
            // Threads are not counted.
            if (event.event_data.fork.child_pid == event.event_data.fork.child_tgid)
                handlers.forked(event.event_data.fork.parent_tgid, event.event_data.fork.child_pid);
            break;
        case proc_event::PROC_EVENT_EXEC:
            handlers.changed(event.event_data.exec.process_tgid);
            break;
        case proc_event::PROC_EVENT_COMM:
            if (event.event_data.comm.process_pid == event.event_data.comm.process_tgid)
                handlers.changed(event.event_data.comm.process_tgid);
            break;
        case proc_event::PROC_EVENT_EXIT:
            if (event.event_data.exit.process_pid == event.event_data.exit.process_tgid)
                handlers.ended(event.event_data.exit.process_tgid);
            break;
        default:
            break;
    }
}

}  // namespace

Result<ProcessEvents> ProcessEvents::open() {
    Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_CONNECTOR));
    if (!socket)
        return fail_errno("open the kernel's process connector");
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = CN_IDX_PROC;
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return fail_errno("bind to the kernel's process connector");
    if (auto subscribed = subscribe(socket.get()); !subscribed)
        return tl::unexpected(subscribed.error());
    return ProcessEvents(std::move(socket));
}

void ProcessEvents::set_buffer(std::uint32_t bytes) const {
    const int size = static_cast<int>(bytes);
    // More than the usual limit needs a permission that we may have; without, losses are repaired.
    if (::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

bool ProcessEvents::read(const Handlers& handlers) const {
    alignas(nlmsghdr) std::array<std::byte, message_bytes_max> bytes{};
    for (int count = 0; count < messages_per_turn_max; ++count) {
        const ssize_t size = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
        if (size < 0)
            return errno != ENOBUFS;
        constexpr std::size_t offset = NLMSG_HDRLEN + sizeof(cn_msg);
        // Old kernels send an event that is shorter than the structure of the newest.
        if (static_cast<std::size_t>(size) <= offset)
            continue;
        proc_event event{};
        std::memcpy(&event, bytes.data() + offset,
                    std::min(sizeof event, static_cast<std::size_t>(size) - offset));
        handle(event, handlers);
    }
    return true;
}

}  // namespace headgate::track
