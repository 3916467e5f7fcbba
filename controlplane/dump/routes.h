// Virtual routes and rules in the words of keepalived 2.2.7. Pure.
#pragma once

#include <string>

#include "controlplane/config/model_routes.h"

namespace headgate::dump {

// "prepend 198.51.100.0/24 via inet 192.0.2.1 dev eth0 proto 18 metric 5"
std::string route_words(const config::Route& route);

// "from 198.51.100.0/24 priority 100 tos 0x0 protocol 18 lookup 5"
std::string rule_words(const config::Rule& rule);

}  // namespace headgate::dump
