// virtual_server_group: addresses and firewall marks that one virtual_server block is for. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/net.h"
#include "controlplane/config/draft.h"
#include "controlplane/config/report.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

// Reads the lines of a group: `IP [PORT]`, `A.B.C.D-N [PORT]` (the last octet, or the last 16 bits
// in hexadecimal of an IPv6 address, up to N), `IP-IP [PORT]`, `NETWORK/LENGTH [PORT]`,
// `fwmark MARK [inet | inet6]`. What cannot be used is reported and left out.
std::vector<Located<GroupEntry>> read_group_entries(const Statement& group, Report& report);

// What a group has a virtual server for: an endpoint, or a mark.
struct GroupMember {
    Endpoint endpoint{};
    std::uint32_t fwmark = 0;        // 0: the endpoint
    std::optional<Family> family{};  // of a mark; absent: not said
    bool operator==(const GroupMember&) const = default;
};

// All of the entries, each once: addresses before marks, as keepalived has them. A mark without a
// family has that of the group; in a group of both it is reported and left out.
std::vector<GroupMember> members_of(const ServerGroupDraft& group, Report& report);

}  // namespace headgate::config
