#include "controlplane/track/process_tracker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include <fcntl.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/fd.h"
#include "common/log.h"
#include "controlplane/track/process_events.h"
#include "controlplane/track/process_match.h"

namespace headgate::track {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

constexpr Duration scan_interval = std::chrono::seconds(1);
constexpr std::size_t command_line_max = 4096;

std::string read_text(const std::string& path) {
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, command_line_max> text{};
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    return size <= 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
}

// Every process in `proc`.
std::vector<pid_t> list_processes(const std::string& proc) {
    std::vector<pid_t> pids;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(proc, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        pid_t pid = 0;
        const auto [rest, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (wrong == std::errc() && rest == name.data() + name.size())
            pids.push_back(pid);
    }
    return pids;
}

}  // namespace

class ProcessTracker::Impl {
public:
    Impl(asio::io_context& context, const Report& report, std::string proc)
        : context_(context),
          report_(report),
          proc_(std::move(proc)),
          readable_(context),
          scan_timer_(context) {}

    ~Impl() { readable_.release(); }  // the events own their socket
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    void configure(const std::vector<config::TrackProcess>& processes, std::uint32_t buffer_bytes) {
        std::vector<std::shared_ptr<Watched>> before = std::exchange(watched_, {});
        for (const config::TrackProcess& process : processes) {
            const auto known = std::ranges::find_if(
                before, [&](const auto& each) { return each->process == process; });
            watched_.push_back(
                known != before.end() ? *known : std::make_shared<Watched>(context_, process));
        }
        if (watched_.empty()) {
            stop();
            return;
        }
        start();
        if (events_)
            events_->set_buffer(buffer_bytes);
        scan();
        for (const auto& each : watched_) {
            if (!each->verdict)
                decide(*each);
        }
    }

    [[nodiscard]] const std::string& scan_reason() const { return scan_reason_; }

    [[nodiscard]] std::map<std::string, ProcessActivity> activity() const {
        std::map<std::string, ProcessActivity> activity;
        for (const auto& each : watched_) {
            const bool has = each->verdict.value_or(false);
            activity[each->process.name] = {.num_processes = each->pids.size(),
                                            .has_quorum = has,
                                            .may_rise = each->pending && !has,
                                            .may_fall = each->pending && has};
        }
        return activity;
    }

private:
    struct Watched {
        config::TrackProcess process;
        std::set<pid_t> pids{};
        std::optional<bool> verdict{};  // as reported
        asio::steady_timer timer;       // for a quorum that has come or gone
        bool pending = false;

        Watched(asio::io_context& context, config::TrackProcess what)
            : process(std::move(what)), timer(context) {}
    };

    void start() {
        if (events_ || !scan_reason_.empty())
            return;
        auto events = ProcessEvents::open();
        if (events) {
            events_ = std::move(*events);
            readable_.assign(events_->fd());
            wait();
            return;
        }
        scan_reason_ = events.error().message;
        log::warn("Processes are tracked by a look at {} every second: {}", proc_, scan_reason_);
        scan_later();
    }

    void stop() {
        readable_.release();
        events_.reset();
        scan_reason_.clear();
        scan_timer_.cancel();
    }

    void wait() {
        readable_.async_wait(asio::posix::stream_descriptor::wait_read, [this](error_code error) {
            if (error || !events_)
                return;
            const ProcessEvents::Handlers handlers{
                .forked = [this](pid_t parent, pid_t child) { forked(parent, child); },
                .changed = [this](pid_t pid) { look_at(pid); },
                .ended = [this](pid_t pid) { ended(pid); }};
            if (!events_->read(handlers))
                scan();
            review();
            wait();
        });
    }

    void scan_later() {
        scan_timer_.expires_after(scan_interval);
        scan_timer_.async_wait([this](error_code error) {
            if (error || scan_reason_.empty())
                return;
            scan();
            review();
            scan_later();
        });
    }

