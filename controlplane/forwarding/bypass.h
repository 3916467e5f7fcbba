// Bypass: the backend that forwards with headgate-dataplane, and the supervisor of that process.
// Main thread only.
//
// It starts the process when an engine is wanted, adopts one that a former headgated has left
// running with the same engine, publishes the latest table on every connection, and starts the
// process again, with back-off, when it ends, hangs or breaks the protocol. It stops the process
// only when asked to: a headgated that dies leaves it forwarding. A process that is to be followed
// by another leaves its established flows to that one; one that is not leaves nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/forwarding/backend.h"
#include "controlplane/forwarding/engine.h"

namespace boost::asio {
class io_context;
}

namespace headgate::forwarding {

class Bypass final : public ForwardingBackend {
public:
    struct Options {
        std::filesystem::path executable;
        std::filesystem::path socket;
        std::filesystem::path pins;          // what outlives the process; its --pins
        std::vector<std::string> arguments;  // besides those of the engine
    };
    struct State {
        bool wanted = false;
        bool up = false;    // it has confirmed a table
        std::string error;  // why it is not up, in words; empty while it is
        std::uint64_t restarts = 0;
        std::string last_failure{};  // for which it was restarted last; empty: it never was
    };

    // Requires: `context` outlives the backend.
    Bypass(boost::asio::io_context& context, Options options);
    ~Bypass() override;

    // What is wanted from now on; an engine without interfaces: no process. The process is
    // restarted when the engine differs from that of the last call.
    void want(Engine engine);

    // Ends the process, if there is one, and supervision; `done` is called when both have ended, at
    // the latest a few seconds later. What is called after it has no effect.
    void stop(std::function<void()> done);

    [[nodiscard]] State state() const;

    [[nodiscard]] service::Capabilities capabilities() const override;
    void apply(api::ServiceTable table) override;
    void stats(StatsHandler handler) override;
    void ask(const api::DataplaneRequest& request, ReplyHandler handler) override;

private:
    class Supervisor;
    std::shared_ptr<Supervisor> supervisor_;
};

}  // namespace headgate::forwarding
