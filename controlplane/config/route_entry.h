// One line of virtual_routes or static_routes. Pure.
#pragma once

#include <optional>

#include "controlplane/config/model_routes.h"
#include "controlplane/config/report.h"
#include "controlplane/config/route_names.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

// Whether a line belongs to an instance or to the host.
enum class EntryOwner : std::uint8_t { instance, host };

// Absent: it cannot be used, and that is reported.
std::optional<Route> read_route(const Statement& line, EntryOwner owner, RouteNames& names,
                                Report& report);

}  // namespace headgate::config
