// Logging for all processes, on spdlog. Call the log functions from any thread; with
// Options::async a full queue drops its oldest line rather than make the caller wait, which is
// what the VRRP thread needs.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

namespace headgate::log {

enum class Level { debug, info };

struct Options {
    std::string ident;  // syslog ident and line prefix, e.g. "headgated"
    bool to_stderr = true;
    bool to_syslog = false;  // facility LOG_DAEMON
    bool async = false;      // starts the writer thread: call after the last fork
    Level level = Level::info;
};

// Replaces the current logger. Before the first call, messages go to stderr.
void init(const Options& options);

// Writes out what is queued and stops the writer thread. Call before exit.
void shutdown();

template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
    spdlog::debug(format, std::forward<Args>(args)...);
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
    spdlog::info(format, std::forward<Args>(args)...);
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
    spdlog::warn(format, std::forward<Args>(args)...);
}
template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
    spdlog::error(format, std::forward<Args>(args)...);
}

}  // namespace headgate::log
