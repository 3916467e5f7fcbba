// Daemon: the control thread's loop. Ties the control socket to the engine, keeps the lease, and
// ends on SIGTERM or SIGINT; on SIGHUP too, but then another process takes over. Owns the server;
// borrows the engine.
#pragma once

#include <memory>
#include <optional>

#include "common/fd.h"
#include "common/result.h"
#include "dataplane/control_server.h"
#include "dataplane/engine.h"
#include "dataplane/lease.h"

namespace headgate::api {
class FlowsRequest;
class ServiceTable;
class TraceRequest;
class WatchRequest;
}  // namespace headgate::api

namespace headgate::dataplane {

class Daemon {
public:
    // `standalone`: the engine gets a table of its own; see Lease.
    // Requires: SIGTERM, SIGINT and SIGHUP are blocked in every thread.
    static Result<std::unique_ptr<Daemon>> create(const std::string& socket_path, bool standalone);

    // Returns when the process should end, with nothing left to do but destroy; Engine::leave() has
    // been called if another is to take over.
    void run(Engine& engine);

private:
    explicit Daemon(bool standalone);
    std::optional<api::DataplaneReply> handle(ClientId client,
                                              const api::DataplaneRequest& request);
    std::optional<api::DataplaneReply> ask_flows(ClientId client, const api::FlowsRequest& request);
    std::optional<api::DataplaneReply> ask_trace(ClientId client, const api::TraceRequest& request);
    std::optional<api::DataplaneReply> ask_watch(ClientId client, const api::WatchRequest& request);
    std::optional<api::DataplaneReply> ask(ClientId client, std::unique_ptr<Inquiry> inquiry);
    Inquiries::Handler answer_to(ClientId client);
    static api::DataplaneReply refusal(const Error& error);
    api::DataplaneReply apply(ClientId client, const api::ServiceTable& message);
    void disconnected(ClientId client);
    [[nodiscard]] bool stop_signal();

    Fd signals_;
    std::unique_ptr<ControlServer> server_;
    Engine* engine_ = nullptr;  // during run()
    Lease lease_;
    ClientId controller_ = 0;  // the client that applied last; 0: none is connected
};

}  // namespace headgate::dataplane
