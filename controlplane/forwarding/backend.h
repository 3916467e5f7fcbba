// ForwardingBackend: the seam between what should be forwarded and who does it. Main thread only.
#pragma once

#include <functional>

#include "common/result.h"
#include "controlplane/service/placement.h"

namespace headgate::api {
class DataplaneReply;
class DataplaneRequest;
class DataplaneState;
class ServiceTable;
}  // namespace headgate::api

namespace headgate::forwarding {

class ForwardingBackend {
public:
    using StatsHandler = std::function<void(Result<api::DataplaneState>)>;

    ForwardingBackend() = default;
    virtual ~ForwardingBackend() = default;
    ForwardingBackend(const ForwardingBackend&) = delete;
    ForwardingBackend& operator=(const ForwardingBackend&) = delete;

    [[nodiscard]] virtual service::Capabilities capabilities() const = 0;

    // Makes `table` the whole desired state. Returns at once; the backend brings it into effect as
    // soon as it can, also after a restart of its own. Only the latest table counts.
    virtual void apply(api::ServiceTable table) = 0;

    // Calls `handler` on the main thread, exactly once and within a second or so, with the
    // backend's state and counters, or with the reason why there are none.
    virtual void stats(StatsHandler handler) = 0;

    // Likewise, with the backend's own answer; it may take a few seconds. For questions about what
    // passes through it: flows, trace, watch.
    using ReplyHandler = std::function<void(Result<api::DataplaneReply>)>;
    virtual void ask(const api::DataplaneRequest& request, ReplyHandler handler) = 0;
};

}  // namespace headgate::forwarding
