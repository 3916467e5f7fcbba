// The words behind `lb_kind` and `lvs_method`: how packets reach real servers. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "controlplane/config/arguments.h"
#include "controlplane/config/model_services.h"
#include "controlplane/config/report.h"

namespace headgate::config {

inline constexpr std::string_view forwarding_form =
    "NAT | DR | TUN [type ipip | type gue port PORT | type gre] [nocsum | csum | remcsum]";

// What they say. Absent: they cannot be used, which is reported.
std::optional<Forwarding> read_forwarding(const Value& value, Report& report);

}  // namespace headgate::config
