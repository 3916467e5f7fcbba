// ProcessEvents: the kernel's process connector (netlink), which tells of every fork, exec, change
// of name and end. It exists only in the first network namespace of a machine, and needs
// CONFIG_PROC_EVENTS and CAP_NET_ADMIN.
#pragma once

#include <cstdint>
#include <functional>

#include <sys/types.h>

#include "common/fd.h"
#include "common/result.h"

namespace headgate::track {

class ProcessEvents {
public:
    struct Handlers {
        std::function<void(pid_t parent, pid_t child)> forked;
        std::function<void(pid_t pid)> changed;  // another program, or another name
        std::function<void(pid_t pid)> ended;
    };

    // Fails where the kernel does not offer it.
    static Result<ProcessEvents> open();

    // How much the kernel keeps of what was not read yet, as far as it permits it.
    void set_buffer(std::uint32_t bytes) const;

    // Becomes readable when something has happened.
    [[nodiscard]] int fd() const { return socket_.get(); }
    // Takes what has come, though not without end. False: events were lost, so that only a look at
    // all processes tells what there is.
    [[nodiscard]] bool read(const Handlers& handlers) const;

private:
    explicit ProcessEvents(Fd socket) : socket_(std::move(socket)) {}
    Fd socket_;
};

}  // namespace headgate::track
