// TablePublisher: keeps the latest ServiceTable and gets it to whichever dataplane is connected:
// the whole table on every connection and after every change, one at a time, skipping those that
// were overtaken. Main thread only; owns the connection it is attached to.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "common/api.pb.h"
#include "controlplane/forwarding/backend.h"
#include "controlplane/forwarding/dataplane_connection.h"

namespace headgate::forwarding {

class TablePublisher {
public:
    TablePublisher() = default;
    ~TablePublisher();
    TablePublisher(const TablePublisher&) = delete;
    TablePublisher& operator=(const TablePublisher&) = delete;

    void attach(std::shared_ptr<DataplaneConnection> connection);
    // Closes the connection, if there is one; who waits for an answer gets `reason` as the error.
    void detach(const std::string& reason);

    void set_table(api::ServiceTable table);
    // Questions that overlap are answered by one reply.
    void stats(ForwardingBackend::StatsHandler handler);
    void ask(const api::DataplaneRequest& request, ForwardingBackend::ReplyHandler handler);

    // Whether the attached dataplane has taken a table.
    [[nodiscard]] bool confirmed() const { return confirmed_; }
    // Why it refused the latest one; empty when it did not.
    [[nodiscard]] const std::string& error() const { return error_; }

private:
    void publish();
    void on_applied(const Result<api::DataplaneReply>& reply);
    void ask_state();
    void on_state(const Result<api::DataplaneReply>& reply);

    std::shared_ptr<DataplaneConnection> connection_;
    api::ServiceTable table_;
    bool has_table_ = false;
    bool changed_ = false;   // since the last one that was sent
    bool applying_ = false;  // a table is on its way
    bool confirmed_ = false;
    std::string error_;
    std::vector<ForwardingBackend::StatsHandler> waiting_for_stats_;
    std::deque<ForwardingBackend::ReplyHandler> waiting_;  // in the order of the requests
};

}  // namespace headgate::forwarding
