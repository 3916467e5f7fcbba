#include "controlplane/vrrp/vrrp_thread.h"

#include <utility>

#include "controlplane/vrrp/loop.h"

namespace headgate::vrrp {

VrrpThread::VrrpThread(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}

VrrpThread::~VrrpThread() {
    stop();
}

Result<std::unique_ptr<VrrpThread>> VrrpThread::start(config::Vrrp config, Options options) {
    auto loop = Loop::open(std::move(options));
    if (!loop)
        return tl::unexpected(loop.error());
    (*loop)->start(std::move(config));
    return std::unique_ptr<VrrpThread>(new VrrpThread(std::move(*loop)));
}

void VrrpThread::reconfigure(config::Vrrp config) {
    loop_->post([loop = loop_.get(), next = std::move(config)] { loop->apply(next); });
}

void VrrpThread::request_status(StatusHandler handler) {
    loop_->post([loop = loop_.get(), handler = std::move(handler)] { handler(loop->statuses()); });
}

void VrrpThread::request_standings(StandingHandler handler) {
    loop_->post([loop = loop_.get(), handler = std::move(handler)] { handler(loop->standings()); });
}

void VrrpThread::step_down(std::string instance, std::chrono::seconds hold, std::string reason,
                           StepDownHandler handler) {
    loop_->post([loop = loop_.get(), name = std::move(instance), hold, why = std::move(reason),
                 handler = std::move(handler)] { handler(loop->step_down(name, hold, why)); });
}

void VrrpThread::on_tracker(TrackerId id, TrackerState state) {
    loop_->post([loop = loop_.get(), id = std::move(id), state = std::move(state)] {
        loop->on_tracker(id, state);
    });
}

void VrrpThread::stop() {
    loop_->stop();
}

}  // namespace headgate::vrrp
