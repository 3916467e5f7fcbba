#include "dataplane/netlink_exchange.h"

#include <cerrno>

#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace headgate::dataplane {

namespace {

// The kernel answers at once; this only keeps a broken one from hanging the control thread.
constexpr timeval answer_timeout{2, 0};

}  // namespace

NetlinkMessage new_message(int type, int flags) {
    return NetlinkMessage(nlmsg_alloc_simple(type, flags));
}

int exchange(nl_sock* socket, nl_msg* request, const OnMessage& on_message) {
    struct State {
        const OnMessage* on_message;
        int error = 0;
        bool done = false;
    } state{&on_message};
    nl_cb* callbacks = nl_cb_alloc(NL_CB_DEFAULT);
    if (callbacks == nullptr)
        return ENOMEM;
    nl_cb_set(
        callbacks, NL_CB_VALID, NL_CB_CUSTOM,
        [](nl_msg* message, void* argument) -> int {
            (*static_cast<State*>(argument)->on_message)(nlmsg_hdr(message));
            return NL_OK;
        },
        &state);
    const auto finish = [](nl_msg*, void* argument) -> int {
        static_cast<State*>(argument)->done = true;
        return NL_STOP;
    };
    nl_cb_set(callbacks, NL_CB_ACK, NL_CB_CUSTOM, finish, &state);
    nl_cb_set(callbacks, NL_CB_FINISH, NL_CB_CUSTOM, finish, &state);
    nl_cb_err(
        callbacks, NL_CB_CUSTOM,
        [](sockaddr_nl*, nlmsgerr* error, void* argument) -> int {
            static_cast<State*>(argument)->error = -error->error;
            static_cast<State*>(argument)->done = true;
            return NL_STOP;
        },
        &state);
    int result = nl_send_auto(socket, request);
    while (result >= 0 && !state.done)
        result = nl_recvmsgs(socket, callbacks);
    nl_cb_put(callbacks);
    if (state.error != 0)
        return state.error;
    // Only a broken conversation comes here; libnl's codes are not errno values.
    return result < 0 && !state.done ? EPROTO : 0;
}

nl_sock* open_netlink(int protocol) {
    nl_sock* socket = nl_socket_alloc();
    if (socket == nullptr)
        return nullptr;
    // Answers are matched by the conversation; events carry no sequence number of ours.
    nl_socket_disable_seq_check(socket);
    if (nl_connect(socket, protocol) < 0) {
        nl_socket_free(socket);
        return nullptr;
    }
    ::setsockopt(nl_socket_get_fd(socket), SOL_SOCKET, SO_RCVTIMEO, &answer_timeout,
                 sizeof answer_timeout);
    return socket;
}

}  // namespace headgate::dataplane
