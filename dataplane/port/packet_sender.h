// PacketSender: sends frames by other interfaces than that of a port, through an AF_PACKET socket:
// what a worker has for a real server on another segment, and the flow cache does not (yet).
//
// One socket serves all interfaces, each frame names its own; so nothing has to be opened when a
// route changes, and whatever exists in the network namespace will do. Frames pass by the queueing
// discipline, as those of AF_XDP and of the XDP program do: nobody waits for room, what finds none
// is counted. One system call for a batch. The kernel copies: some hundred thousand packets a
// second. For more, one would bind an AF_XDP socket that shares the port's packet memory to the
// other interface, which then has to have a queue for each worker, and a program of ours.
//
// Opened on the control thread, then *worker-local*; counters may be read from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include <linux/if_packet.h>
#include <sys/socket.h>

#include "common/fd.h"
#include "common/result.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/frame.h"

namespace headgate::dataplane {

struct PacketSenderCounters {
    Counter packets;
    // What was not sent, by why.
    Counter no_room;   // the driver or the socket's buffer was full, or there was no carrier
    Counter down;      // the interface was down, or gone
    Counter too_long;  // for the interface
    Counter failed;    // any other error
};

class PacketSender {
public:
    static Result<std::unique_ptr<PacketSender>> open();
    PacketSender(const PacketSender&) = delete;
    PacketSender& operator=(const PacketSender&) = delete;

    // `frame` leaves by that interface when flush() is called, or before. Its bytes stay as they
    // are until then.
    void add(const Frame& frame, int ifindex);
    void flush();

    [[nodiscard]] const PacketSenderCounters& counters() const { return counters_; }

private:
    explicit PacketSender(Fd socket);

    Fd socket_;
    std::size_t count_ = 0;
    std::array<mmsghdr, burst_max> messages_{};
    std::array<iovec, burst_max> parts_{};
    std::array<sockaddr_ll, burst_max> addresses_{};
    PacketSenderCounters counters_;
};

}  // namespace headgate::dataplane
