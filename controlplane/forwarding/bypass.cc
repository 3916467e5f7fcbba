#include "controlplane/forwarding/bypass.h"

#include "common/api.pb.h"
#include "controlplane/forwarding/supervisor.h"

namespace headgate::forwarding {

Bypass::Bypass(boost::asio::io_context& context, Options options)
    : supervisor_(std::make_shared<Supervisor>(context, std::move(options))) {
    supervisor_->start();
}

Bypass::~Bypass() {
    supervisor_->abandon();
}

void Bypass::want(Engine engine) {
    supervisor_->want(std::move(engine));
}

void Bypass::stop(std::function<void()> done) {
    supervisor_->stop(std::move(done));
}

Bypass::State Bypass::state() const {
    return supervisor_->state();
}

service::Capabilities Bypass::capabilities() const {
    using config::Scheduler;
    return {.methods = {config::ForwardingMethod::dr, config::ForwardingMethod::tun},
            .schedulers = {Scheduler::rr, Scheduler::wrr, Scheduler::lc, Scheduler::wlc,
                           Scheduler::lblc, Scheduler::lblcr, Scheduler::sh, Scheduler::mh,
                           Scheduler::dh, Scheduler::fo, Scheduler::ovf, Scheduler::sed,
                           Scheduler::nq, Scheduler::twos},
            .protocols = {config::Protocol::tcp, config::Protocol::udp, config::Protocol::sctp}};
}

void Bypass::apply(api::ServiceTable table) {
    supervisor_->apply(std::move(table));
}

void Bypass::stats(StatsHandler handler) {
    supervisor_->stats(std::move(handler));
}

void Bypass::ask(const api::DataplaneRequest& request, ReplyHandler handler) {
    supervisor_->ask(request, std::move(handler));
}

}  // namespace headgate::forwarding
