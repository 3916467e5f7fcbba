// WakeTimer: wakes an event loop at the next deadline, with as few system calls as that takes. To
// set a timer is by far the dearest of those that an advert costs, since on a virtual machine it
// leaves to the hypervisor: 12 us, with some 2 for any other. Asio's own timer does it
// twice each time it fires, once for a time far away.
//
// VRRP thread only. Owns its timerfd.
#pragma once

#include <functional>
#include <optional>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "common/clock.h"
#include "common/fd.h"
#include "common/result.h"

namespace headgate::vrrp {

// Whether a timer that is set for `set` may be left alone when `next` is the next deadline: it is
// never late, at the worst it fires once for nothing. That costs as much as to set it a few times,
// so it moves when it is about to.
[[nodiscard]] bool timer_serves(Instant set, Instant next, Instant now);

class WakeTimer {
public:
    // Called with the time that the timer was set for; it is not set any more.
    using Handler = std::function<void(Instant)>;

    // Fails without a descriptor for it.
    static Result<Fd> open();
    WakeTimer(boost::asio::io_context& io, Fd timer);

    // Once, before set().
    void start(Handler on_due);
    // The handler is to be called at `next` at the latest, or earlier for nothing.
    void set(Instant next, Instant now);

private:
    void watch();
    void fire();

    boost::asio::posix::stream_descriptor readable_;  // owns the timerfd
    std::optional<Instant> set_for_;
    Handler on_due_;
};

}  // namespace headgate::vrrp
