#include "controlplane/run.h"

#include <cctype>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include <sys/resource.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include "common/log.h"
#include "controlplane/daemon.h"
#include "controlplane/dataplane_program.h"
#include "controlplane/run_dir.h"
#include "controlplane/signal_names.h"

namespace headgate {

namespace asio = boost::asio;

namespace {

constexpr int exit_fatal = 1;
constexpr int exit_no_permission = 4;

// A probe takes one descriptor, and there may be thousands at once.
void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

void start_log(const Options& options) {
    log::Options log_options;
    log_options.ident = "headgated";
    log_options.to_stderr = options.log_to_console;
    log_options.to_syslog = !options.log_to_console;
    log_options.async = true;
    log_options.level = options.log_detail ? log::Level::debug : log::Level::info;
    log::init(log_options);
}

// What tells this daemon from others of the machine is its directory.
std::string instance_name(const std::filesystem::path& run_dir) {
    std::string name = "headgate";
    if (run_dir == Options{}.run_dir)
        return name;
    for (const char each : run_dir.lexically_normal().string())
        name += std::isalnum(static_cast<unsigned char>(each)) != 0 ? each : '_';
    constexpr std::size_t name_max = 200;
    return name.substr(0, name_max);
}

Daemon::Options daemon_options(const Options& options, const RunDir& run_dir) {
    Daemon::Options daemon;
    daemon.config_file = options.config_file;
    daemon.api_socket = run_dir.api_socket();
    daemon.dataplane_socket = run_dir.dataplane_socket();
    daemon.firewall_table = instance_name(options.run_dir);
    daemon.dataplane_pins = options.bpffs / instance_name(options.run_dir);
    daemon.holds_file = run_dir.holds_file();
    daemon.ipvs_file = run_dir.ipvs_file();
    daemon.dataplane_program =
        options.dataplane.empty() ? find_dataplane_program() : options.dataplane;
    if (!options.log_to_console)
        daemon.dataplane_arguments.emplace_back("--syslog");
    if (options.log_detail)
        daemon.dataplane_arguments.emplace_back("--verbose");
    daemon.run_vrrp = options.run_vrrp;
    daemon.run_services = options.run_services;
    return daemon;
}

// What the signals mean. They are caught from the construction on, and handled once there is a
// daemon to handle them.
class Signals {
public:
    explicit Signals(asio::io_context& context) : context_(context), signals_(context, SIGINT) {
        for (const SignalName& named : keepalived_signals)
            signals_.add(named.number());
    }

    void serve(Daemon& daemon) {
        daemon_ = &daemon;
        wait();
    }

private:
    void wait() {
        signals_.async_wait([this](boost::system::error_code error, int signal) {
            if (error)
                return;
            handle(signal);
            wait();
        });
    }

    void handle(int signal) {
        switch (signal) {
            case SIGHUP:
                // What is wrong is logged and kept for the status.
                if (!stopping_ && daemon_->reload())
                    log::info("The configuration is reloaded");
                return;
            case SIGUSR1:
                daemon_->dump(Daemon::Dump::data);
                return;
            case SIGUSR2:
                daemon_->dump(Daemon::Dump::stats);
                return;
            default:
                break;
        }
        // Their numbers are not constants.
        if (signal == SIGRTMAX - 1)
            return daemon_->dump(Daemon::Dump::stats_and_clear);
        if (signal == SIGRTMIN + 2)
            return daemon_->dump(Daemon::Dump::json);
        if (std::exchange(stopping_, true))
            return;
        log::info("Stopping");
        daemon_->stop([this] { context_.stop(); });
    }

    asio::io_context& context_;
    Daemon* daemon_ = nullptr;
    asio::signal_set signals_;
    bool stopping_ = false;
};

// Errors before the daemon is up go to whoever started it, and to the log.
int refuse(const Error& error, bool logged_to_console, Background& background) {
    if (!logged_to_console)
        std::cerr << "headgated: " << error.message << '\n';
    log::error("{}", error.message);
    log::shutdown();
    const int exit_code =
        error.code == EPERM || error.code == EACCES ? exit_no_permission : exit_fatal;
    background.failed(exit_code);
    return exit_code;
}

}  // namespace

int run_daemon(const Options& options, config::Config config, const std::string& report,
               Background& background) {
    // Ignored signals and an ignored SIGCHLD are inherited, and would take our children's status.
    std::signal(SIGCHLD, SIG_DFL);
    std::signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    start_log(options);

    auto run_dir = RunDir::take(options.run_dir, options.pid_file);
    if (!run_dir)
        return refuse(run_dir.error(), options.log_to_console, background);

    asio::io_context context(1);
    Signals signals(context);
    log::info("Starting headgated " HEADGATE_VERSION " with {}", options.config_file.string());
    if (!report.empty())
        log::warn("{}", report);
    auto daemon = Daemon::start(context, daemon_options(options, *run_dir), std::move(config));
    if (!daemon)
        return refuse(daemon.error(), options.log_to_console, background);
    signals.serve(**daemon);
    background.up();
    log::info("Startup complete");
    context.run();
    log::info("Stopped headgated " HEADGATE_VERSION);
    daemon->reset();
    log::shutdown();
    return EXIT_SUCCESS;
}

}  // namespace headgate
