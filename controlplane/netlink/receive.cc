#include "controlplane/netlink/receive.h"

#include <cerrno>

#include <linux/netlink.h>
#include <sys/socket.h>

namespace headgate::netlink {

Result<std::size_t> receive(int fd, Buffer& buffer, int flags) {
    for (;;) {
        sockaddr_nl sender{};
        socklen_t sender_bytes = sizeof sender;
        const ssize_t received = recvfrom(fd, buffer.data(), buffer.size(), flags,
                                          reinterpret_cast<sockaddr*>(&sender), &sender_bytes);
        if (received < 0) {
            if (errno == EAGAIN)
                return 0;
            if (errno == EINTR)
                continue;
            return fail_errno("read from rtnetlink");
        }
        // Other processes may send to our port; only the kernel has port 0.
        if (sender.nl_pid == 0)
            return static_cast<std::size_t>(received);
    }
}

}  // namespace headgate::netlink
