// The life of a headgated process from its run directory to its end: logging, limits, signals, and
// the Daemon on the main thread's event loop.
#pragma once

#include <string>

#include "controlplane/background.h"
#include "controlplane/config/model.h"
#include "controlplane/options.h"

namespace headgate {

// Returns the process's exit status after the daemon has stopped, or could not start. Tells
// `background` which. `report` is what the configuration was found to be wrong with, for the log.
// Call once, without another thread running.
int run_daemon(const Options& options, config::Config config, const std::string& report,
               Background& background);

}  // namespace headgate
