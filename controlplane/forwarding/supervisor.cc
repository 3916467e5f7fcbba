#include "controlplane/forwarding/supervisor.h"

#include <csignal>
#include <filesystem>
#include <system_error>
#include <utility>

#include <unistd.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/coroutine.h"
#include "common/log.h"

namespace headgate::forwarding {

namespace asio = boost::asio;

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// From exec to a listening socket; loading an XDP program takes well under a second.
constexpr Duration start_time_max = seconds(10);
constexpr Duration connect_interval = milliseconds(10);
// How often a dataplane is asked whether it lives, and how long an answer may take.
constexpr Duration probe_interval = seconds(1);
constexpr Duration answer_time_max = seconds(5);
// The first table: before it answers it loads its programs and clears its memory, for each queue.
constexpr Duration first_answer_time_max = seconds(20);
// From SIGTERM to SIGKILL.
constexpr Duration kill_after = seconds(3);
constexpr Duration forever = std::chrono::hours(24);

Duration since(Instant instant) {
    return std::chrono::steady_clock::now() - instant;
}

}  // namespace

Bypass::Supervisor::Supervisor(asio::io_context& context, Options options)
    : context_(context), options_(std::move(options)), timer_(context), exit_watch_(context) {}

Bypass::Supervisor::~Supervisor() {
    exit_watch_.release();
}

void Bypass::Supervisor::start() {
    asio::co_spawn(context_, run(shared_from_this()), must_not_throw);
}

void Bypass::Supervisor::abandon() {
    abandoned_ = true;
    publisher_.detach("the control plane ends");
    if (connection_)
        connection_->close();
    exit_watch_.release();
    wake();
}

void Bypass::Supervisor::want(Engine engine) {
    if (engine == wanted_)
        return;
    wanted_ = std::move(engine);
    restart_ = process_ != nullptr;
    backoff_ = {};
    failure_.clear();
    wake();
}

void Bypass::Supervisor::stop(std::function<void()> done) {
    on_stopped_ = std::move(done);
    wake();
}

Bypass::State Bypass::Supervisor::state() const {
    State state{.wanted = is_wanted(),
                .up = publisher_.confirmed(),
                .error = publisher_.error(),
                .restarts = restarts_,
                .last_failure = last_failure_};
    if (state.wanted && !state.up && state.error.empty())
        state.error = failure_.empty() ? "headgate-dataplane is starting" : failure_;
    return state;
}

bool Bypass::Supervisor::is_to_be_followed() const {
    return is_wanted() && !on_stopped_;
}

// What a process that was killed has left, when none is to take it over.
void Bypass::Supervisor::remove_pins() const {
    std::error_code error;
    std::filesystem::remove_all(options_.pins, error);
}

bool Bypass::Supervisor::is_to_go() const {
    return abandoned_ || on_stopped_ || restart_ || !is_wanted();
}

asio::awaitable<void> Bypass::Supervisor::run(std::shared_ptr<Supervisor> self) {
    // One that was left behind by a former headgated must not go on for a configuration that wants
    // none.
    if (!self->is_wanted()) {
        const bool left_behind = co_await self->adopt();
        if (left_behind)
            co_await self->end_process();
    }
    while (!self->abandoned_ && !self->on_stopped_)
        co_await self->run_once();
    if (self->on_stopped_ && !self->abandoned_) {
        self->remove_pins();
        self->on_stopped_();
    }
}

asio::awaitable<void> Bypass::Supervisor::run_once() {
    if (!is_wanted()) {
        remove_pins();
        co_await pause(forever);
        co_return;
    }
    const bool running = co_await find_or_start();
    if (running)
        co_await watch();
    if (abandoned_)
        co_return;
    const Duration lived = process_ ? since(started_) : Duration::zero();
    co_await end_process();
    if (std::exchange(restart_, false) || is_to_go())
        co_return;

    const Duration delay = backoff_.next(lived);
    ++restarts_;
    last_failure_ = failure_;
    log::warn("{}; starting it again in {} ms", failure_,
              std::chrono::duration_cast<milliseconds>(delay).count());
    const Instant end = std::chrono::steady_clock::now() + delay;
    while (!is_to_go() && std::chrono::steady_clock::now() < end)
        co_await pause(end - std::chrono::steady_clock::now());
}

asio::awaitable<bool> Bypass::Supervisor::find_or_start() {
    const bool adopted = co_await adopt();
    if (adopted)
        co_return true;
    co_await end_process();
    restart_ = false;
    if (is_to_go())
        co_return false;
    const bool spawned = co_await spawn();
    co_return spawned;
}

