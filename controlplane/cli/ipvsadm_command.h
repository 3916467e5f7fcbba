// `headgate ipvsadm`: what ipvsadm would list, also of services that the bypass forwards for.
#pragma once

#include "controlplane/cli/arguments.h"

namespace headgate::cli {

// Prints, and returns the exit status of the program.
int run_ipvsadm(const Arguments& arguments);

}  // namespace headgate::cli
