#include "controlplane/cli/client.h"

#include <array>
#include <optional>
#include <span>
#include <string>

#include <sys/socket.h>
#include <sys/time.h>

#include "common/fd.h"
#include "common/framing.h"
#include "common/unix_socket.h"

namespace headgate::cli {

namespace {

Result<Fd> connect(const std::filesystem::path& path, std::chrono::seconds timeout) {
    const auto address = unix_address(path.string());
    if (!address)
        return tl::unexpected(address.error());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd)
        return fail_errno("create a Unix socket");
    const timeval limit{.tv_sec = timeout.count(), .tv_usec = 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    if (::connect(fd.get(), as_sockaddr(*address), sizeof(*address)) != 0)
        return fail_errno("connect to headgated at {}", path.string());
    return fd;
}

}  // namespace

Result<api::ControlReply> ask(const std::filesystem::path& socket,
                              const api::ControlRequest& request, std::chrono::seconds timeout) {
    const auto fd = connect(socket, timeout);
    if (!fd)
        return tl::unexpected(fd.error());
    std::string frame = encode_frame(request);
    for (std::span<const char> rest(frame); !rest.empty();) {
        const ssize_t sent = ::send(fd->get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return fail_errno("send to headgated");
        rest = rest.subspan(static_cast<std::size_t>(sent));
    }
    FrameDecoder decoder;
    std::array<char, 65536> buffer{};
    while (true) {
        const auto next = decoder.next();
        if (!next)
            return tl::unexpected(next.error());
        if (const std::optional<std::string>& body = *next; body)
            return decode_body<api::ControlReply>(*body);
        const ssize_t size = ::recv(fd->get(), buffer.data(), buffer.size(), 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return fail("headgated did not answer within {} s", timeout.count());
        if (size < 0)
            return fail_errno("receive from headgated");
        if (size == 0)
            return fail("headgated closed the connection without an answer");
        decoder.feed(std::span<const char>(buffer).first(static_cast<std::size_t>(size)));
    }
}

}  // namespace headgate::cli
