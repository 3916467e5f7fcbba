// Bypass::Supervisor: the life of the headgate-dataplane process as one coroutine. Main thread.
//
//   find or start -> connect -> watch -> (ended, hung, unwanted or to be restarted) -> end it ->
//   ...
//
// It holds itself alive while the coroutine runs; abandon() makes the coroutine let go.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/clock.h"
#include "controlplane/forwarding/backoff.h"
#include "controlplane/forwarding/bypass.h"
#include "controlplane/forwarding/process.h"
#include "controlplane/forwarding/table_publisher.h"

namespace headgate::forwarding {

class Bypass::Supervisor : public std::enable_shared_from_this<Bypass::Supervisor> {
public:
    Supervisor(boost::asio::io_context& context, Options options);
    ~Supervisor();
    Supervisor(const Supervisor&) = delete;
    Supervisor& operator=(const Supervisor&) = delete;

    // Starts the coroutine. Called once.
    void start();
    // Leaves the process as it is and ends the coroutine without waiting for it.
    void abandon();

    void want(Engine engine);
    void stop(std::function<void()> done);
    [[nodiscard]] State state() const;
    void apply(api::ServiceTable table) { publisher_.set_table(std::move(table)); }
    void stats(StatsHandler handler) { publisher_.stats(std::move(handler)); }
    void ask(const api::DataplaneRequest& request, ReplyHandler handler) {
        publisher_.ask(request, std::move(handler));
    }

private:
    static boost::asio::awaitable<void> run(std::shared_ptr<Supervisor> self);
    boost::asio::awaitable<void> run_once();
    // True when a process runs and connection_ leads to it.
    boost::asio::awaitable<bool> find_or_start();
    boost::asio::awaitable<bool> adopt();
    boost::asio::awaitable<bool> spawn();
    // Returns when the process has ended or should.
    boost::asio::awaitable<void> watch();
    boost::asio::awaitable<void> end_process();
    // Returns early after wake().
    boost::asio::awaitable<void> pause(Duration duration);

    void wake() { timer_.cancel(); }
    bool connect();
    void take(Process process);
    void watch_exit();
    void on_exit();
    void give_up(const std::string& reason);
    [[nodiscard]] bool is_wanted() const { return !wanted_.interfaces.empty(); }
    [[nodiscard]] bool is_to_go() const;
    [[nodiscard]] bool is_to_be_followed() const;
    void remove_pins() const;

    boost::asio::io_context& context_;
    Options options_;
    boost::asio::steady_timer timer_;
    TablePublisher publisher_;
    std::shared_ptr<DataplaneConnection> connection_;

    Engine wanted_;
    bool restart_ = false;  // the wanted engine is another than that of the process
    bool abandoned_ = false;
    std::function<void()> on_stopped_;  // set: stopping

    std::unique_ptr<Process> process_;                  // null: none
    boost::asio::posix::stream_descriptor exit_watch_;  // borrows the process's pidfd
    Instant started_;
    bool exited_ = false;
    std::optional<bool> adopted_fits_;
    std::string failure_;  // of the process at hand, or of the one before
    std::string last_failure_;
    Backoff backoff_;
    std::uint64_t restarts_ = 0;
};

}  // namespace headgate::forwarding
