#include "dataplane/control_server.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "common/check.h"
#include "common/log.h"
#include "common/unix_socket.h"

namespace headgate::dataplane {

namespace {

// A control plane, a few tools; more is somebody's mistake.
constexpr std::size_t clients_max = 32;

Result<Fd> lock_path(const std::string& path) {
    const std::string lock = path + ".lock";
    Fd fd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd)
        return fail_errno("open {}", lock);
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        return fail("another headgate-dataplane serves {} (it holds {})", path, lock);
    return fail_errno("lock {}", lock);
}

Result<Fd> listen_on(const std::string& path) {
    const Result<sockaddr_un> address = unix_address(path);
    if (!address)
        return tl::unexpected(address.error());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno("open a Unix socket");
    // The lock is ours, so a socket that is there has no owner.
    ::unlink(path.c_str());
    const mode_t before = ::umask(0117);
    const int bound = ::bind(fd.get(), as_sockaddr(*address), sizeof *address);
    const int code = errno;
    ::umask(before);
    if (bound != 0)
        return fail_code(code, "bind {}", path);
    if (::listen(fd.get(), SOMAXCONN) != 0)
        return fail_errno("listen on {}", path);
    return fd;
}

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::listen(const std::string& path,
                                                             Handlers handlers) {
    std::unique_ptr<ControlServer> server(new ControlServer);
    Result<Fd> lock = lock_path(path);
    if (!lock)
        return tl::unexpected(lock.error());
    server->lock_ = std::move(*lock);
    Result<Fd> listener = listen_on(path);
    if (!listener)
        return tl::unexpected(listener.error());
    server->listener_ = std::move(*listener);
    server->path_ = path;
    server->handlers_ = std::move(handlers);
    return server;
}

ControlServer::~ControlServer() {
    if (!path_.empty())
        ::unlink(path_.c_str());
}

void ControlServer::add_poll_fds(std::vector<pollfd>& fds) const {
    fds.push_back({listener_.get(), POLLIN, 0});
    for (const Client& client : clients_) {
        short wanted = client.unsent.empty() ? POLLIN : POLLOUT;
        if (client.waiting)
            wanted = 0;  // only whether it has gone
        fds.push_back({client.fd.get(), wanted, 0});
    }
}

void ControlServer::handle(std::span<const pollfd> ready) {
    std::vector<ClientId> gone;
    for (std::size_t index = 0; index + 1 < ready.size(); ++index) {
        Client& client = clients_[index];
        const short events = ready[index + 1].revents;
        if (events == 0)
            continue;
        bool open = true;
        if (client.waiting)
            open = false;
        else if (!client.unsent.empty())
            open = send_replies(client);
        else
            open = read_requests(client);
        if (!open)
            gone.push_back(client.id);
    }
    for (const ClientId id : gone) {
        std::erase_if(clients_, [id](const Client& client) { return client.id == id; });
        handlers_.disconnected(id);
    }
    if (!ready.empty() && ready[0].revents != 0)
        accept_clients();
}

void ControlServer::answer(ClientId id, const api::DataplaneReply& reply) {
    const auto client = std::ranges::find(clients_, id, &Client::id);
    if (client == clients_.end())
        return;
    check(client->waiting, "a client gets one reply to a request");
    client->waiting = false;
    client->unsent += encode_frame(reply);
    if (serve_requests(*client))
        return;
    clients_.erase(client);
    handlers_.disconnected(id);
}

void ControlServer::accept_clients() {
    while (true) {
        Fd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!fd)
            return;
        if (clients_.size() == clients_max) {
            log::warn("a client of the control socket was refused: {} are connected", clients_max);
            continue;
        }
        Client client;
        client.id = next_id_++;
        client.fd = std::move(fd);
        clients_.push_back(std::move(client));
    }
}

bool ControlServer::read_requests(Client& client) {
    std::array<char, 65536> buffer;
    const ssize_t received = ::recv(client.fd.get(), buffer.data(), buffer.size(), 0);
    if (received == 0)
        return false;
    if (received < 0)
        return errno == EAGAIN || errno == EINTR;
    client.decoder.feed(std::span<const char>(buffer.data(), static_cast<std::size_t>(received)));
    return serve_requests(client);
}

bool ControlServer::serve_requests(Client& client) {
    while (!client.waiting) {
        const Result<std::optional<std::string>> next = client.decoder.next();
        if (!next) {
            log::warn("a client of the control socket is disconnected: {}", next.error().message);
            return false;
        }
        const std::optional<std::string>& body = *next;
        if (!body)
            break;
        const auto request = decode_body<api::DataplaneRequest>(*body);
        if (!request) {
            log::warn("a client of the control socket is disconnected: {}",
                      request.error().message);
            return false;
        }
        if (const auto reply = handlers_.request(client.id, *request))
            client.unsent += encode_frame(*reply);
        else
            client.waiting = true;
    }
    return send_replies(client);
}

bool ControlServer::send_replies(Client& client) {
    while (!client.unsent.empty()) {
        const ssize_t sent =
            ::send(client.fd.get(), client.unsent.data(), client.unsent.size(), MSG_NOSIGNAL);
        if (sent < 0)
            return errno == EAGAIN || errno == EINTR;
        client.unsent.erase(0, static_cast<std::size_t>(sent));
    }
    return true;
}

}  // namespace headgate::dataplane
