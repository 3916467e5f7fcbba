// Reads the Facts of this machine, in the network namespace of the caller: /proc, /sys, ethtool and
// the kernel's netdev family. Changes nothing. Without root some of it stays unknown.
#pragma once

#include <string>

#include "common/result.h"
#include "controlplane/doctor/facts.h"

namespace headgate::doctor {

// Of one interface, or of all but the loopback that are up when `interface` is empty. Fails when
// there is no such interface.
Result<Facts> read_facts(const std::string& interface);

// Of the real server with that address. Fails when it is no address.
Result<Facts> read_server_facts(const std::string& address);

}  // namespace headgate::doctor
