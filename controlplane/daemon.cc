#include "controlplane/daemon.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include <malloc.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/api.pb.h"
#include "common/log.h"
#include "controlplane/admin/server.h"
#include "controlplane/backends.h"
#include "controlplane/bfd_sessions.h"
#include "controlplane/config/load.h"
#include "controlplane/dataplane_questions.h"
#include "controlplane/dump/dumper.h"
#include "controlplane/explain/explain.h"
#include "controlplane/health/monitor.h"
#include "controlplane/holds.h"
#include "controlplane/inquiry.h"
#include "controlplane/reload_errors.h"
#include "controlplane/service/drains.h"
#include "controlplane/service/evaluate.h"
#include "controlplane/service/history.h"
#include "controlplane/service/words.h"
#include "controlplane/status.h"
#include "controlplane/track/trackers.h"
#include "controlplane/tracker_wiring.h"
#include "controlplane/vrrp/firewall.h"
#include "controlplane/vrrp/vrrp_thread.h"

namespace headgate {

namespace asio = boost::asio;

namespace {

std::int64_t unix_ms_now() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

// What -P and -C leave of a configuration. Without VRRP nobody here decides who holds a VIP, so
// nothing is gated by one; the interfaces of the instances still are those to forward on.
config::Config restrict_to(config::Config config, const Daemon::Options& options) {
    if (!options.run_vrrp) {
        config.dataplane.interfaces = forwarding::engine_of(config).interfaces;
        config.vrrp = {};
        config.ipvs.sync_daemon.reset();
    }
    if (!options.run_services) {
        config.virtual_servers.clear();
        // Nobody here knows how they are.
        for (config::VrrpInstance& instance : config.vrrp.instances)
            std::erase_if(instance.trackers, [](const config::TrackerUse& use) {
                return use.tracker.kind == config::TrackerKind::virtual_server;
            });
    }
    return config;
}

}  // namespace

class Daemon::Impl {
public:
    Impl(asio::io_context& context, Options options)
        : context_(context),
          options_(std::move(options)),
          holds_(options_.holds_file),
          monitor_(context, [this] { evaluate_soon(); }),
          trackers_(context, [this](const auto& id, const auto& said) { tracked(id, said); }),
          service_trackers_([this](const auto& id, const auto& said) { tracked(id, said); }),
          backends_(context,
                    {.executable = options_.dataplane_program,
                     .socket = options_.dataplane_socket,
                     .pins = options_.dataplane_pins,
                     .arguments = options_.dataplane_arguments},
                    options_.ipvs_file, [this] { evaluate_soon(); }),
          firewall_(options_.firewall_table),
          bfd_(context, [this](const auto& sessions) { report(sessions); }) {}

    Result<void> start(config::Config config) {
        auto admin = admin::AdminServer::listen(
            context_, options_.api_socket,
            {.get_status = [this](const auto& answer) { get_status(answer); },
             .get_ipvs = [this](const auto& answer) { get_ipvs(answer); },
             .reload =
                 [this](const auto& answer) {
                     api::ControlReply reply;
                     if (const auto reloaded = reload(); !reloaded)
                         reply.set_error(reloaded.error().message);
                     answer(std::move(reply));
                 },
             .why = [this](const std::string& object,
                           auto answer) { why(object, std::move(answer)); },
             .failover = [this](const api::FailoverRequest& request,
                                auto answer) { failover(request, std::move(answer)); },
             .dataplane =
                 [this](const auto& request, auto answer) {
                     ask_dataplane(backends_, request, std::move(answer));
                 }});
        if (!admin)
            return tl::unexpected(admin.error());
        admin_ = std::move(*admin);
        return adopt(std::move(config));
    }

    Result<void> reload() {
        log::info("Reloading {}", options_.config_file.string());
        config::LoadResult loaded = config::load_file(options_.config_file);
        const std::string errors = error_lines(loaded.diagnostics);
        if (!loaded.config || !errors.empty()) {
            config_error_ = errors;
            log::error("The configuration is refused, the running one stays:\n{}",
                       config::render_report(loaded.diagnostics));
            return fail("{}", errors);
        }
        if (!loaded.diagnostics.empty())
            log::warn("{}", config::render_report(loaded.diagnostics));
        Result<void> adopted = adopt(std::move(*loaded.config));
        if (!adopted)
            config_error_ = adopted.error().message;
        return adopted;
    }

