// The life of a headgated process from its run directory to its end: logging, limits, signals, and
// the Daemon on the main thread's event loop.
#pragma once

#include "controlplane/background.h"
#include "controlplane/config/model.h"
#include "controlplane/options.h"

namespace headgate {

// Returns the process's exit status after the daemon has stopped, or could not start. Tells
// `background` which. Call once, without another thread running.
int run_daemon(const Options& options, config::Config config, Background& background);

}  // namespace headgate
