// The reference of the worker path: AF_XDP without a load balancer. Every frame of one device goes
// to a socket, and a thread swaps its MAC addresses and sends it back; through the project's own
// port, so that what differs is the core.
#pragma once

#include <atomic>
#include <memory>
#include <thread>

#include "bench/traffic.h"
#include "common/result.h"
#include "dataplane/port/afxdp.h"

namespace headgate::bench {

class BareLoop {
public:
    static Result<std::unique_ptr<BareLoop>> start(Traffic& traffic);
    ~BareLoop();
    BareLoop(const BareLoop&) = delete;
    BareLoop& operator=(const BareLoop&) = delete;

private:
    BareLoop() = default;
    void run();

    lb_opening_share unused_share_{};
    std::unique_ptr<dataplane::AfxdpPort> port_;
    Fd link_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace headgate::bench
