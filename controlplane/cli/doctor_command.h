// `headgate doctor`: asks the machine, not headgated.
#pragma once

#include "controlplane/cli/arguments.h"

namespace headgate::cli {

// Prints what is wrong, and returns the exit status of the program: notes are nothing wrong.
int run_doctor(const Arguments& arguments);

}  // namespace headgate::cli
