// BfdThread: every BFD session of the daemon on one thread of its own, so that neither the main
// thread nor the work of VRRP, both of which may be busy for a moment, looks like the death of a
// neighbor: with the default times fifty milliseconds of delay are one. The thread owns its event
// loop and its sockets, runs under SCHED_FIFO where that is permitted, and never waits for anybody.
//
// All other threads talk to it by the functions below. They only post work, except start() and
// stop(), which wait.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/realtime.h"
#include "controlplane/bfd/status.h"
#include "controlplane/config/model_bfd.h"

namespace headgate::bfd {

class BfdThread {
public:
    using StatusHandler = std::function<void(std::vector<InstanceStatus>)>;

    struct Options {
        // Called on the BFD thread with all sessions, in configuration order, after each state
        // transition, and once after the start and after each reconfigure(). It must not block.
        StatusHandler on_change;
        Scheduling scheduling{};
    };

    // Sockets that cannot be opened are no failure: they are tried again every second, and the
    // status of their sessions says what is wrong.
    static std::unique_ptr<BfdThread> start(std::vector<config::BfdInstance> instances,
                                            Options options);
    // As stop(). Without the memory to post the end, the end comes too.
    ~BfdThread();  // NOLINT(bugprone-exception-escape)
    BfdThread(const BfdThread&) = delete;
    BfdThread& operator=(const BfdThread&) = delete;

    // Any thread. Sessions are matched by name and addresses: a matched one stays up, and agrees
    // with its neighbor on new times without going down. The others end, or begin.
    void reconfigure(std::vector<config::BfdInstance> instances);

    // Any thread. `handler` is called on the BFD thread and must not block. It is dropped when the
    // thread has been stopped.
    void request_status(StatusHandler handler);

    // Neighbors are told that the sessions are administratively down, and the thread is joined:
    // on_change is not called again after the return. Not from the BFD thread itself. A second call
    // does nothing.
    void stop();

private:
    class Loop;
    explicit BfdThread(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace headgate::bfd
