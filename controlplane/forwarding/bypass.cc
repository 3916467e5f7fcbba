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
    return {.methods = {config::ForwardingMethod::dr},
            .schedulers = {config::Scheduler::rr, config::Scheduler::wrr},
            .protocols = {config::Protocol::tcp, config::Protocol::udp, config::Protocol::sctp}};
}

void Bypass::apply(api::ServiceTable table) {
    supervisor_->apply(std::move(table));
}

void Bypass::stats(StatsHandler handler) {
    supervisor_->stats(std::move(handler));
}

}  // namespace headgate::forwarding
