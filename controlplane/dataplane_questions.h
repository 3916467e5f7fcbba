// Questions of the API that the dataplane answers: handed on to it, and its answer back. Main
// thread only.
#pragma once

#include "controlplane/admin/server.h"
#include "controlplane/forwarding/backend.h"

namespace headgate {

// Requires: the request is one that AdminServer::Handlers::dataplane is for.
void ask_dataplane(forwarding::ForwardingBackend& backend, const api::ControlRequest& request,
                   admin::AdminServer::Answer answer);

}  // namespace headgate