    void dump(Dump what) {
        if (!vrrp_)
            return write_dump(what, {});
        vrrp_->request_status([this, what](auto instances) {
            asio::post(context_, [this, what, instances = std::move(instances)] {
                write_dump(what, instances);
            });
        });
    }

    void stop(std::function<void()> done) {
        admin_.reset();
        monitor_.configure({});
        bfd_.stop();
        trackers_.configure({}, {});
        drain_timer_.cancel();
        if (vrrp_)
            vrrp_->stop();
        backends_.stop(std::move(done));
    }

private:
    void write_dump(Dump what, const std::vector<vrrp::InstanceStatus>& instances) {
        const auto write = [&](dump::Kind kind) {
            dumper_.write(kind, config_, instances, trackers_.activity());
        };
        switch (what) {
            case Dump::data:
                return write(dump::Kind::data);
            case Dump::stats:
                return write(dump::Kind::stats);
            case Dump::json:
                return write(dump::Kind::json);
            case Dump::stats_and_clear:
                return dumper_.write_stats_and_clear(config_, instances);
        }
    }

    // Makes `config` the running one. Nothing has changed when it fails.
    Result<void> adopt(config::Config config) {
        config = restrict_to(std::move(config), options_);
        // Before the instances: what is known by then, they need not wait for.
        trackers_.configure(config.trackers, used_trackers(config.vrrp));
        // Before the addresses come that it is to keep packets from.
        firewall_.apply(config.vrrp);
        if (vrrp_) {
            vrrp_->reconfigure(config.vrrp);
        } else if (!config.vrrp.instances.empty() || !config.vrrp.statics.empty()) {
            auto started = vrrp::VrrpThread::start(
                config.vrrp,
                {.on_change = [this] { asio::post(context_, [this] { ask_standings(); }); },
                 .trackers = std::exchange(said_before_start_, {}),
                 .holds = holds_.load()});
            if (!started)
                return fail_with("start VRRP", started.error());
            vrrp_ = std::move(*started);
            ask_standings();
        }
        // The sessions are reported anew to the instances as they are now.
        vrrp_of_bfd_ = vrrp_.get();
        bfd_.configure(config.bfd_instances, config.bfd_scheduling);
        drains_.reload(config_, views_, config, std::chrono::steady_clock::now());
        config_ = std::move(config);
        config_loaded_unix_ms_ = unix_ms_now();
        config_error_.clear();
        monitor_.configure(all_checks());
        backends_.configure(config_);
        evaluate();
        malloc_trim(0);  // reading it took many times what it is
        return {};
    }

    // Many instances change in one moment; an answer that is still to come tells of all of them.
    void ask_standings() {
        if (std::exchange(standings_asked_, true))
            return;
        vrrp_->request_standings([this](auto standings) {
            asio::post(context_, [this, standings = std::move(standings)]() mutable {
                standings_asked_ = false;
                standings_ = std::move(standings);
                standings_known_ = true;
                holds_.update(standings_);
                evaluate_soon();
            });
        });
    }

    static tl::unexpected<Error> fail_with(const char* attempt, const Error& error) {
        return tl::unexpected(Error{fmt::format("{}: {}", attempt, error.message), error.code});
    }

    [[nodiscard]] std::vector<config::Check> all_checks() const {
        std::vector<config::Check> checks;
        for (const config::VirtualServer& service : config_.virtual_servers) {
            for (const config::RealServer& server : service.real_servers)
                checks.insert(checks.end(), server.checks.begin(), server.checks.end());
        }
        return checks;
    }

    [[nodiscard]] service::Inputs service_inputs() const {
        service::Inputs inputs;
        inputs.find_check = [this](const config::Check& check) { return monitor_.find(check); };
        backends_.fill(inputs);
        for (const vrrp::Standing& instance : standings_)
            inputs.held_vips.insert(instance.held_vips.begin(), instance.held_vips.end());
        return inputs;
    }

