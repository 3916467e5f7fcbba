// BfdSessions: the daemon's side of BFD. Starts the BFD thread when there is something for it to
// do, hands what its sessions say to whoever tracks them, and keeps the last states for the status.
// Owned by the daemon; main thread, unless said otherwise.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "common/api.pb.h"
#include "controlplane/bfd/bfd_thread.h"
#include "controlplane/config/model.h"

namespace boost::asio {
class io_context;
}

namespace headgate {

class BfdSessions {
public:
    // All sessions, whenever one has changed. Called on the BFD thread; must not block.
    using Report = std::function<void(const std::vector<bfd::InstanceStatus>&)>;

    // `context` outlives the sessions.
    BfdSessions(boost::asio::io_context& context, Report report)
        : context_(context), report_(std::move(report)) {}

    // Reports every session anew, also those that go on unchanged: there may be a new listener.
    // `scheduling` is for the thread when this is what starts it.
    void configure(const std::vector<config::BfdInstance>& instances, const Scheduling& scheduling);
    // `done` is called when statuses() is up to date; at once when there is nothing to ask.
    void refresh(std::function<void()> done);
    [[nodiscard]] const std::vector<bfd::InstanceStatus>& statuses() const { return statuses_; }
    // Neighbors are told; nothing is reported after the return.
    void stop();

private:
    boost::asio::io_context& context_;
    Report report_;
    std::vector<bfd::InstanceStatus> statuses_;
    std::unique_ptr<bfd::BfdThread> thread_;
};

// The words of the status for it.
void fill_bfd(const bfd::InstanceStatus& session, api::BfdStatus& status);

}  // namespace headgate
