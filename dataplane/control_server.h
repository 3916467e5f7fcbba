// ControlServer: the Unix stream socket on which control planes and tools talk to the dataplane:
// framed api::DataplaneRequest in, one framed api::DataplaneReply out for each, in order.
//
// *Control thread*, driven by its poll loop; nothing here blocks. A client that sends something
// that is no request is disconnected; one that does not read its replies is not read from.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/fd.h"
#include "common/framing.h"
#include "common/result.h"

struct pollfd;

namespace headgate::api {
class DataplaneReply;
class DataplaneRequest;
}  // namespace headgate::api

namespace headgate::dataplane {

using ClientId = std::uint64_t;

class ControlServer {
public:
    struct Handlers {
        // Absent: the reply comes later, by answer(); until then nothing more is read from that
        // client.
        std::function<std::optional<api::DataplaneReply>(ClientId, const api::DataplaneRequest&)>
            request;
        std::function<void(ClientId)> disconnected;
    };

    // Takes PATH.lock for as long as it lives, so that two processes never serve one path; then
    // replaces whatever socket a dead one left. The socket is accessible to user and group.
    static Result<std::unique_ptr<ControlServer>> listen(const std::string& path,
                                                         Handlers handlers);
    // Removes the socket.
    ~ControlServer();
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;

    // The reply to a request that has none yet. Of a client that has gone it is dropped. Not to be
    // called from a handler.
    void answer(ClientId client, const api::DataplaneReply& reply);

    void add_poll_fds(std::vector<pollfd>& fds) const;
    // `ready` is what add_poll_fds() added, after poll().
    void handle(std::span<const pollfd> ready);

private:
    struct Client {
        ClientId id = 0;
        Fd fd;
        FrameDecoder decoder;
        std::string unsent;
        bool waiting = false;  // for the answer to its last request
    };

    ControlServer() = default;
    void accept_clients();
    // They return false when the client is to be disconnected.
    bool read_requests(Client& client);
    bool serve_requests(Client& client);
    static bool send_replies(Client& client);

    std::string path_;
    Handlers handlers_;
    Fd lock_;
    Fd listener_;
    std::vector<Client> clients_;
    ClientId next_id_ = 1;
};

}  // namespace headgate::dataplane
