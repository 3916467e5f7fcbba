#include "controlplane/netlink/socket.h"

#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <netlink/errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>

#include "common/check.h"
#include "controlplane/netlink/receive.h"

namespace headgate::netlink {

namespace {

// An answer repeats the request, which is a page at most.
constexpr std::size_t answer_bytes = 8192;

}  // namespace

void SocketDeleter::operator()(nl_sock* socket) const {
    nl_socket_free(socket);
}

void MessageDeleter::operator()(nl_msg* message) const {
    nlmsg_free(message);
}

Result<Socket> open_socket(int protocol) {
    Socket socket(nl_socket_alloc());
    check(socket != nullptr, "there is memory for a netlink socket");
    if (const int error = nl_connect(socket.get(), protocol); error < 0)
        return fail("open a netlink socket: {}", nl_geterror(error));
    const int on = 1;
    setsockopt(nl_socket_get_fd(socket.get()), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    return socket;
}

Message new_request(int type, int flags) {
    Message message(nlmsg_alloc_simple(type, flags));
    check(message != nullptr, "there is memory for a netlink message");
    return message;
}

namespace {

// The reason that the kernel gives behind its error number, NLMSGERR_ATTR_MSG; empty: none.
std::string reason_of(nlmsghdr* answer) {
    const auto* const error = static_cast<const nlmsgerr*>(nlmsg_data(answer));
    if ((answer->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
        return {};
    // Our request is repeated before the attributes, unless its payload is left out.
    std::size_t offset = sizeof *error;
    if ((answer->nlmsg_flags & NLM_F_CAPPED) == 0)
        offset += error->msg.nlmsg_len - sizeof error->msg;
    std::array<nlattr*, NLMSGERR_ATTR_MAX + 1> attributes{};
    if (nlmsg_parse(answer, static_cast<int>(offset), attributes.data(), NLMSGERR_ATTR_MAX,
                    nullptr) < 0 ||
        attributes[NLMSGERR_ATTR_MSG] == nullptr)
        return {};
    return nla_get_string(attributes[NLMSGERR_ATTR_MSG]);
}

// Nothing while the answer has not ended; code 0: it has, and well.
std::optional<Error> end_of(nlmsghdr* message) {
    if (message->nlmsg_type != NLMSG_ERROR && message->nlmsg_type != NLMSG_DONE)
        return std::nullopt;
    // The end of a list has a number, too, and not always.
    if (nlmsg_datalen(message) < static_cast<int>(sizeof(int)))
        return Error{};
    const int code = -*static_cast<const int*>(nlmsg_data(message));
    const std::string reason = message->nlmsg_type == NLMSG_ERROR ? reason_of(message) : "";
    const std::string words = std::generic_category().message(code);
    return Error{.message = reason.empty() ? words : fmt::format("{} ({})", reason, words),
                 .code = code};
}

template <typename Handler>
Result<void> exchange(nl_sock* socket, nl_msg* request, Buffer buffer, int flags, Handler handle) {
    const int sent = nl_send_auto(socket, request);
    if (sent < 0)
        return fail("send to netlink: {}", nl_geterror(sent));
    const std::uint32_t sequence = nlmsg_hdr(request)->nlmsg_seq;
    for (;;) {
        const auto bytes = receive(nl_socket_get_fd(socket), buffer, flags);
        if (!bytes)
            return tl::unexpected(bytes.error());
        if (*bytes == 0)
            return tl::unexpected(Error{"the kernel was interrupted", EINTR});
        std::optional<Error> end;
        for_each_message(buffer, *bytes, [&](nlmsghdr* message) {
            if (message->nlmsg_seq != sequence)
                return;
            if (auto ended = end_of(message))
                end = std::move(ended);
            else
                handle(message);
        });
        if (end && end->code != 0)
            return tl::unexpected(std::move(*end));
        if (end)
            return {};
    }
}

}  // namespace

Result<void> perform(nl_sock* socket, Message request) {
    // The answer is there by now, or never comes.
    return exchange(socket, request.get(), Buffer(answer_bytes), MSG_DONTWAIT,
                    [](nlmsghdr* /*message*/) {});
}

Result<void> ask(nl_sock* socket, Message request, const std::function<void(nlmsghdr*)>& handle) {
    return exchange(socket, request.get(), Buffer(buffer_bytes), 0, handle);
}

}  // namespace headgate::netlink
