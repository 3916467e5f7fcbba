#include "controlplane/netlink/socket.h"

#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "common/check.h"

namespace headgate::netlink {

void SocketDeleter::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

void MessageDeleter::operator()(nl_msg* message) const {
    nlmsg_free(message);
}

Result<Socket> open_socket() {
    Socket socket(nl_socket_alloc());
    check(socket != nullptr, "there is memory for a netlink socket");
    if (const int error = nl_connect(socket.get(), NETLINK_ROUTE); error < 0)
        return fail("open a netlink socket: {}", nl_geterror(error));
    return socket;
}

Message new_request(int type, int flags) {
    Message message(nlmsg_alloc_simple(type, flags));
    check(message != nullptr, "there is memory for a netlink message");
    return message;
}

Result<void> perform(nl_sock* socket, Message request) {
    // nl_send_sync frees the message in every case.
    const int error = nl_send_sync(socket, request.release());
    if (error < 0)
        return tl::unexpected(Error{.message = nl_geterror(error), .code = -error});
    return {};
}

}  // namespace headgate::netlink
