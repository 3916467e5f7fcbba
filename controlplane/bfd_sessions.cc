#include "controlplane/bfd_sessions.h"

#include <chrono>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

namespace headgate {

namespace asio = boost::asio;

void BfdSessions::configure(const std::vector<config::BfdInstance>& instances,
                            const Scheduling& scheduling) {
    if (thread_) {
        thread_->reconfigure(instances);
        return;
    }
    if (instances.empty())
        return;
    thread_ = bfd::BfdThread::start(
        instances, {.on_change =
                        [this](auto sessions) {
                            report_(sessions);
                            asio::post(context_, [this, sessions = std::move(sessions)]() mutable {
                                statuses_ = std::move(sessions);
                            });
                        },
                    .scheduling = scheduling});
}

void BfdSessions::refresh(std::function<void()> done) {
    if (!thread_) {
        done();
        return;
    }
    // Moved on, not copied: what it holds must not end on the BFD thread.
    thread_->request_status([this, done = std::move(done)](auto sessions) mutable {
        asio::post(context_,
                   [this, done = std::move(done), sessions = std::move(sessions)]() mutable {
                       statuses_ = std::move(sessions);
                       done();
                   });
    });
}

void BfdSessions::stop() {
    if (thread_)
        thread_->stop();
}

void fill_bfd(const bfd::InstanceStatus& session, api::BfdStatus& status) {
    status.set_name(session.name);
    status.set_neighbor(session.neighbor.to_string());
    status.set_multihop(session.multihop);
    status.set_state(std::string(bfd::name_of(session.state)));
    status.set_diagnostic(std::string(bfd::describe(session.diagnostic)));
    status.set_since_unix_ms(session.since_unix_ms);
    status.set_remote_state(std::string(bfd::name_of(session.remote_state)));
    status.set_remote_diagnostic(std::string(bfd::describe(session.remote_diagnostic)));
    status.set_discriminator(session.discriminator);
    status.set_remote_discriminator(session.remote_discriminator);
    status.set_tx_interval_us(to_microseconds(session.tx_interval));
    status.set_detection_time_us(to_microseconds(session.detection_time));
    status.set_packets_sent(session.packets_sent);
    status.set_packets_received(session.packets_received);
    status.set_became_up(session.became_up);
    status.set_warning(session.warning);
    for (const bfd::NamedCount& error : session.packet_errors) {
        api::NamedCount& shown = *status.add_packet_errors();
        shown.set_name(std::string(error.name));
        shown.set_count(error.count);
    }
}

}  // namespace headgate
