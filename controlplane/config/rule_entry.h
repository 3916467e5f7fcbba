// One line of virtual_rules or static_rules. Pure.
#pragma once

#include <optional>

#include "controlplane/config/route_entry.h"

namespace headgate::config {

// Absent: it cannot be used, and that is reported. A preference of 0: none was given.
std::optional<Rule> read_rule(const Statement& line, EntryOwner owner, RouteNames& names,
                              Report& report);

}  // namespace headgate::config
