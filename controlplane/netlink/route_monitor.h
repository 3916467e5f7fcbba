// RouteMonitor: keeps a RouteTable equal to the kernel's state. One thread; whoever owns it waits
// for fd() to become readable and calls read().
//
// A router may have a million routes that come and go. A filter in the kernel lets only those of
// our protocols through, and the kernel lists only those.
#pragma once

#include <cstdint>
#include <set>

#include "common/result.h"
#include "controlplane/netlink/receive.h"
#include "controlplane/netlink/route_table.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

class RouteMonitor {
public:
    // The table is complete when it returns. `protocols`: of the routes and rules to know.
    static Result<RouteMonitor> open(std::set<std::uint8_t> protocols);

    [[nodiscard]] int fd() const;
    // Takes over all that is waiting; does not block. After notifications were lost the table is
    // read anew.
    Result<void> read();
    // Removes the routes and rules of our protocols that are in neither list.
    Result<void> remove_others(const std::vector<config::Route>& routes,
                               const std::vector<config::Rule>& rules,
                               const InterfaceTable& interfaces);

    [[nodiscard]] const RouteTable& table() const { return table_; }
    [[nodiscard]] RouteTable& table() { return table_; }

private:
    RouteMonitor(Socket notifications, std::set<std::uint8_t> protocols);
    Result<void> load();

    Socket notifications_;
    std::set<std::uint8_t> protocols_;
    Buffer buffer_;
    RouteTable table_;
};

}  // namespace headgate::netlink
