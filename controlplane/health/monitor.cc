#include "controlplane/health/monitor.h"

#include <random>
#include <unordered_map>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "common/coroutine.h"
#include "common/log.h"
#include "controlplane/health/check_key.h"
#include "controlplane/health/http_probe.h"
#include "controlplane/health/tcp_probe.h"

namespace headgate::health {

namespace asio = boost::asio;

namespace {

// keepalived's lines, with our reason behind them.
void log_change(const config::Check& check, const CheckState& state) {
    const bool is_http = std::holds_alternative<config::HttpCheck>(check.kind);
    const std::string service = service_name(target_of(check));
    const Outcome& last = state.last();
    const auto code = to_string(last.code);
    if (state.up() && is_http)
        log::info("Remote Web server {} succeed on service. ({} {})", service, code, last.detail);
    else if (state.up())
        log::info("TCP connection to {} success. ({})", service, code);
    else if (last.code == Code::l7_status)
        log::info("HTTP status code error to server {} ({} {})", service, code, last.detail);
    else
        log::info("{} on service {} failed after {} retries. ({} {})", type_of(check), service,
                  state.failures() - 1, code, last.detail);
}

}  // namespace

class Monitor::Impl {
public:
    Impl(asio::io_context& context, std::function<void()> on_change)
        : context_(context), on_change_(std::move(on_change)) {}

    ~Impl() {
        for (auto& [check, probe] : probes_)
            stop(*probe);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void configure(const std::vector<config::Check>& checks) {
        Probes before = std::exchange(probes_, {});
        for (const config::Check& check : checks) {
            if (probes_.contains(check))
                continue;
            if (auto node = before.extract(check))
                probes_.insert(std::move(node));
            else
                start(check);
        }
        for (auto& [check, probe] : before)
            stop(*probe);
    }

    [[nodiscard]] const CheckState* find(const config::Check& check) const {
        const auto found = probes_.find(check);
        return found == probes_.end() ? nullptr : &found->second->state;
    }

    [[nodiscard]] std::size_t probe_count() const { return probes_.size(); }

private:
    // Shared with its coroutine. `stopped` is the coroutine's word that the monitor no longer
    // knows it, and may itself be gone.
    struct Probe {
        config::Check check;
        CheckState state;
        asio::steady_timer timer;
        bool stopped = false;

        Probe(asio::io_context& context, const config::Check& what)
            : check(what), state(what.timing), timer(context) {}
    };
    using Probes = std::unordered_map<config::Check, std::shared_ptr<Probe>, CheckHash>;

    void start(const config::Check& check) {
        if (std::holds_alternative<config::HttpCheck>(check.kind) && !http_)
            http_ = std::make_unique<HttpClient>(context_);
        auto probe = std::make_shared<Probe>(context_, check);
        const double random = std::uniform_real_distribution<>(0.0, 1.0)(random_);
        probe->timer.expires_at(
            first_launch(check.timing, std::chrono::steady_clock::now(), random));
        log::info("Activating healthchecker {} for service {}", type_of(check),
                  service_name(target_of(check)));
        probes_.emplace(check, probe);
        asio::co_spawn(context_, run(*this, std::move(probe)), must_not_throw);
    }

    static void stop(Probe& probe) {
        probe.stopped = true;
        boost::system::error_code ignored;
        probe.timer.cancel(ignored);
    }

    // `self` is touched only while the probe is not stopped: the destructor stops them all.
    static asio::awaitable<void> run(Impl& self, std::shared_ptr<Probe> probe) {
        while (true) {
            co_await probe->timer.async_wait(asio::as_tuple(asio::use_awaitable));
            if (probe->stopped)
                co_return;
            const Outcome outcome = co_await ask(self, probe->check);
            if (probe->stopped)
                co_return;
            const CheckState::Step step =
                probe->state.record(outcome, std::chrono::steady_clock::now());
            probe->timer.expires_at(step.next_launch);
            self.report(*probe, step, outcome);
        }
    }

    static asio::awaitable<Outcome> ask(Impl& self, const config::Check& check) {
        const Duration timeout = check.timing.connect_timeout;
        if (const auto* http = std::get_if<config::HttpCheck>(&check.kind))
            return probe_http(*self.http_, *http, timeout);
        return probe_tcp(target_of(check), timeout);
    }

    void report(const Probe& probe, const CheckState::Step& step, const Outcome& outcome) {
        if (outcome.code == Code::local_error)
            log::warn("{} on service {} could not be made: {}", type_of(probe.check),
                      service_name(target_of(probe.check)), outcome.detail);
        if (step.change == CheckState::Change::none)
            return;
        log_change(probe.check, probe.state);
        on_change_();
    }

    asio::io_context& context_;
    std::function<void()> on_change_;
    std::minstd_rand random_{std::random_device{}()};
    // Made with the first HTTP check: a configuration without one pays nothing for libcurl.
    std::unique_ptr<HttpClient> http_;
    Probes probes_;
};

Monitor::Monitor(asio::io_context& context, std::function<void()> on_change)
    : impl_(std::make_unique<Impl>(context, std::move(on_change))) {}

Monitor::~Monitor() = default;

void Monitor::configure(const std::vector<config::Check>& checks) {
    impl_->configure(checks);
}

const CheckState* Monitor::find(const config::Check& check) const {
    return impl_->find(check);
}

std::size_t Monitor::probe_count() const {
    return impl_->probe_count();
}

}  // namespace headgate::health
