#include "common/log.h"

#include <memory>
#include <vector>

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>

namespace headgate::log {

namespace {

// Lines that may wait for the writer. spdlog keeps about 400 bytes for each from the start, so this
// is under half a megabyte.
constexpr std::size_t queue_lines = 1024;

}  // namespace

void init(const Options& options) {
    std::vector<spdlog::sink_ptr> sinks;
    if (options.to_stderr) {
        auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
        sink->set_pattern("%Y-%m-%dT%H:%M:%S.%f " + options.ident + "[%P]: %l: %v");
        sinks.push_back(std::move(sink));
    }
    if (options.to_syslog) {
        // enable_formatting=false: syslog adds time and ident by itself.
        sinks.push_back(std::make_shared<spdlog::sinks::syslog_sink_mt>(options.ident, LOG_PID,
                                                                        LOG_DAEMON, false));
    }
    std::shared_ptr<spdlog::logger> logger;
    if (options.async) {
        spdlog::init_thread_pool(queue_lines, 1);
        logger = std::make_shared<spdlog::async_logger>(
            options.ident, sinks.begin(), sinks.end(), spdlog::thread_pool(),
            spdlog::async_overflow_policy::overrun_oldest);
    } else {
        logger = std::make_shared<spdlog::logger>(options.ident, sinks.begin(), sinks.end());
    }
    logger->set_level(options.level == Level::debug ? spdlog::level::debug : spdlog::level::info);
    logger->flush_on(spdlog::level::info);
    spdlog::set_default_logger(std::move(logger));
}

void shutdown() {
    spdlog::shutdown();
}

}  // namespace headgate::log
