#include "dataplane/port/packet_sender.h"

#include <cerrno>
#include <utility>

namespace headgate::dataplane {

namespace {

// Room for what the kernel has not sent yet.
constexpr int sender_buffer_bytes = 8 << 20;

Counter& counter_of(PacketSenderCounters& counters, int error) {
    switch (error) {
        case EAGAIN:
        case ENOBUFS:
        case ENOMEM:
            return counters.no_room;
        case ENETDOWN:
        case ENXIO:
        case ENODEV:
            return counters.down;
        case EMSGSIZE:
            return counters.too_long;
        default:
            return counters.failed;
    }
}

}  // namespace

PacketSender::PacketSender(Fd socket) : socket_(std::move(socket)) {
    for (sockaddr_ll& address : addresses_)
        address.sll_family = AF_PACKET;
}

Result<std::unique_ptr<PacketSender>> PacketSender::open() {
    // Protocol 0: it receives nothing.
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket)
        return fail_errno("open a packet socket for other interfaces");
    const int on = 1;
    if (::setsockopt(socket.get(), SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on) != 0)
        return fail_errno("let a packet socket bypass the queueing discipline");
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDBUFFORCE, &sender_buffer_bytes,
                 sizeof sender_buffer_bytes);
    return std::unique_ptr<PacketSender>(new PacketSender(std::move(socket)));
}

void PacketSender::add(const Frame& frame, int ifindex) {
    if (count_ == messages_.size())
        flush();
    parts_[count_] = {frame.data, frame.length};
    addresses_[count_].sll_ifindex = ifindex;
    msghdr& header = messages_[count_].msg_hdr;
    header.msg_name = &addresses_[count_];
    header.msg_namelen = sizeof addresses_[count_];
    header.msg_iov = &parts_[count_];
    header.msg_iovlen = 1;
    ++count_;
}

// The kernel stops at the first frame that it cannot send, and says why when that is the first of a
// call: then the rest is tried without it. Where an interface is down or full, what comes next for
// it goes the same way: no flood is to cost a call for each of its frames.
void PacketSender::flush() {
    std::size_t done = 0;
    while (done < count_) {
        const int sent =
            ::sendmmsg(socket_.get(), &messages_[done], static_cast<unsigned>(count_ - done), 0);
        if (sent > 0) {
            counters_.packets.add(static_cast<std::uint64_t>(sent));
            done += static_cast<std::size_t>(sent);
            continue;
        }
        if (errno == EINTR)
            continue;
        Counter& counter = counter_of(counters_, errno);
        const bool is_about_frame = &counter == &counters_.too_long;
        const int ifindex = addresses_[done].sll_ifindex;
        do {
            counter.add(1);
            ++done;
        } while (!is_about_frame && done < count_ && addresses_[done].sll_ifindex == ifindex);
    }
    count_ = 0;
}

}  // namespace headgate::dataplane
