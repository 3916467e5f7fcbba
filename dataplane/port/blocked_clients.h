// BlockedClients: the block list as the steering program has it: two LPM tries, of IPv4 and IPv6,
// brought up to date prefix by prefix. *Control thread.*
#pragma once

#include <vector>

#include "common/net.h"
#include "common/result.h"
#include "dataplane/core/access_list.h"

namespace headgate::dataplane {

class BlockedClients {
public:
    // Brings the maps to what `list` blocks; nullptr: nothing. Fails when the kernel refuses
    // something; what it took is in force, and the rest is tried again with the next list.
    Result<void> follow(const AccessList* list, int map4, int map6);

private:
    std::vector<Prefix> entered_;  // sorted
};

}  // namespace headgate::dataplane
