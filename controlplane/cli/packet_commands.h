// The commands that look at packets: see daemon_commands.h.
#pragma once

#include "controlplane/cli/arguments.h"

namespace headgate::cli {

int run_trace(const Arguments& arguments);
int run_trace_live(const Arguments& arguments);
int run_capture(const Arguments& arguments);

}  // namespace headgate::cli
