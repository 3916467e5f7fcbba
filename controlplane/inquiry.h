// Inquiry: asks VRRP, BFD and the backends how they are, all at once, and waits for them a limited
// time. Main thread only.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "common/api.pb.h"
#include "controlplane/vrrp/vrrp_thread.h"

namespace boost::asio {
class io_context;
}

namespace headgate {

class Backends;
class BfdSessions;

// What came in time.
struct Reports {
    std::optional<std::vector<vrrp::InstanceStatus>> vrrp;  // without VRRP: none, at once
    std::optional<api::DataplaneState> dataplane;
    std::optional<api::DataplaneState> ipvs;
};

// `vrrp` may be nullptr. `done` is called once, not from within this call unless all answer within
// it; the sessions of `bfd` are up to date then, if they answered. Requires: all of them outlive
// the call of `done`.
void inquire(boost::asio::io_context& context, vrrp::VrrpThread* vrrp, BfdSessions& bfd,
             Backends& backends, std::function<void(Reports)> done);

}  // namespace headgate
