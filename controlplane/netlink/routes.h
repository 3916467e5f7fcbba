// Routes of the kernel: the requests that add and remove them, and the sender of those. A route has
// no lifetime, so one of a killed daemon stays until the next run finds it by its protocol; but a
// route of the main table whose source is a leased address goes with the address.
#pragma once

#include "common/result.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

// What RouteWriter sends. They fail when an interface of the route does not exist.
Result<Message> add_request(const config::Route& route, const InterfaceTable& interfaces);
Result<Message> remove_request(const config::Route& route, const InterfaceTable& interfaces);

class RouteWriter {
public:
    static Result<RouteWriter> open();

    // One that is there already is success.
    Result<void> add(const config::Route& route, const InterfaceTable& interfaces);
    // Not to be there any more is success, and so is the end of its interface.
    Result<void> remove(const config::Route& route, const InterfaceTable& interfaces);

private:
    explicit RouteWriter(Socket socket) : socket_(std::move(socket)) {}
    Socket socket_;
};

}  // namespace headgate::netlink
