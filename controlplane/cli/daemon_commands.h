// The commands that ask a running headgated. Each prints to stdout and stderr and returns the exit
// status of the program: see help().
#pragma once

#include <optional>
#include <string>

#include "common/api.pb.h"
#include "controlplane/cli/arguments.h"
#include "controlplane/cli/render.h"

namespace headgate::cli {

inline constexpr int exit_warnings = 1;
inline constexpr int exit_errors = 2;
inline constexpr int exit_unreachable = 3;
inline constexpr int exit_usage = 4;
inline constexpr int exit_timed_out = 5;
inline constexpr int exit_conflict = 7;

// Prints the message and returns the exit status.
int complain(const std::string& message, int exit_code);

RenderOptions render_options();

// The reply, or nothing after a complaint; then `exit_code` says what to exit with.
std::optional<api::ControlReply> ask_or_complain(const Arguments& arguments,
                                                 const api::ControlRequest& request,
                                                 int& exit_code);

// False after a complaint.
bool print_json(const google::protobuf::Message& message, bool on_one_line = false);

api::FlowsRequest flows_request(const FlowFilter& filter);

int run_status(const Arguments& arguments);
int run_show_vrrp(const Arguments& arguments);
int run_show_flows(const Arguments& arguments);
int run_kill_flows(const Arguments& arguments);
int run_why(const Arguments& arguments);
// Steps down, and waits until it is known who is MASTER now.
int run_failover(const Arguments& arguments);
int run_reload(const Arguments& arguments);

}  // namespace headgate::cli
