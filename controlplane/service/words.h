// The words that keepalived's users know for what the model calls by enumerators. Pure.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/config/model_names.h"
#include "controlplane/config/model_services.h"

namespace headgate::service {

std::string_view to_word(config::Scheduler scheduler);      // "rr", "wrr", ...
std::string_view to_word(config::ForwardingMethod method);  // "NAT", "DR", "TUN"
// As the configuration says it: "DR", "TUN ipip", "TUN gue port 6080 csum".
std::string words_of(const config::Forwarding& forwarding);
using config::name_of;
using config::to_word;

// "[192.0.2.10]:tcp:80", "FWM 7": how keepalived's log lines name a virtual server.
std::string log_name(const config::VirtualServer& server);
// "[192.0.2.11]:tcp:80": a real server of it.
std::string log_name(const config::VirtualServer& server, const Endpoint& real);

}  // namespace headgate::service
