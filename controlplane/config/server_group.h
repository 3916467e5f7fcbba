// virtual_server_group: addresses that one virtual_server block is for. Pure.
#pragma once

#include <vector>

#include "common/net.h"
#include "controlplane/config/draft.h"
#include "controlplane/config/report.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

// Reads the lines of a group: `IP [PORT]`, `A.B.C.D-N [PORT]` (the last octet, or the last 16 bits
// in hexadecimal of an IPv6 address, up to N), `IP-IP [PORT]`, `NETWORK/LENGTH [PORT]`. What cannot
// be used is reported and left out.
std::vector<Located<GroupEntry>> read_group_entries(const Statement& group, Report& report);

// All addresses of the entries, each once.
std::vector<Endpoint> endpoints_of(const ServerGroupDraft& group);

}  // namespace headgate::config