// Takes over a dataplane that listens on our socket; false when there is none, and when the one
// there is does not fit, in which case process_ is set.
asio::awaitable<bool> Bypass::Supervisor::adopt() {
    if (!connect())
        co_return false;
    auto process = Process::adopt(connection_->peer_pid());
    if (!process) {
        connection_->close();
        co_return false;
    }
    take(std::move(*process));
    if (!is_wanted())
        co_return true;

    adopted_fits_.reset();
    api::DataplaneRequest request;
    request.mutable_get_state();
    connection_->request(request,
                         [weak = weak_from_this()](const Result<api::DataplaneReply>& reply) {
                             const auto self = weak.lock();
                             if (!self)
                                 return;
                             self->adopted_fits_ = reply && runs_as(self->wanted_, reply->state());
                             self->wake();
                         });
    const Instant end = started_ + answer_time_max;
    while (!adopted_fits_ && !exited_ && !is_to_go() && std::chrono::steady_clock::now() < end)
        co_await pause(end - std::chrono::steady_clock::now());
    if (!adopted_fits_.value_or(false) || exited_ || is_to_go())
        co_return false;
    log::info("Adopted headgate-dataplane[{}]", process_->pid());
    co_return true;
}

asio::awaitable<bool> Bypass::Supervisor::spawn() {
    std::vector<std::string> arguments = arguments_of(wanted_, options_.socket, options_.pins);
    arguments.insert(arguments.end(), options_.arguments.begin(), options_.arguments.end());
    auto process = Process::spawn(options_.executable, arguments);
    if (!process) {
        failure_ = process.error().message;
        co_return false;
    }
    take(std::move(*process));
    log::info("Started headgate-dataplane[{}] on {}", process_->pid(), interface_names(wanted_));
    while (!exited_ && !is_to_go() && since(started_) < start_time_max) {
        if (connect())
            co_return true;
        co_await pause(connect_interval);
    }
    if (!exited_ && !is_to_go())
        give_up("did not open its socket");
    co_return false;
}

asio::awaitable<void> Bypass::Supervisor::watch() {
    if (connection_)
        publisher_.attach(connection_);
    while (!exited_ && !is_to_go()) {
        co_await pause(probe_interval);
        if (!connection_)  // closed by the peer: it ends in a moment, or is broken
            co_return;
        const auto waiting = connection_->waiting_since();
        const Duration patience = publisher_.confirmed() ? answer_time_max : first_answer_time_max;
        if (waiting && since(*waiting) > patience) {
            give_up("does not answer");
            log::error("{}: killing it", failure_);
            process_->send(SIGKILL);
            co_return;
        }
        publisher_.stats([](const auto&) {});
    }
}

asio::awaitable<void> Bypass::Supervisor::end_process() {
    publisher_.detach("the dataplane ends");
    if (connection_)
        connection_->close();
    connection_.reset();
    if (!process_)
        co_return;
    // On SIGHUP it leaves its flows to the next.
    for (const int signal : {is_to_be_followed() ? SIGHUP : SIGTERM, SIGKILL}) {
        if (exited_)
            break;
        process_->send(signal);
        const Instant end = std::chrono::steady_clock::now() + kill_after;
        while (!exited_ && !abandoned_ && std::chrono::steady_clock::now() < end)
            co_await pause(end - std::chrono::steady_clock::now());
    }
    exit_watch_.release();
    process_.reset();
}

asio::awaitable<void> Bypass::Supervisor::pause(Duration duration) {
    timer_.expires_after(duration);
    co_await timer_.async_wait(asio::as_tuple(asio::use_awaitable));
}

bool Bypass::Supervisor::connect() {
    auto connection = DataplaneConnection::connect(
        context_, options_.socket, [weak = weak_from_this()](const std::string& reason) {
            const auto self = weak.lock();
            if (!self)
                return;
            if (self->process_ && self->failure_.empty())
                self->give_up(reason);
            self->connection_.reset();
            self->wake();
        });
    if (!connection)
        return false;
    connection_ = std::move(*connection);
    return true;
}

void Bypass::Supervisor::take(Process process) {
    process_ = std::make_unique<Process>(std::move(process));
    started_ = std::chrono::steady_clock::now();
    exited_ = false;
    failure_.clear();
    exit_watch_.assign(process_->pidfd());
    watch_exit();
}

void Bypass::Supervisor::watch_exit() {
    exit_watch_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [weak = weak_from_this()](boost::system::error_code error) {
                               const auto self = weak.lock();
                               if (!self || error || !self->process_)
                                   return;
                               // Asio may deliver an event of the descriptor that had this number
                               // before.
                               if (self->process_->has_ended())
                                   self->on_exit();
                               else
                                   self->watch_exit();
                           });
}

void Bypass::Supervisor::on_exit() {
    exited_ = true;
    give_up(process_->reap());
    wake();
}

void Bypass::Supervisor::give_up(const std::string& reason) {
    failure_ = fmt::format("headgate-dataplane[{}] {}", process_->pid(), reason);
}

}  // namespace headgate::forwarding
