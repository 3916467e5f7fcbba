#include "controlplane/forwarding/dataplane_connection.h"

#include <array>
#include <deque>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include "common/api.pb.h"
#include "common/fd.h"
#include "common/framing.h"
#include "common/unix_socket.h"

namespace headgate::forwarding {

namespace asio = boost::asio;
using Socket = asio::local::stream_protocol::socket;

namespace {

constexpr std::size_t read_bytes = 64U << 10U;

class Connection final : public DataplaneConnection,
                         public std::enable_shared_from_this<Connection> {
public:
    Connection(Socket socket, std::function<void(const std::string&)> on_closed, pid_t peer_pid)
        : socket_(std::move(socket)), on_closed_(std::move(on_closed)), peer_pid_(peer_pid) {}

    void start() { read(); }

    void request(const api::DataplaneRequest& request, ReplyHandler handler) override {
        if (closed_)
            return handler(fail("the connection to the dataplane is closed"));
        waiting_.push_back({std::move(handler), std::chrono::steady_clock::now()});
        outgoing_.push_back(encode_frame(request));
        if (outgoing_.size() == 1)
            write();
    }

    void close() override {
        boost::system::error_code ignored;
        socket_.close(ignored);
        closed_ = true;
        waiting_.clear();
    }

    [[nodiscard]] pid_t peer_pid() const override { return peer_pid_; }

    [[nodiscard]] std::optional<Instant> waiting_since() const override {
        return waiting_.empty() ? std::nullopt : std::optional(waiting_.front().since);
    }

private:
    struct Waiting {
        ReplyHandler handler;
        Instant since;
    };

    void write() {
        asio::async_write(
            socket_, asio::buffer(outgoing_.front()),
            [self = shared_from_this()](boost::system::error_code error, std::size_t) {
                if (error)
                    return self->end(error.message());
                self->outgoing_.pop_front();
                if (!self->outgoing_.empty())
                    self->write();
            });
    }

    void read() {
        socket_.async_read_some(
            asio::buffer(buffer_),
            [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                if (error)
                    return self->end(error == asio::error::eof ? "closed by the dataplane"
                                                               : error.message());
                self->decoder_.feed(std::span<const char>(self->buffer_).first(size));
                if (self->deliver())
                    self->read();
            });
    }

    // False when the connection has ended.
    bool deliver() {
        while (!closed_) {
            const auto next = decoder_.next();
            if (!next) {
                end(next.error().message);
                return false;
            }
            const std::optional<std::string>& body = *next;
            if (!body)
                return true;
            if (waiting_.empty()) {
                end("the dataplane sent a reply that nobody asked for");
                return false;
            }
            const ReplyHandler handler = std::move(waiting_.front().handler);
            waiting_.pop_front();
            handler(decode_body<api::DataplaneReply>(*body));
        }
        return false;
    }

    void end(const std::string& reason) {
        if (closed_)
            return;
        const std::deque<Waiting> waiting = std::exchange(waiting_, {});
        close();
        for (const Waiting& entry : waiting)
            entry.handler(fail("{}", reason));
        on_closed_(reason);
    }

    Socket socket_;
    std::function<void(const std::string&)> on_closed_;
    pid_t peer_pid_;
    FrameDecoder decoder_;
    std::array<char, read_bytes> buffer_{};
    std::deque<std::string> outgoing_;
    std::deque<Waiting> waiting_;
    bool closed_ = false;
};

}  // namespace

Result<std::shared_ptr<DataplaneConnection>> DataplaneConnection::connect(
    asio::io_context& context, const std::filesystem::path& path,
    std::function<void(const std::string&)> on_closed) {
    const auto address = unix_address(path.string());
    if (!address)
        return tl::unexpected(address.error());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd)
        return fail_errno("create a Unix socket");
    if (::connect(fd.get(), as_sockaddr(*address), sizeof(*address)) != 0)
        return fail_errno("connect to {}", path.string());
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return fail_errno("ask who listens on {}", path.string());

    Socket socket(context, asio::local::stream_protocol(), fd.release());
    auto connection =
        std::make_shared<Connection>(std::move(socket), std::move(on_closed), peer.pid);
    connection->start();
    return connection;
}

}  // namespace headgate::forwarding
