// The core's values as the API's messages have them. Pure.
#pragma once

#include "common/api.pb.h"
#include "common/net.h"
#include "dataplane/core/connection_state.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/verdict.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

// SYN, ESTABLISHED, ...
const char* name_of(ConnectionState state);
// transmit, kernel, drop
const char* name_of(Verdict verdict);
api::Scheduler api_scheduler(Scheduler scheduler);

}  // namespace headgate::dataplane
