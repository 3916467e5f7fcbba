#include "controlplane/track/file_tracker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/fd.h"
#include "common/log.h"

namespace headgate::track {

namespace asio = boost::asio;

namespace {

constexpr std::uint32_t directory_events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
                                           IN_DELETE | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF |
                                           IN_ONLYDIR;
constexpr std::uint32_t file_events = IN_CLOSE_WRITE | IN_MODIFY;
constexpr Duration retry_interval = std::chrono::seconds(1);
constexpr std::size_t text_max = 64;

std::int64_t read_number(const std::string& path) {
    // Not blocking: somebody may have put a FIFO there.
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    std::array<char, text_max> text{};
    const ssize_t size = file ? ::read(file.get(), text.data(), text.size()) : -1;
    return size <= 0 ? 0 : first_number({text.data(), static_cast<std::size_t>(size)});
}

}  // namespace

std::int64_t first_number(std::string_view text) {
    using Limits = std::numeric_limits<std::int32_t>;
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin == std::string_view::npos)
        return 0;
    text.remove_prefix(begin);
    if (text.starts_with('+'))
        text.remove_prefix(1);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range)
        return text.starts_with('-') ? Limits::min() : Limits::max();
    return std::clamp<std::int64_t>(number, Limits::min(), Limits::max());
}

class FileTracker::Impl {
public:
    Impl(asio::io_context& context, const Report& report)
        : report_(report), readable_(context), retry_(context) {}

    void configure(const std::vector<config::TrackFile>& files) {
        std::vector<Watched> before = std::exchange(files_, {});
        for (const config::TrackFile& file : files) {
            const auto known = std::ranges::find_if(before, [&](const Watched& each) {
                return each.file.name == file.name && each.file.path == file.path;
            });
            files_.push_back(known == before.end() ? Watched{.file = file} : *known);
            files_.back().file = file;
            if (known == before.end())
                initialize(file);
        }
        if (files_.empty()) {
            close();
        } else {
            open();
            watch_all();
            read_all();
        }
    }

private:
    struct Watched {
        config::TrackFile file;
        std::optional<std::int64_t> value{};  // as reported
    };

    static void initialize(const config::TrackFile& file) {
        struct stat status {};
        const bool exists = ::stat(file.path.c_str(), &status) == 0;
        if (!file.initial_value || (exists && !file.overwrite))
            return;
        const Fd made(
            ::open(file.path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK, 0644));
        const std::string text = fmt::format("{}\n", *file.initial_value);
        if (!made ||
            ::write(made.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
            log::error("Track file {}: cannot write {}: {}", file.name, file.path,
                       std::generic_category().message(errno));
    }

    void open() {
        if (readable_.is_open())
            return;
        const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (descriptor < 0) {
            log::error("Track files are read once a second: the kernel gives no inotify: {}",
                       std::generic_category().message(errno));
            retry();
            return;
        }
        readable_.assign(descriptor);
        wait();
    }

    void close() {
        boost::system::error_code ignored;
        readable_.close(ignored);
        retry_.cancel();
    }

    void wait() {
        readable_.async_wait(asio::posix::stream_descriptor::wait_read,
                             [this](boost::system::error_code error) {
                                 if (error)
                                     return;
                                 drain();
                                 watch_all();
                                 read_all();
                                 wait();
                             });
    }

    // Which event it was does not matter: there are few files, and all are read again.
    void drain() {
        alignas(inotify_event) std::array<char, 16384> events{};
        while (::read(readable_.native_handle(), events.data(), events.size()) > 0) {
        }
    }

    // Watches what can be watched by now. A watch that is there already stays.
    void watch_all() {
        bool complete = readable_.is_open();
        for (const Watched& each : files_) {
            if (!readable_.is_open())
                break;
            const std::string directory = std::filesystem::path(each.file.path).parent_path();
            const int descriptor = readable_.native_handle();
            complete = ::inotify_add_watch(descriptor, directory.c_str(), directory_events) >= 0 &&
                       complete;
            // Missing is usual; then the directory tells when it comes.
            ::inotify_add_watch(descriptor, each.file.path.c_str(), file_events);
        }
        if (!complete)
            retry();
    }

    void retry() {
        retry_.expires_after(retry_interval);
        retry_.async_wait([this](boost::system::error_code error) {
            if (error)
                return;
            watch_all();
            read_all();
        });
    }

    void read_all() {
        for (Watched& each : files_) {
            const std::int64_t value = read_number(each.file.path);
            if (each.value == value)
                continue;
            if (each.value)
                log::info("Track file {} changes from {} to {}", each.file.name, *each.value,
                          value);
            each.value = value;
            report_({config::TrackerKind::file, each.file.name},
                    {.kind = Verdict::Kind::value,
                     .value = value,
                     .since = std::chrono::steady_clock::now(),
                     .detail = fmt::format("is {}", value)});
        }
    }

    const Report& report_;
    asio::posix::stream_descriptor readable_;
    asio::steady_timer retry_;
    std::vector<Watched> files_;
};

FileTracker::FileTracker(asio::io_context& context, const Report& report)
    : impl_(std::make_unique<Impl>(context, report)) {}

FileTracker::~FileTracker() = default;

void FileTracker::configure(const std::vector<config::TrackFile>& files) {
    impl_->configure(files);
}

}  // namespace headgate::track
