#include "controlplane/vrrp/wake_timer.h"

#include <cstdint>
#include <utility>

#include <sys/timerfd.h>
#include <unistd.h>

namespace headgate::vrrp {

namespace asio = boost::asio;

namespace {

// So close to the deadline the early wake is mostly not for nothing: others are due then.
constexpr Duration early_max = std::chrono::milliseconds(10);
// A timer that is too early stays until this part of the time to the deadline is left of it.
constexpr int remaining_part = 4;

itimerspec at(Instant instant) {
    const auto since_boot = instant.time_since_epoch();
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(since_boot);
    itimerspec time{};
    time.it_value.tv_sec = seconds.count();
    time.it_value.tv_nsec = Duration(since_boot - seconds).count();
    return time;
}

}  // namespace

bool timer_serves(Instant set, Instant next, Instant now) {
    return set <= next && (next < set + early_max || set - now > (next - now) / remaining_part);
}

Result<Fd> WakeTimer::open() {
    Fd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
    if (!timer)
        return fail_errno("create a timer");
    return timer;
}

WakeTimer::WakeTimer(asio::io_context& io, Fd timer) : readable_(io, timer.release()) {}

void WakeTimer::start(Handler on_due) {
    on_due_ = std::move(on_due);
    watch();
}

void WakeTimer::set(Instant next, Instant now) {
    if (set_for_ && timer_serves(*set_for_, next, now))
        return;
    set_for_ = next;
    const itimerspec time = at(next);
    // Its only errors are of arguments.
    timerfd_settime(readable_.native_handle(), TFD_TIMER_ABSTIME, &time, nullptr);
}

void WakeTimer::watch() {
    readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [this](boost::system::error_code error) {
                             if (error)
                                 return;
                             fire();
                             watch();
                         });
}

// To set the timer again also takes back that it has expired; only one that is not is read.
void WakeTimer::fire() {
    if (const auto due = std::exchange(set_for_, std::nullopt))
        on_due_(*due);
    if (set_for_)
        return;
    std::uint64_t num_expirations = 0;
    (void)!read(readable_.native_handle(), &num_expirations, sizeof num_expirations);
}

}  // namespace headgate::vrrp
