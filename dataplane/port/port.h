// Port: the one seam between the packet core and whatever moves frames. One virtual call per
// burst, never per packet.
//
// *Worker-local*: after it was opened, a port belongs to one worker thread. One burst is
// outstanding at a time, in this order: rx_burst, (the core fills in the verdicts), to_kernel,
// tx_burst, tx_elsewhere when there is need, release, and tx_copies when there is need. Between
// rx_burst and release the frames belong to the caller, who may change their bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

#include "dataplane/core/counters.h"
#include "dataplane/core/frame.h"

namespace headgate::dataplane {

// Written by the worker, read by the control thread at any time.
struct PortCounters {
    Counter rx_packets;
    Counter rx_bytes;
    Counter tx_packets;         // by the port's own interface
    Counter tx_dropped;         // the transmit ring had no room
    Counter kernel_packets;     // handed to the kernel after they had been received
    Counter kernel_over_limit;  // dropped: more in one burst than may go to the kernel
    Counter kernel_failed;      // dropped: the kernel did not take them
};

class Port {
public:
    virtual ~Port() = default;

    // Fills burst.frames and burst.count with what has come in; 0 when nothing has.
    virtual void rx_burst(Burst& burst) = 0;
    // Sends the frames whose verdict is `transmit`. What finds no room is dropped and counted.
    virtual void tx_burst(const Burst& burst) = 0;
    // Sends copies of the frames whose verdict is `elsewhere`, each by its interface. What finds no
    // room is dropped and counted.
    virtual void tx_elsewhere(const Burst& burst) = 0;
    // Gives the kernel a copy of the frames whose verdict is `kernel`, as if they had just come in.
    // Bounded per burst; the excess is dropped and counted.
    virtual void to_kernel(const Burst& burst) = 0;
    // Takes back the buffers of all frames that were not transmitted.
    virtual void release(const Burst& burst) = 0;
    // Sends copies of frames that are not of the burst, each by the interface with its ifindex in
    // `egresses`, or with 0 by the port's. Between release() and the next rx_burst().
    virtual void tx_copies(std::span<const Frame> frames, std::span<const int> egresses) = 0;
    // Sleeps until frames may have come in, `wake_fd` is readable or the time is over.
    virtual void wait(int wake_fd, std::chrono::milliseconds timeout) = 0;

    [[nodiscard]] const PortCounters& counters() const { return counters_; }

protected:
    PortCounters counters_;
};

}  // namespace headgate::dataplane