    void scan() {
        for (const auto& each : watched_)
            each->pids.clear();
        for (const pid_t pid : list_processes(proc_))
            look_at(pid);
    }

    void look_at(pid_t pid) {
        const std::string directory = fmt::format("{}/{}/", proc_, pid);
        ProcessInfo info{.name = read_text(directory + "comm"), .words = {}};
        if (info.name.ends_with('\n'))
            info.name.pop_back();
        const bool wants_words = std::ranges::any_of(watched_, [](const auto& each) {
            return each->process.full_command || each->process.compare_parameters;
        });
        if (wants_words)
            info.words = split_command_line(read_text(directory + "cmdline"));
        for (const auto& each : watched_) {
            if (matches(each->process, info))
                each->pids.insert(pid);
            else
                each->pids.erase(pid);
        }
    }

    // A child is what its parent is, until it becomes another program.
    void forked(pid_t parent, pid_t child) {
        for (const auto& each : watched_) {
            if (each->pids.contains(parent))
                each->pids.insert(child);
        }
    }

    void ended(pid_t pid) {
        for (const auto& each : watched_)
            each->pids.erase(pid);
    }

    void review() {
        for (const auto& each : watched_)
            review(each);
    }

    void review(const std::shared_ptr<Watched>& watched) {
        const bool has = has_quorum(watched->process, watched->pids.size());
        if (watched->verdict == has) {
            if (std::exchange(watched->pending, false))
                watched->timer.cancel();
            return;
        }
        if (watched->pending)
            return;
        const Duration delay = has ? watched->process.fork_delay : watched->process.terminate_delay;
        if (delay == Duration::zero()) {
            decide(*watched);
            return;
        }
        watched->pending = true;
        watched->timer.expires_after(delay);
        watched->timer.async_wait([this, weak = std::weak_ptr(watched)](error_code error) {
            const std::shared_ptr<Watched> alive = weak.lock();
            if (error || !alive || !std::exchange(alive->pending, false))
                return;
            if (std::ranges::find(watched_, alive) != watched_.end())
                decide(*alive);
        });
    }

    void decide(Watched& watched) {
        const config::TrackProcess& process = watched.process;
        const std::size_t count = watched.pids.size();
        const bool has = has_quorum(process, count);
        if (watched.verdict)
            log::info("Quorum {} for tracked process {}", has ? "gained" : "lost", process.name);
        watched.verdict = has;
        report_({config::TrackerKind::process, process.name},
                {.kind = has ? Verdict::Kind::up : Verdict::Kind::down,
                 .value = 0,
                 .since = std::chrono::steady_clock::now(),
                 .detail = has ? "has its quorum" : "has no quorum",
                 .cause = cause_of(process, count)});
    }

    [[nodiscard]] std::string cause_of(const config::TrackProcess& process,
                                       std::size_t count) const {
        std::string cause = fmt::format("{} processes, quorum {}", count, process.quorum);
        if (process.quorum_max != config::TrackProcess{}.quorum_max)
            cause += fmt::format(" to {}", process.quorum_max);
        if (!scan_reason_.empty())
            cause += ", seen by scanning " + proc_;
        return cause;
    }

    asio::io_context& context_;
    const Report& report_;
    const std::string proc_;
    std::vector<std::shared_ptr<Watched>> watched_;
    std::optional<ProcessEvents> events_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer scan_timer_;
    std::string scan_reason_;
};

ProcessTracker::ProcessTracker(asio::io_context& context, const Report& report, std::string proc)
    : impl_(std::make_unique<Impl>(context, report, std::move(proc))) {}

ProcessTracker::~ProcessTracker() = default;

void ProcessTracker::configure(const std::vector<config::TrackProcess>& processes,
                               std::uint32_t buffer_bytes) {
    impl_->configure(processes, buffer_bytes);
}

std::map<std::string, ProcessActivity> ProcessTracker::activity() const {
    return impl_->activity();
}

const std::string& ProcessTracker::scan_reason() const {
    return impl_->scan_reason();
}

}  // namespace headgate::track
