// Placement: which virtual servers a forwarding backend can carry, and why not the others. Pure.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/model_services.h"

namespace headgate::service {

// What a backend can do. A virtual server is carried when everything it asks for is listed.
struct Capabilities {
    std::vector<config::ForwardingMethod> methods;
    std::vector<config::Scheduler> schedulers;
    std::vector<config::Protocol> protocols;
    bool firewall_marks = false;
    bool persistence_engines = false;
};

// Empty when the backend can carry the virtual server; else the reason, in the words of the
// configuration: "lb_kind NAT is not supported (supported: DR, TUN)".
std::string why_not_carried(const Capabilities& backend, const config::VirtualServer& server);

}  // namespace headgate::service
