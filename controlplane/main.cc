// headgated: command line, configuration, background, signals; the rest is the Daemon's.
// Exit status, as keepalived's: 0 stopped in order, 1 could not start, 2 the configuration cannot
// be used, 4 no permission; with --config-test 0, 4 or 5.
#include <fstream>
#include <iostream>

#include "controlplane/background.h"
#include "controlplane/config/load.h"
#include "controlplane/options.h"
#include "controlplane/run.h"

namespace {

using namespace headgate;

constexpr int exit_fatal = 1;
constexpr int exit_config = 2;

int test_config(const Options& options) {
    const config::LoadResult loaded = config::load_file(options.config_file);
    const std::string report = config::render_report(loaded.diagnostics);
    if (options.test_log_file.empty())
        std::cerr << report;
    else
        std::ofstream(options.test_log_file) << report;
    return loaded.exit_code;
}

int run(const Options& options) {
    config::LoadResult loaded = config::load_file(options.config_file);
    const std::string report = config::render_report(loaded.diagnostics);
    if (!loaded.config || !options.log_to_console)
        std::cerr << report;
    if (!loaded.config)
        return exit_config;

    Background background;
    if (!options.foreground) {
        auto entered = Background::enter();
        if (!entered) {
            std::cerr << "headgated: " << entered.error().message << '\n';
            return exit_fatal;
        }
        background = std::move(*entered);
    }
    return run_daemon(options, std::move(*loaded.config), report, background);
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = parse_options({argv + 1, argv + argc});
    if (!options) {
        std::cerr << "headgated: " << options.error().message << '\n';
        return exit_fatal;
    }
    switch (options->action) {
        case Options::Action::help:
            std::cout << options_help();
            return EXIT_SUCCESS;
        case Options::Action::version:
            std::cout << "headgated " HEADGATE_VERSION "\n";
            return EXIT_SUCCESS;
        case Options::Action::signum:
            std::cout << options->signal_number << '\n';
            return EXIT_SUCCESS;
        case Options::Action::config_test:
            return test_config(*options);
        case Options::Action::run:
            break;
    }
    return run(*options);
}
