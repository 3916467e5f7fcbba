#include "dataplane/daemon.h"

#include <algorithm>
#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "common/api.pb.h"
#include "common/log.h"
#include "dataplane/trace.h"

namespace headgate::dataplane {

Daemon::Daemon(bool standalone) : lease_(standalone, std::chrono::steady_clock::now()) {}

Result<std::unique_ptr<Daemon>> Daemon::create(const std::string& socket_path, bool standalone) {
    std::unique_ptr<Daemon> daemon(new Daemon(standalone));
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    daemon->signals_ = Fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!daemon->signals_)
        return fail_errno("open a signalfd");
    Daemon* self = daemon.get();
    Result<std::unique_ptr<ControlServer>> server = ControlServer::listen(
        socket_path, {[self](ClientId client, const api::DataplaneRequest& request) {
                          return self->handle(client, request);
                      },
                      [self](ClientId client) { self->disconnected(client); }});
    if (!server)
        return tl::unexpected(server.error());
    daemon->server_ = std::move(*server);
    return daemon;
}

void Daemon::run(Engine& engine) {
    engine_ = &engine;
    std::vector<pollfd> fds;
    while (true) {
        const Instant now = std::chrono::steady_clock::now();
        engine.set_lease_expired(lease_.expired(now));
        if (lease_.should_exit(engine.any_active(), now)) {
            log::info("no control plane and no active service for {} s: exiting",
                      Lease::exit_after.count());
            return;
        }
        Instant next = engine.run_timers(now);
        if (const auto expiry = lease_.expires_at(); expiry && *expiry > now)
            next = std::min(next, *expiry);
        const auto wait = std::chrono::ceil<std::chrono::milliseconds>(
            std::max(next - std::chrono::steady_clock::now(), Duration::zero()));
        fds.assign({{signals_.get(), POLLIN, 0},
                    {engine.netlink_fd(), POLLIN, 0},
                    {engine.inquiries().fd(), POLLIN, 0}});
        server_->add_poll_fds(fds);
        if (::poll(fds.data(), fds.size(), static_cast<int>(wait.count())) <= 0)
            continue;
        if (fds[0].revents != 0 && stop_signal())
            return;
        if (fds[1].revents != 0)
            engine.on_netlink();
        // Before the answers, which may disconnect a client.
        server_->handle(std::span(fds).subspan(3));
        if (fds[2].revents != 0)
            engine.inquiries().on_answers();
    }
}

bool Daemon::stop_signal() {
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info)
        return false;
    if (info.ssi_signo == SIGHUP)
        engine_->leave();
    log::info("signal {}: exiting", info.ssi_signo);
    return true;
}

std::optional<api::DataplaneReply> Daemon::handle(ClientId client,
                                                  const api::DataplaneRequest& request) {
    if (request.has_flows())
        return ask_flows(client, request.flows());
    if (request.has_trace())
        return ask_trace(client, request.trace());
    if (request.has_watch())
        return ask_watch(client, request.watch());
    api::DataplaneReply reply;
    if (request.has_apply())
        reply = apply(client, request.apply());
    else if (!request.has_get_state())
        reply.set_error("the request is none that this dataplane knows");
    *reply.mutable_state() = engine_->state();
    return reply;
}

api::DataplaneReply Daemon::refusal(const Error& error) {
    api::DataplaneReply reply;
    reply.set_error(error.message);
    return reply;
}

api::DataplaneReply Daemon::apply(ClientId client, const api::ServiceTable& message) {
    api::DataplaneReply reply;
    Result<Table> table = load_table(message);
    Result<void> applied;
    if (table)
        applied = engine_->apply(std::move(*table));
    else
        applied = tl::unexpected(table.error());
    if (applied) {
        controller_ = client;
        lease_.control_applied(engine_->table().lease);
    } else {
        log::error("a table was refused: {}", applied.error().message);
        reply.set_error(applied.error().message);
    }
    return reply;
}

std::optional<api::DataplaneReply> Daemon::ask_flows(ClientId client,
                                                     const api::FlowsRequest& request) {
    Result<FlowsQuestion> question = load_flows_request(request);
    if (!question)
        return refusal(question.error());
    return ask(client, std::make_unique<FlowsInquiry>(std::move(*question)));
}

std::optional<api::DataplaneReply> Daemon::ask_trace(ClientId client,
                                                     const api::TraceRequest& request) {
    const Result<Packet> packet = load_trace_request(request);
    if (!packet)
        return refusal(packet.error());
    return ask(client, std::make_unique<TraceInquiry>(*packet));
}

std::optional<api::DataplaneReply> Daemon::ask(ClientId client, std::unique_ptr<Inquiry> inquiry) {
    engine_->inquiries().ask(std::move(inquiry), answer_to(client));
    return std::nullopt;
}

std::optional<api::DataplaneReply> Daemon::ask_watch(ClientId client,
                                                     const api::WatchRequest& request) {
    // The answer may be here at once, when it may not yet be sent.
    struct Pending {
        bool is_here = false;
        std::optional<api::DataplaneReply> reply;
    };
    const auto pending = std::make_shared<Pending>();
    pending->is_here = true;
    engine_->watches().handle(
        request, std::chrono::steady_clock::now(),
        [pending, later = answer_to(client)](const api::DataplaneReply& reply) {
            if (pending->is_here)
                pending->reply = reply;
            else
                later(reply);
        });
    pending->is_here = false;
    return std::move(pending->reply);
}

Inquiries::Handler Daemon::answer_to(ClientId client) {
    return [this, client](const api::DataplaneReply& reply) { server_->answer(client, reply); };
}

void Daemon::disconnected(ClientId client) {
    if (client != controller_)
        return;
    log::warn("the control plane is gone; services on VRRP addresses go on for {} s",
              engine_->table().lease.count());
    controller_ = 0;
    lease_.control_lost(std::chrono::steady_clock::now());
}

}  // namespace headgate::dataplane
