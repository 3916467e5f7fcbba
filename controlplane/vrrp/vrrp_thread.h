// VrrpThread: every VRRP instance of the daemon on one thread of its own, so that a blocked script,
// checker, DNS lookup or log write never delays an advert. The thread owns its event loop, its raw
// sockets and its netlink sockets; it runs under SCHED_FIFO with its memory locked where that is
// permitted, and says once in the log where it is not.
//
// All other threads talk to it by the functions below. They only post work, except start() and
// stop(), which wait. The VRRP thread never waits for anybody; the one lock it shares with others
// is the kernel's own RTNL, inside a netlink request.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/status.h"
#include "controlplane/vrrp/tracking.h"

namespace headgate::vrrp {

class Loop;

class VrrpThread {
public:
    using StatusHandler = std::function<void(std::vector<InstanceStatus>)>;
    using StandingHandler = std::function<void(std::vector<Standing>)>;

    struct Options {
        // Called on the VRRP thread after each state transition, whenever a VIP appears in or
        // disappears from the kernel, and once after the start and after each reconfigure(). Ask
        // for the standings then: one answer may serve many changes. It must not block. May be
        // empty.
        std::function<void()> on_change;
        // What trackers have said before the start.
        TrackerStates trackers{};
        // What an earlier run was told: instances of these names hold back when they first start.
        std::map<std::string, Hold> holds{};
    };

    // What a request to step down has come to.
    struct StepDown {
        std::vector<std::string> instances;  // that asked for, and the rest of its sync group
        State before = State::init;          // of the one that was asked for
        std::int64_t until_unix_ms = 0;
    };
    // Nothing: there is no such instance.
    using StepDownHandler = std::function<void(std::optional<StepDown>)>;

    // Fails when the sockets cannot be opened (no CAP_NET_ADMIN or CAP_NET_RAW). A missing
    // interface is no failure: its instances are in FAULT until it comes up.
    static Result<std::unique_ptr<VrrpThread>> start(config::Vrrp config, Options options);
    // As stop(). Without the memory to post the end, the end comes too.
    ~VrrpThread();  // NOLINT(bugprone-exception-escape)
    VrrpThread(const VrrpThread&) = delete;
    VrrpThread& operator=(const VrrpThread&) = delete;

    // Any thread. Instances are matched by name: a matched one keeps its state and its timers, and
    // no advert is missed. One whose interface or virtual_router_id changed resigns and starts
    // again as BACKUP, since it is now part of another group of routers.
    void reconfigure(config::Vrrp config);

    // Any thread. `handler` is called on the VRRP thread with all instances, in configuration
    // order, and must not block: post the value to your own loop. It is dropped when the thread has
    // been stopped.
    void request_status(StatusHandler handler);
    void request_standings(StandingHandler handler);

    // Any thread. The instance steps down, and holds back for a time: see Fsm::yield(). So do the
    // others of its sync group. `hold` of zero ends an earlier hold instead. `handler`: as above.
    void step_down(std::string instance, std::chrono::seconds hold, std::string reason,
                   StepDownHandler handler);

    // Any thread. A tracker has come to a verdict; instances that use it act on it.
    void on_tracker(TrackerId id, TrackerState state);

    // Masters send priority 0, VIPs are removed, and the thread is joined: on_change is not called
    // again after the return. Not from the VRRP thread itself. A second call does nothing.
    void stop();

private:
    explicit VrrpThread(std::unique_ptr<Loop> loop);
    std::unique_ptr<Loop> loop_;
};

}  // namespace headgate::vrrp
