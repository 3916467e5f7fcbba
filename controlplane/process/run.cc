#include "controlplane/process/run.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/fd.h"
#include "common/log.h"
#include "controlplane/process/spawn.h"

namespace headgate::process {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr Duration kill_delay = std::chrono::seconds(2);
// A program that writes without end is read at this pace, which costs next to nothing.
constexpr std::size_t read_bytes = 65536;
constexpr Duration read_pause = std::chrono::milliseconds(10);
constexpr std::size_t quoted_max = 80;

std::string first_line(const std::string& output) {
    std::string line = output.substr(0, output.find('\n'));
    std::erase_if(
        line, [](char byte) { return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f; });
    if (line.size() > quoted_max)
        line = line.substr(0, quoted_max) + "...";
    return line;
}

}  // namespace

std::string describe(const Ending& ending) {
    std::string text;
    switch (ending.how) {
        case Ending::How::exited:
            text = fmt::format("exit {}", ending.code);
            break;
        case Ending::How::killed:
            text = fmt::format("killed by signal {} ({})", ending.code, ::strsignal(ending.code));
            break;
        case Ending::How::timed_out:
            text = "no answer in time";
            break;
    }
    if (const std::string line = first_line(ending.output); !line.empty())
        text += fmt::format(" \"{}\"", line);
    return text;
}

// Lives until the program has been reaped: its handlers hold it.
class Run::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& context, Spawned process, Fd output, const Options& options, Done done)
        : pid_(process.pid),
          ended_(context, process.pidfd.release()),
          output_(context, output.release()),
          deadline_(context),
          pause_(context),
          output_bytes_max_(options.output_bytes_max),
          done_(std::move(done)) {}

    ~Impl() {
        // The io_context has ended before the program: there is nobody left to wait for it.
        if (!is_reaped_)
            ::kill(-pid_, SIGKILL);
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void watch(Duration timeout) {
        ended_.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this()](error_code error) {
                              if (!error)
                                  self->finish();
                          });
        arm(timeout);
        wait_for_output();
    }

    void abandon() {
        done_ = nullptr;
        if (!is_reaped_ && phase_ == Phase::running)
            escalate();
    }

    [[nodiscard]] bool is_overdue() const { return phase_ != Phase::running; }

private:
    enum class Phase : std::uint8_t { running, terminating, killing };

    void arm(Duration delay) {
        deadline_.expires_after(delay);
        deadline_.async_wait([self = shared_from_this()](error_code error) {
            if (!error && !self->is_reaped_)
                self->escalate();
        });
    }

    void escalate() {
        if (phase_ == Phase::killing)
            log::warn("Child (PID {}) failed to terminate after kill", pid_);
        phase_ = phase_ == Phase::running ? Phase::terminating : Phase::killing;
        // The process is not reaped, so that its number, and its group's, are still its own.
        ::kill(-pid_, phase_ == Phase::terminating ? SIGTERM : SIGKILL);
        arm(kill_delay);
    }

    void wait_for_output() {
        output_.async_wait(asio::posix::stream_descriptor::wait_read,
                           [self = shared_from_this()](error_code error) {
                               if (!error && !self->is_reaped_ && self->read_output())
                                   self->pause_reading();
                           });
    }

    void pause_reading() {
        pause_.expires_after(read_pause);
        pause_.async_wait([self = shared_from_this()](error_code error) {
            if (!error && !self->is_reaped_)
                self->wait_for_output();
        });
    }

    // False at its end.
    bool read_output() {
        std::array<char, read_bytes> bytes{};
        const ssize_t size = ::read(output_.native_handle(), bytes.data(), bytes.size());
        if (size <= 0)
            return size < 0 && (errno == EAGAIN || errno == EINTR);
        const std::size_t room = output_bytes_max_ - std::min(output_bytes_max_, text_.size());
        text_.append(bytes.data(), std::min(room, static_cast<std::size_t>(size)));
        return true;
    }

    void finish() {
        // Children that it has left behind are part of what took too long.
        if (phase_ != Phase::running)
            ::kill(-pid_, SIGKILL);
        siginfo_t info{};
        const bool known = ::waitid(P_PIDFD, static_cast<id_t>(ended_.native_handle()), &info,
                                    WEXITED | WNOHANG) == 0 &&
                           info.si_pid == pid_;
        is_reaped_ = true;
        // Not to its end: a background child may keep it open for ever.
        read_output();
        error_code ignored;
        deadline_.cancel(ignored);
        pause_.cancel(ignored);
        output_.close(ignored);
        ended_.close(ignored);
        if (!done_)
            return;
        Ending ending{.how = Ending::How::exited, .code = info.si_status, .output = text_};
        if (phase_ != Phase::running)
            ending.how = Ending::How::timed_out;
        else if (!known || info.si_code != CLD_EXITED)
            ending.how = Ending::How::killed;
        std::exchange(done_, nullptr)(ending);
    }

    const pid_t pid_;
    asio::posix::stream_descriptor ended_;
    asio::posix::stream_descriptor output_;
    asio::steady_timer deadline_;
    asio::steady_timer pause_;
    const std::size_t output_bytes_max_;
    Done done_;
    std::string text_;
    Phase phase_ = Phase::running;
    bool is_reaped_ = false;
};

Run::Run(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Run::~Run() {
    impl_->abandon();
}

bool Run::is_overdue() const {
    return impl_->is_overdue();
}

Result<std::unique_ptr<Run>> Run::start(asio::io_context& context, const Program& program,
                                        const Options& options, Done done) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return fail_errno("start {}: make a pipe", program.path);
    Fd reader(ends[0]);
    const Fd writer(ends[1]);
    ::fcntl(reader.get(), F_SETFL, O_NONBLOCK);
    auto process = spawn(program, writer.get());
    if (!process)
        return tl::unexpected(process.error());
    auto impl = std::make_shared<Impl>(context, std::move(*process), std::move(reader), options,
                                       std::move(done));
    impl->watch(options.timeout);
    return std::unique_ptr<Run>(new Run(std::move(impl)));
}

}  // namespace headgate::process
