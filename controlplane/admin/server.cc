#include "controlplane/admin/server.h"

#include <array>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "common/api.pb.h"
#include "common/coroutine.h"
#include "common/framing.h"
#include "common/log.h"
#include "common/unix_socket.h"

namespace headgate::admin {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;

namespace {

constexpr auto token = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds accept_pause{100};

// One connection. Shared by its coroutine, the server's list and an answer that is still due.
struct Client {
    Protocol::socket socket;
    asio::steady_timer deadline;  // closes the socket
    asio::steady_timer answered;  // never expires: cancelling it wakes the coroutine
    FrameDecoder decoder;
    std::size_t undecoded_bytes = 0;
    std::string answer;

    explicit Client(Protocol::socket accepted)
        : socket(std::move(accepted)),
          deadline(socket.get_executor()),
          answered(socket.get_executor()) {}

    void close() {
        boost::system::error_code ignored;
        socket.close(ignored);
        deadline.cancel(ignored);
        answered.cancel(ignored);
    }
};

// Closes the client's socket unless the deadline is moved or cancelled before it passes.
void arm_deadline(const std::shared_ptr<Client>& client) {
    client->deadline.expires_after(silence_max);
    client->deadline.async_wait([weak = std::weak_ptr(client)](boost::system::error_code error) {
        const auto held = weak.lock();
        if (held && !error)
            held->close();
    });
}

}  // namespace

class AdminServer::Impl : public std::enable_shared_from_this<AdminServer::Impl> {
public:
    Impl(Protocol::acceptor acceptor, std::filesystem::path path, Handlers handlers)
        : acceptor_(std::move(acceptor)), path_(std::move(path)), handlers_(std::move(handlers)) {}

    void start() {
        asio::co_spawn(acceptor_.get_executor(), accept(shared_from_this()), must_not_throw);
    }

    void close() {
        closed_ = true;
        boost::system::error_code ignored;
        acceptor_.close(ignored);
        for (const auto& client : std::exchange(clients_, {}))
            client->close();
        ::unlink(path_.c_str());
    }

private:
    static asio::awaitable<void> accept(std::shared_ptr<Impl> self) {
        while (!self->closed_) {
            auto [error, socket] = co_await self->acceptor_.async_accept(token);
            if (self->closed_)
                co_return;
            if (error) {  // out of descriptors: give others the time to close some
                asio::steady_timer timer(self->acceptor_.get_executor(), accept_pause);
                co_await timer.async_wait(token);
                continue;
            }
            if (self->clients_.size() >= clients_max)
                continue;  // the socket closes
            auto client = std::make_shared<Client>(std::move(socket));
            self->clients_.insert(client);
            asio::co_spawn(self->acceptor_.get_executor(), serve(self, std::move(client)),
                           must_not_throw);
        }
    }

    static asio::awaitable<void> serve(std::shared_ptr<Impl> self, std::shared_ptr<Client> client) {
        while (client->socket.is_open()) {
            api::ControlRequest request;
            const bool received = co_await receive(client, request);
            if (!received || self->closed_)
                break;
            const bool sent = co_await reply(*self, client, request);
            if (!sent || self->closed_)
                break;
        }
        client->close();
        self->clients_.erase(client);
    }

    // False when the client has gone, was silent for too long, or sent something else.
    static asio::awaitable<bool> receive(const std::shared_ptr<Client>& client,
                                         api::ControlRequest& request) {
        std::array<char, 1024> buffer{};
        while (true) {
            const auto next = client->decoder.next();
            if (!next)
                co_return false;
            if (const std::optional<std::string>& body = *next; body) {
                client->undecoded_bytes = 0;
                co_return request.ParseFromString(*body);
            }
            if (client->undecoded_bytes > request_bytes_max)
                co_return false;
            arm_deadline(client);
            const auto [error, size] =
                co_await client->socket.async_read_some(asio::buffer(buffer), token);
            client->deadline.cancel();
            if (error)
                co_return false;
            client->undecoded_bytes += size;
            client->decoder.feed(std::span<const char>(buffer).first(size));
        }
    }

    static asio::awaitable<bool> reply(Impl& self, const std::shared_ptr<Client>& client,
                                       const api::ControlRequest& request) {
        client->answer.clear();
        client->answered.expires_at(asio::steady_timer::time_point::max());
        self.dispatch(request, [weak = std::weak_ptr(client)](const api::ControlReply& reply) {
            const auto held = weak.lock();
            if (!held)
                return;
            held->answer = encode_frame(reply);
            held->answered.cancel();
        });
        if (client->answer.empty())
            co_await client->answered.async_wait(token);
        if (!client->socket.is_open())
            co_return false;
        arm_deadline(client);
        const auto [error, size] =
            co_await asio::async_write(client->socket, asio::buffer(client->answer), token);
        client->deadline.cancel();
        co_return !error;
    }

    void dispatch(const api::ControlRequest& request, const Answer& answer) {
        switch (request.request_case()) {
            case api::ControlRequest::kGetStatus:
                return handlers_.get_status(answer);
            case api::ControlRequest::kGetIpvs:
                return handlers_.get_ipvs(answer);
            case api::ControlRequest::kReload:
                return handlers_.reload(answer);
            case api::ControlRequest::kWhy:
                return handlers_.why(request.why().object(), answer);
            case api::ControlRequest::kFailover:
                return handlers_.failover(request.failover(), answer);
            case api::ControlRequest::kFlows:
            case api::ControlRequest::kTrace:
            case api::ControlRequest::kWatch:
                return handlers_.dataplane(request, answer);
            case api::ControlRequest::REQUEST_NOT_SET:
                break;
        }
        api::ControlReply reply;
        reply.set_error("headgated does not know this request; is headgate newer than it?");
        answer(reply);
    }

    Protocol::acceptor acceptor_;
    std::filesystem::path path_;
    Handlers handlers_;
    bool closed_ = false;
    std::set<std::shared_ptr<Client>> clients_;
};

AdminServer::AdminServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

AdminServer::~AdminServer() {
    impl_->close();
}

Result<std::unique_ptr<AdminServer>> AdminServer::listen(asio::io_context& context,
                                                         const std::filesystem::path& path,
                                                         Handlers handlers) {
    // Asio would throw for a path that does not fit.
    if (const auto address = unix_address(path.string()); !address)
        return tl::unexpected(address.error());
    ::unlink(path.c_str());
    Protocol::acceptor acceptor(context);
    boost::system::error_code error;
    acceptor.open(Protocol(), error);
    // Nobody but us may connect before the mode is right.
    const mode_t before = ::umask(0117);
    if (!error)
        acceptor.bind(path.string(), error);
    ::umask(before);
    if (!error)
        acceptor.listen(static_cast<int>(clients_max), error);
    if (error)
        return fail_code(error.value(), "listen on {}", path.string());
    auto impl = std::make_shared<Impl>(std::move(acceptor), path, std::move(handlers));
    impl->start();
    return std::unique_ptr<AdminServer>(new AdminServer(std::move(impl)));
}

}  // namespace headgate::admin
