#include "controlplane/cli/packet_commands.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fd.h"
#include "controlplane/cli/daemon_commands.h"
#include "controlplane/cli/packet_text.h"
#include "controlplane/cli/pcapng.h"
#include "controlplane/cli/render_packets.h"

namespace headgate::cli {

namespace {

// Short enough that what arrives meanwhile has room in the dataplane.
constexpr std::chrono::milliseconds watch_poll{50};
// What `trace --live` needs of a frame: nothing.
constexpr std::uint32_t live_bytes = 0;

volatile std::sig_atomic_t interrupted = 0;

// So that a watch is ended, and a file is whole, after ^C, too.
void catch_signals() {
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    for (const int signal : {SIGINT, SIGTERM})
        ::sigaction(signal, &action, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
}

api::WatchRequest watch_request(const Arguments& arguments, std::uint32_t bytes_max) {
    api::WatchRequest request;
    api::WatchFilter& filter = *request.mutable_filter();
    *filter.mutable_flow() = flows_request(arguments.watch.flow);
    filter.set_ip_protocol(arguments.watch.ip_protocol);
    filter.set_reason(arguments.watch.reason);
    filter.set_verdict(arguments.watch.verdict);
    request.set_bytes_max(bytes_max);
    return request;
}

// Hands packets to `use` until there are enough, the time is over, or `use` returns false. Returns
// the exit status; `missed` is how many found no room.
int watch(const Arguments& arguments, std::uint32_t bytes_max, std::uint64_t& missed,
          const std::function<bool(const api::WatchedPacket&)>& use) {
    catch_signals();
    int exit_code = EXIT_SUCCESS;
    api::ControlRequest request;
    *request.mutable_watch() = watch_request(arguments, bytes_max);
    const auto begun = ask_or_complain(arguments, request, exit_code);
    if (!begun)
        return exit_code;
    request.mutable_watch()->Clear();
    request.mutable_watch()->set_watch(begun->watched().watch());
    const RealClock clock;
    const Instant end = clock.now() + arguments.watch_time;
    std::uint32_t left = arguments.packets_max;
    bool wanted = true;
    while (!request.watch().end()) {
        std::this_thread::sleep_for(watch_poll);
        if (interrupted != 0 || clock.now() >= end || left == 0 || !wanted)
            request.mutable_watch()->set_end(true);
        const auto reply = ask_or_complain(arguments, request, exit_code);
        if (!reply)
            return exit_code;
        missed = reply->watched().missed();
        for (const api::WatchedPacket& packet : reply->watched().packets()) {
            if (left == 0 || !wanted)
                break;
            --left;
            wanted = use(packet);
        }
    }
    return EXIT_SUCCESS;
}

void tell_missed(std::uint64_t missed) {
    if (missed != 0)
        std::cerr << fmt::format("headgate: {} not shown: they came faster than they were read\n",
                                 missed);
}

class CaptureFile {
public:
    explicit CaptureFile(std::uint32_t bytes_max) : bytes_max_(bytes_max) {}

    Result<void> open(const std::string& path) {
        const bool is_stdout = path == "-";
        fd_ = Fd(is_stdout ? ::dup(STDOUT_FILENO)
                           : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!fd_)
            return fail_errno("open {}", path);
        return write(pcapng::section_header());
    }

    Result<void> add(const api::WatchedPacket& packet) {
        const auto [interface, is_new] = interfaces_.try_emplace(
            packet.interface(), static_cast<std::uint32_t>(interfaces_.size()));
        std::string bytes =
            is_new ? pcapng::interface_description(packet.interface(), bytes_max_) : "";
        bytes += pcapng::enhanced_packet({.interface = interface->second,
                                          .unix_ns = static_cast<std::uint64_t>(packet.unix_ns()),
                                          .frame = packet.frame(),
                                          .frame_bytes = packet.frame_bytes(),
                                          .queue = packet.worker(),
                                          .comment = comment_words(packet)});
        latest_ns_ = static_cast<std::uint64_t>(packet.unix_ns());
        return write(bytes);
    }

    // Of all interfaces together: it stands at the first.
    Result<void> finish(std::uint64_t missed) {
        if (missed == 0 || interfaces_.empty())
            return {};
        return write(pcapng::interface_statistics(0, latest_ns_, missed));
    }

private:
    Result<void> write(std::string_view bytes) {
        while (!bytes.empty()) {
            const ssize_t written = ::write(fd_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return fail_errno("write the capture");
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return {};
    }

    std::uint32_t bytes_max_;
    Fd fd_;
    std::map<std::string, std::uint32_t> interfaces_;
    std::uint64_t latest_ns_ = 0;
};

}  // namespace

int run_trace(const Arguments& arguments) {
    const auto packet = parse_packet(arguments.operand);
    if (!packet)
        return complain(packet.error().message, exit_usage);
    api::ControlRequest request;
    *request.mutable_trace() = *packet;
    int exit_code = EXIT_SUCCESS;
    const auto reply = ask_or_complain(arguments, request, exit_code);
    if (!reply)
        return exit_code;
    if (!arguments.json)
        std::cout << render_trace(reply->trace(), render_options());
    else if (!print_json(reply->trace()))
        return exit_errors;
    return is_forwarded(reply->trace()) ? EXIT_SUCCESS : exit_warnings;
}

int run_trace_live(const Arguments& arguments) {
    std::uint64_t missed = 0;
    const int exit_code =
        watch(arguments, live_bytes, missed, [&arguments](const api::WatchedPacket& packet) {
            if (arguments.json)
                print_json(packet, true);
            else
                std::cout << render_watched(packet);
            return static_cast<bool>(std::cout << std::flush);
        });
    tell_missed(missed);
    return exit_code;
}

int run_capture(const Arguments& arguments) {
    CaptureFile file(arguments.capture_bytes);
    if (const auto opened = file.open(arguments.capture_file.string()); !opened)
        return complain(opened.error().message, exit_errors);
    std::uint64_t missed = 0;
    std::uint64_t captured = 0;
    std::string error;
    const int exit_code =
        watch(arguments, arguments.capture_bytes, missed, [&](const api::WatchedPacket& packet) {
            if (const auto added = file.add(packet); !added) {
                error = added.error().message;
                return false;
            }
            ++captured;
            return true;
        });
    if (const auto finished = file.finish(missed); !finished && error.empty())
        error = finished.error().message;
    tell_missed(missed);
    if (exit_code != EXIT_SUCCESS)
        return exit_code;
    if (!error.empty())
        return complain(error, exit_errors);
    std::cerr << fmt::format("{} packets captured\n", captured);
    return EXIT_SUCCESS;
}

}  // namespace headgate::cli
