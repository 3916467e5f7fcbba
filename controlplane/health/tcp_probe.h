// The probe of TCP_CHECK: can a connection be opened? It is closed again at once.
// A coroutine on the caller's executor; owns its socket and timer.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/health/outcome.h"

namespace headgate::health {

// Takes at most about `timeout`.
boost::asio::awaitable<Outcome> probe_tcp(Endpoint target, Duration timeout);

}  // namespace headgate::health