    // Many checks may change in one turn of the loop; one evaluation serves them all.
    void evaluate_soon() {
        if (std::exchange(evaluation_due_, true))
            return;
        asio::post(context_, [this] { evaluate(); });
    }

    // On the BFD thread, straight to VRRP's: what is noticed within milliseconds must not wait for
    // the main thread.
    void report(const std::vector<bfd::InstanceStatus>& sessions) {
        vrrp::VrrpThread* const vrrp = vrrp_of_bfd_;
        for (const bfd::InstanceStatus& session : sessions) {
            if (vrrp != nullptr && session.for_vrrp)
                vrrp->on_tracker({config::TrackerKind::bfd, session.name}, tracker_state(session));
        }
    }

    void tracked(const config::TrackerId& id, const track::Verdict& verdict) {
        if (vrrp_)
            vrrp_->on_tracker(id, tracker_state(verdict));
        else
            said_before_start_[id] = tracker_state(verdict);
    }

    void evaluate() {
        evaluation_due_ = false;
        drains_.expire(std::chrono::steady_clock::now());
        if (const auto next = drains_.next()) {
            drain_timer_.expires_at(*next);
            drain_timer_.async_wait([this](boost::system::error_code error) {
                if (!error)
                    evaluate_soon();
            });
        }
        views_ = service::evaluate(config_, service_inputs());
        service_trackers_.update(config_, views_);
        for (const auto& change : history_.update(config_, views_, unix_ms_now()))
            log_change(change);
        const bool vips_known = standings_known_ || !vrrp_;
        backends_.apply(config_, views_, drains_, vips_known);
        if (vips_known)
            backends_.ipvs().keep_synced(is_sync_master());
    }

    [[nodiscard]] bool is_sync_master() const {
        return std::ranges::any_of(standings_, [this](const vrrp::Standing& standing) {
            return config_.ipvs.sync_daemon &&
                   standing.name == config_.ipvs.sync_daemon->instance &&
                   standing.state == vrrp::State::master;
        });
    }

    void log_change(const service::History::Change& change) const {
        const config::VirtualServer& service = config_.virtual_servers[change.service];
        const config::RealServer& server = service.real_servers[change.server];
        log::info("{} service {} {} VS {}", change.up ? "Adding" : "Removing",
                  service::log_name(service, server.endpoint), change.up ? "to" : "from",
                  service::log_name(service));
    }

    void inquire(std::function<void(Reports)> done) {
        headgate::inquire(context_, vrrp_.get(), bfd_, backends_, std::move(done));
    }

    void get_status(const admin::AdminServer::Answer& answer) {
        inquire([this, answer](const Reports& found) { answer(status_reply(found)); });
    }

    // What `headgate ipvsadm` shows.
    void get_ipvs(const admin::AdminServer::Answer& answer) {
        inquire([this, answer](const Reports& found) {
            api::ControlReply reply;
            *reply.mutable_ipvs() =
                backends_.listing(config_, views_, drains_, found.dataplane, found.ipvs);
            answer(std::move(reply));
        });
    }

    void why(const std::string& object, const admin::AdminServer::Answer& answer) {
        get_status([object, answer](const api::ControlReply& current) {
            api::ControlReply reply;
            auto explained = explain::explain(current.status(), object, unix_ms_now());
            if (explained) {
                *reply.mutable_why() = std::move(*explained);
            } else {
                reply.set_error(explained.error().message);
                reply.set_error_kind(api::NOT_FOUND);
            }
            answer(std::move(reply));
        });
    }

