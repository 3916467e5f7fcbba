#include "controlplane/inquiry.h"

#include <memory>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "controlplane/backends.h"
#include "controlplane/bfd_sessions.h"

namespace headgate {

namespace asio = boost::asio;

namespace {

// How long it waits for the VRRP thread, which a status cannot do without, and for the dataplane,
// which it can.
constexpr std::chrono::milliseconds patience_max{1000};

class Inquiry {
public:
    Inquiry(asio::io_context& context, std::function<void(Reports)> done)
        : done_(std::move(done)), timer_(context) {
        timer_.expires_after(patience_max);
    }

    static void give_up_in_time(const std::shared_ptr<Inquiry>& inquiry) {
        inquiry->timer_.async_wait([inquiry](boost::system::error_code error) {
            if (!error)
                inquiry->finish();
        });
    }

    void expect() { ++waiting_; }
    void arrived() {
        if (--waiting_ == 0)
            finish();
    }

    Reports reports;

private:
    void finish() {
        const auto done = std::exchange(done_, nullptr);
        if (!done)
            return;
        timer_.cancel();
        done(std::move(reports));
    }

    std::function<void(Reports)> done_;
    asio::steady_timer timer_;
    int waiting_ = 0;
};

}  // namespace

void inquire(asio::io_context& context, vrrp::VrrpThread* vrrp, BfdSessions& bfd,
             Backends& backends, std::function<void(Reports)> done) {
    auto inquiry = std::make_shared<Inquiry>(context, std::move(done));
    Inquiry::give_up_in_time(inquiry);
    inquiry->expect();  // holds it open until all are asked
    if (vrrp != nullptr) {
        inquiry->expect();
        // Moved on, not copied: the inquiry must not end on the VRRP thread.
        vrrp->request_status([&context, inquiry](auto instances) mutable {
            asio::post(context,
                       [inquiry = std::move(inquiry), instances = std::move(instances)]() mutable {
                           inquiry->reports.vrrp = std::move(instances);
                           inquiry->arrived();
                       });
        });
    } else {
        inquiry->reports.vrrp.emplace();
    }
    inquiry->expect();
    bfd.refresh([inquiry] { inquiry->arrived(); });
    inquiry->expect();
    backends.bypass().stats([inquiry](Result<api::DataplaneState> state) {
        if (state)
            inquiry->reports.dataplane = std::move(*state);
        inquiry->arrived();
    });
    inquiry->expect();
    backends.ipvs().stats([inquiry](Result<api::DataplaneState> state) {
        if (state)
            inquiry->reports.ipvs = std::move(*state);
        inquiry->arrived();
    });
    inquiry->arrived();
}

}  // namespace headgate
