// Checks as keys: two virtual servers that ask the same question of the same target, with the same
// timing, share one probe. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "controlplane/config/model_services.h"

namespace headgate::health {

struct CheckHash {
    std::size_t operator()(const config::Check& check) const noexcept;
};

// Whom the check asks.
const Endpoint& target_of(const config::Check& check);

// keepalived's name of the checker: "TCP_CHECK", "HTTP_GET".
std::string type_of(const config::Check& check);

// keepalived's way to write a TCP target in its log: "[192.0.2.21]:tcp:80".
std::string service_name(const Endpoint& endpoint);

}  // namespace headgate::health