    void failover(const api::FailoverRequest& request, const admin::AdminServer::Answer& answer) {
        const std::string& name = request.instance();
        if (!vrrp_)
            return answer(no_such_instance(name));
        if (!request.cancel() && request.hold_s() == 0) {
            api::ControlReply reply;
            reply.set_error("a failover needs a time for which the instance holds back");
            return answer(std::move(reply));
        }
        const std::chrono::seconds hold(request.cancel() ? 0 : request.hold_s());
        vrrp_->step_down(name, hold, request.reason(), [this, name, answer](auto done) {
            asio::post(context_, [name, answer, done = std::move(done)] {
                if (!done)
                    return answer(no_such_instance(name));
                api::ControlReply reply;
                api::FailoverAnswer& shown = *reply.mutable_failover();
                shown.mutable_instances()->Assign(done->instances.begin(), done->instances.end());
                shown.set_state_before(std::string(vrrp::to_string(done->before)));
                shown.set_hold_until_unix_ms(done->until_unix_ms);
                answer(std::move(reply));
            });
        });
    }

    static api::ControlReply no_such_instance(const std::string& name) {
        api::ControlReply reply;
        reply.set_error(fmt::format("no VRRP instance is called {}", name));
        reply.set_error_kind(api::NOT_FOUND);
        return reply;
    }

    [[nodiscard]] api::ControlReply status_reply(const Reports& found) {
        api::ControlReply reply;
        if (!found.vrrp) {
            reply.set_error("the VRRP thread does not answer");
            return reply;
        }
        const forwarding::Bypass::State bypass = backends_.bypass_state();
        const forwarding::ipvs::Backend::State ipvs = backends_.ipvs().state();
        const service::Inputs inputs = service_inputs();
        const std::vector<service::ServiceView> views = service::evaluate(config_, inputs);
        api::Status& status = *reply.mutable_status();
        status = make_status({.config = config_,
                              .vrrp = *found.vrrp,
                              .views = views,
                              .history = history_,
                              .find_check = inputs.find_check,
                              .bypass = bypass,
                              .dataplane = found.dataplane,
                              .ipvs = ipvs,
                              .ipvs_counters = found.ipvs});
        for (const bfd::InstanceStatus& session : bfd_.statuses())
            fill_bfd(session, *status.add_bfd());
        status.set_version(HEADGATE_VERSION);
        status.set_pid(::getpid());
        status.set_started_unix_ms(started_unix_ms_);
        status.set_config_file(options_.config_file.string());
        status.set_config_loaded_unix_ms(config_loaded_unix_ms_);
        status.set_config_error(config_error_);
        return reply;
    }

    asio::io_context& context_;
    Options options_;
    const std::int64_t started_unix_ms_ = unix_ms_now();
    config::Config config_;
    std::int64_t config_loaded_unix_ms_ = 0;
    std::string config_error_;
    bool evaluation_due_ = false;
    std::vector<vrrp::Standing> standings_;
    bool standings_asked_ = false;
    bool standings_known_ = false;  // VRRP has said who holds what, once at least
    std::vector<service::ServiceView> views_;
    service::History history_;
    service::Drains drains_;
    asio::steady_timer drain_timer_{context_};
    Holds holds_;
    dump::Dumper dumper_{dump::temporary_directory()};
    vrrp::TrackerStates said_before_start_;
    health::Monitor monitor_;
    track::Trackers trackers_;
    ServiceTrackers service_trackers_;
    Backends backends_;
    std::unique_ptr<admin::AdminServer> admin_;
    vrrp::Firewall firewall_;  // outlives the addresses, which vrrp_ removes
    std::unique_ptr<vrrp::VrrpThread> vrrp_;
    std::atomic<vrrp::VrrpThread*> vrrp_of_bfd_ = nullptr;  // vrrp_, for the BFD thread
    BfdSessions bfd_;                                       // ends before those to whom it reports
};

Daemon::Daemon(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Daemon::~Daemon() = default;

Result<std::unique_ptr<Daemon>> Daemon::start(asio::io_context& context, Options options,
                                              config::Config config) {
    auto impl = std::make_unique<Impl>(context, std::move(options));
    if (auto started = impl->start(std::move(config)); !started)
        return tl::unexpected(started.error());
    return std::unique_ptr<Daemon>(new Daemon(std::move(impl)));
}

Result<void> Daemon::reload() {
    return impl_->reload();
}

void Daemon::dump(Dump what) {
    impl_->dump(what);
}

void Daemon::stop(std::function<void()> done) {
    impl_->stop(std::move(done));
}

}  // namespace headgate
