// headgate-dataplane: the packet process. The main thread is the control thread; everything that
// touches packets runs in the workers it starts.
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "common/log.h"
#include "dataplane/daemon.h"
#include "dataplane/engine.h"
#include "dataplane/options.h"
#include "dataplane/port/libbpf_log.h"

namespace {

using namespace headgate;
using namespace headgate::dataplane;

constexpr int exit_usage = 2;

// Before the first thread, so that all inherit it: the loop takes them from a signalfd.
void block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

Result<void> serve(const Options& options) {
    std::optional<Table> table;
    if (options.table) {
        Result<Table> read = read_table_file(*options.table);
        if (!read)
            return tl::unexpected(read.error());
        table = std::move(*read);
    }
    // The socket's lock first: a second process must not touch the first one's interfaces.
    Result<std::unique_ptr<Daemon>> daemon =
        Daemon::create(options.socket, options.table.has_value());
    if (!daemon)
        return tl::unexpected(daemon.error());
    Result<std::unique_ptr<Engine>> engine =
        Engine::start({options.interfaces, options.xdp_mode, options.connections_max,
                       options.cached_flows, options.pins},
                      std::move(table), std::chrono::steady_clock::now());
    if (!engine)
        return tl::unexpected(engine.error());
    (*daemon)->run(**engine);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    const Result<Options> options = parse_options(argc, argv);
    if (!options) {
        std::fprintf(stderr, "headgate-dataplane: %s\n", options.error().message.c_str());
        return exit_usage;
    }
    if (options->help || options->version) {
        std::fputs(options->help ? usage : "headgate-dataplane " HEADGATE_VERSION "\n", stdout);
        return EXIT_SUCCESS;
    }
    block_signals();
    log::Options log_options;
    log_options.ident = "headgate-dataplane";
    log_options.to_syslog = options->syslog;
    log_options.level = options->verbose ? log::Level::debug : log::Level::info;
    log::init(log_options);
    log_libbpf_messages();

    const Result<void> served = serve(*options);
    if (!served)
        log::error("{}", served.error().message);
    log::shutdown();
    return served ? EXIT_SUCCESS : EXIT_FAILURE;
}
