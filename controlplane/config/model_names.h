// The words for parts of the model, in the API and where they are tracked. Pure.
#pragma once

#include <string>
#include <string_view>

#include "controlplane/config/model_services.h"

namespace headgate::config {

std::string_view to_word(Protocol protocol);  // "tcp", "udp", "sctp"

// "192.0.2.10:80/tcp"
std::string name_of(const VirtualServer& server);

}  // namespace headgate::config
