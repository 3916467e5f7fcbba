// The words behind `lb_kind` and `lvs_method`: how packets reach real servers. Pure.
#pragma once

#include <optional>
#include <string_view>

#include "controlplane/config/arguments.h"
#include "controlplane/config/model_services.h"
#include "controlplane/config/report.h"

namespace headgate::config {

// As the reference shows it. NAT, which is not carried, is understood as well.
inline constexpr std::string_view forwarding_form =
    "DR | TUN [type ipip | type gue port PORT | type gre] [nocsum | csum | remcsum]";

// What they say. Absent: they cannot be used, which is reported. A method that is not carried is
// reported, too, but comes out.
std::optional<Forwarding> read_forwarding(const Value& value, Report& report);

}  // namespace headgate::config
