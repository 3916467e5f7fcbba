// The words for parts of the model, in the API and where they are tracked. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "controlplane/config/model_services.h"

namespace headgate::config {

std::string_view to_word(Protocol protocol);  // "tcp", "udp", "sctp"

// "blackhole" for RTN_BLACKHOLE, and for FR_ACT_BLACKHOLE, which are the same from 6 to 8.
std::string_view route_type_name(std::uint8_t type);

// "192.0.2.10:80/tcp", "fwmark 7", "fwmark 7 (IPv6)"
std::string name_of(const VirtualServer& server);

}  // namespace headgate::config
