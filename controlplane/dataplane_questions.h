// Questions of the API that those who forward answer: handed on to them, and the answer back. Main
// thread only.
#pragma once

#include "controlplane/admin/server.h"

namespace headgate {

class Backends;

// Requires: the request is one that AdminServer::Handlers::dataplane is for.
void ask_dataplane(Backends& backends, const api::ControlRequest& request,
                   admin::AdminServer::Answer answer);

}  // namespace headgate
