// Monitor: keeps an InterfaceTable equal to the kernel's state. One thread; whoever owns it waits
// for fd() to become readable and calls read().
#pragma once

#include "common/result.h"
#include "controlplane/netlink/interfaces.h"
#include "controlplane/netlink/receive.h"
#include "controlplane/netlink/socket.h"

namespace headgate::netlink {

class Monitor {
public:
    // The table is complete when it returns.
    static Result<Monitor> open();

    [[nodiscard]] int fd() const;
    // Takes over all that is waiting; does not block. After notifications were lost (a full socket
    // buffer) the table is read anew.
    Result<void> read();

    [[nodiscard]] const InterfaceTable& table() const { return table_; }
    [[nodiscard]] InterfaceTable& table() { return table_; }

private:
    explicit Monitor(Socket notifications);
    Result<void> load();

    Socket notifications_;
    Buffer buffer_;
    InterfaceTable table_;
};

}  // namespace headgate::netlink
