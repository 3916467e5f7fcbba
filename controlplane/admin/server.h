// AdminServer: the control API on a Unix stream socket (mode 0660): framed api::ControlRequest in,
// one framed api::ControlReply each, in order. Main thread only; owns the socket file.
//
// Clients are served side by side, one request of each at a time, so one that reads slowly keeps
// nobody else waiting. All that a client can hold is bounded: their number, the size of a request,
// and how long it may stay silent or leave its answer unread. What is not a request ends the
// connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "common/result.h"

namespace boost::asio {
class io_context;
}
namespace headgate::api {
class ControlReply;
class ControlRequest;
class FailoverRequest;
}  // namespace headgate::api

namespace headgate::admin {

inline constexpr std::size_t clients_max = 32;
inline constexpr std::size_t request_bytes_max = 4096;
inline constexpr std::chrono::seconds silence_max{30};

class AdminServer {
public:
    // Each is given the function that answers, to be called exactly once, on the main thread, at
    // any later time.
    using Answer = std::function<void(api::ControlReply)>;
    struct Handlers {
        std::function<void(Answer)> get_status;
        std::function<void(Answer)> get_ipvs;
        std::function<void(Answer)> reload;
        std::function<void(const std::string& object, Answer)> why;
        std::function<void(const api::FailoverRequest&, Answer)> failover;
        // Requests that the dataplane answers.
        std::function<void(const api::ControlRequest&, Answer)> dataplane;
    };

    // Replaces a socket file that is in the way: the caller holds the lock of the run directory.
    // Requires: `context` outlives the server.
    static Result<std::unique_ptr<AdminServer>> listen(boost::asio::io_context& context,
                                                       const std::filesystem::path& path,
                                                       Handlers handlers);

    // Disconnects everybody and removes the socket file.
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

private:
    class Impl;
    explicit AdminServer(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;
};

}  // namespace headgate::admin
