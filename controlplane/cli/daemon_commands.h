// The commands that ask a running headgated. Each prints to stdout and stderr and returns the exit
// status of the program: see help().
#pragma once

#include <string>

#include "controlplane/cli/arguments.h"

namespace headgate::cli {

inline constexpr int exit_warnings = 1;
inline constexpr int exit_errors = 2;
inline constexpr int exit_unreachable = 3;
inline constexpr int exit_usage = 4;
inline constexpr int exit_timed_out = 5;
inline constexpr int exit_conflict = 7;

// Prints the message and returns the exit status.
int complain(const std::string& message, int exit_code);

int run_status(const Arguments& arguments);
int run_show_vrrp(const Arguments& arguments);
int run_show_flows(const Arguments& arguments);
int run_kill_flows(const Arguments& arguments);
int run_why(const Arguments& arguments);
// Steps down, and waits until it is known who is MASTER now.
int run_failover(const Arguments& arguments);
int run_reload(const Arguments& arguments);

}  // namespace headgate::cli
