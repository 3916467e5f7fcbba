#include "controlplane/forwarding/table_publisher.h"

#include <utility>

#include "common/log.h"

namespace headgate::forwarding {

namespace {

// The state in a reply, or why there is none.
Result<api::DataplaneState> state_in(const Result<api::DataplaneReply>& reply) {
    if (!reply)
        return tl::unexpected(reply.error());
    if (!reply->error().empty())
        return fail("{}", reply->error());
    return reply->state();
}

}  // namespace

TablePublisher::~TablePublisher() {
    if (connection_)
        connection_->close();
}

void TablePublisher::attach(std::shared_ptr<DataplaneConnection> connection) {
    detach("replaced");
    connection_ = std::move(connection);
    changed_ = has_table_;
    publish();
}

void TablePublisher::detach(const std::string& reason) {
    if (connection_)
        connection_->close();
    connection_.reset();
    applying_ = false;
    confirmed_ = false;
    error_.clear();
    for (const auto& handler : std::exchange(waiting_for_stats_, {}))
        handler(fail("{}", reason));
    for (const auto& handler : std::exchange(waiting_, {}))
        handler(fail("{}", reason));
}

void TablePublisher::set_table(api::ServiceTable table) {
    table_ = std::move(table);
    has_table_ = true;
    changed_ = true;
    publish();
}

void TablePublisher::publish() {
    if (!connection_ || !changed_ || applying_)
        return;
    changed_ = false;
    applying_ = true;
    api::DataplaneRequest request;
    *request.mutable_apply() = table_;
    connection_->request(request,
                         [this](const Result<api::DataplaneReply>& reply) { on_applied(reply); });
}

void TablePublisher::on_applied(const Result<api::DataplaneReply>& reply) {
    applying_ = false;
    if (!reply)  // the connection is gone; the next one gets the table again
        return;
    const auto state = state_in(reply);
    if (!state) {
        error_ = state.error().message;
        log::error("The dataplane did not take the service table: {}", error_);
    } else {
        confirmed_ = true;
        error_.clear();
    }
    publish();
}

void TablePublisher::stats(ForwardingBackend::StatsHandler handler) {
    if (!connection_)
        return handler(fail("the dataplane is not connected"));
    waiting_for_stats_.push_back(std::move(handler));
    if (waiting_for_stats_.size() == 1)
        ask_state();
}

void TablePublisher::ask(const api::DataplaneRequest& request,
                         ForwardingBackend::ReplyHandler handler) {
    if (!connection_)
        return handler(fail("the dataplane is not connected"));
    waiting_.push_back(std::move(handler));
    connection_->request(request, [this](Result<api::DataplaneReply> reply) {
        const ForwardingBackend::ReplyHandler answer = std::move(waiting_.front());
        waiting_.pop_front();
        answer(std::move(reply));
    });
}

void TablePublisher::ask_state() {
    api::DataplaneRequest request;
    request.mutable_get_state();
    connection_->request(request,
                         [this](const Result<api::DataplaneReply>& reply) { on_state(reply); });
}

void TablePublisher::on_state(const Result<api::DataplaneReply>& reply) {
    const auto state = state_in(reply);
    for (const auto& handler : std::exchange(waiting_for_stats_, {}))
        handler(state);
}

}  // namespace headgate::forwarding
