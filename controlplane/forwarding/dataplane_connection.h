// DataplaneConnection: the control plane's end of the dataplane's Unix socket. Requests are
// answered in order, one reply each. Main thread only; owns the socket. Made by connect() as a
// shared object because its asynchronous operations hold it.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include <sys/types.h>

#include "common/clock.h"
#include "common/result.h"

namespace boost::asio {
class io_context;
}
namespace headgate::api {
class DataplaneReply;
class DataplaneRequest;
}  // namespace headgate::api

namespace headgate::forwarding {

class DataplaneConnection {
public:
    using ReplyHandler = std::function<void(Result<api::DataplaneReply>)>;

    // Never waits. `on_closed` is called once, when the peer has closed the connection or broken
    // the protocol; not after close().
    static Result<std::shared_ptr<DataplaneConnection>> connect(
        boost::asio::io_context& context, const std::filesystem::path& path,
        std::function<void(const std::string& reason)> on_closed);

    virtual ~DataplaneConnection() = default;

    // `handler` is called exactly once unless close() comes first: with the reply, or with an error
    // before on_closed is called.
    virtual void request(const api::DataplaneRequest& request, ReplyHandler handler) = 0;

    // Drops everything that is under way.
    virtual void close() = 0;

    [[nodiscard]] virtual pid_t peer_pid() const = 0;

    // When the request was sent that has waited longest for its reply.
    [[nodiscard]] virtual std::optional<Instant> waiting_since() const = 0;
};

}  // namespace headgate::forwarding
