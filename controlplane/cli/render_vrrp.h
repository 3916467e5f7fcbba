// `headgate show vrrp`, `why` and `failover` for people. Pure: messages and the time in, text out.
// Their form may change; programs use --json.
#pragma once

#include <string>

#include "common/api.pb.h"
#include "controlplane/cli/render.h"

namespace headgate::cli {

// The table of all instances.
std::string render_vrrp_table(const api::Status& status, const RenderOptions& options);

// All sync groups, and all that is tracked by somebody, as tables; empty when there is none.
std::string render_sync_groups(const api::Status& status, const RenderOptions& options);
std::string render_trackers(const api::Status& status, const RenderOptions& options);

// All about one: times, trackers, counters, and its last transitions.
std::string render_vrrp_instance(const api::VrrpStatus& instance, const RenderOptions& options);

// The newest transitions of all instances, at most `lines_max`, the newest first; empty when there
// was none but the start.
std::string render_transitions(const api::Status& status, std::size_t lines_max,
                               const RenderOptions& options);

std::string render_why(const api::Why& why, const RenderOptions& options);

// What is known about who will take over, before anybody is asked.
std::string render_failover_outlook(const api::VrrpStatus& instance, const RenderOptions& options);

}  // namespace headgate::cli
