// Policy rules of the kernel: the requests that add and remove them, and the sender of those. As
// with routes: no lifetime; the next run finds those of a killed one by their protocol.
#pragma once

#include "common/result.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

// What RuleWriter sends. Interfaces are named, and need not exist.
Message add_request(const config::Rule& rule);
Message remove_request(const config::Rule& rule);

class RuleWriter {
public:
    static Result<RuleWriter> open();

    // One that is there already is success.
    Result<void> add(const config::Rule& rule);
    // Not to be there any more is success.
    Result<void> remove(const config::Rule& rule);

private:
    explicit RuleWriter(Socket socket) : socket_(std::move(socket)) {}
    Socket socket_;
};

}  // namespace headgate::netlink
