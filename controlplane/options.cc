#include "controlplane/options.h"

#include <algorithm>
#include <sstream>

#include <boost/program_options.hpp>

#include "controlplane/signal_names.h"

namespace headgate {

namespace po = boost::program_options;

namespace {

po::options_description describe() {
    po::options_description options("Options", 100, 60);
    auto add = options.add_options();
    add("use-file,f", po::value<std::string>()->value_name("FILE"),
        "the configuration (default /etc/keepalived/keepalived.conf)");
    add("dont-fork,n", "stay in the foreground");
    add("log-console,l", "log to the terminal instead of syslog");
    add("log-detail,D", "log more");
    add("vrrp,P", "run VRRP only");
    add("checkers,C",
        "run virtual servers only (keepalived's long name for it is --check, which here tests the "
        "configuration)");
    add("pid,p", po::value<std::string>()->value_name("FILE"),
        "the pid file (default headgated.pid in the run directory)");
    add("config-test,t", po::value<std::string>()->implicit_value("")->value_name("[=LOG_FILE]"),
        "check the configuration and exit: 0 nothing to report, 4 it cannot be used, 5 it has "
        "errors but can be used");
    add("check", "as --config-test");
    add("run-dir", po::value<std::string>()->value_name("DIR"),
        "sockets and pid file; one for each instance (default /run/headgate)");
    add("bpffs", po::value<std::string>()->value_name("DIR"),
        "the BPF file system where established flows outlive headgate-dataplane (default "
        "/sys/fs/bpf)");
    add("dataplane", po::value<std::string>()->value_name("PATH"),
        "the headgate-dataplane program (default: where it is installed)");
    add("signum", po::value<std::string>()->value_name("NAME"),
        "print the number of a signal and exit: STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON; "
        "the last four write keepalived's files");
    add("version,v", "print the version");
    add("help,h", "print this text");
    return options;
}

std::filesystem::path path_of(const po::variables_map& values, const char* name,
                              std::filesystem::path otherwise) {
    if (!values.contains(name))
        return otherwise;
    // The daemon changes its working directory.
    return std::filesystem::absolute(values[name].as<std::string>());
}

Options read(const po::variables_map& values) {
    Options options;
    options.config_file = path_of(values, "use-file", options.config_file);
    options.run_dir = path_of(values, "run-dir", options.run_dir);
    options.pid_file = path_of(values, "pid", options.run_dir / "headgated.pid");
    options.bpffs = path_of(values, "bpffs", options.bpffs);
    options.dataplane = path_of(values, "dataplane", {});
    options.foreground = values.contains("dont-fork");
    options.log_to_console = values.contains("log-console");
    options.log_detail = values.contains("log-detail");
    options.run_vrrp = !values.contains("checkers");
    options.run_services = !values.contains("vrrp");
    if (values.contains("config-test") || values.contains("check"))
        options.action = Options::Action::config_test;
    if (values.contains("config-test") && !values["config-test"].as<std::string>().empty())
        options.test_log_file = values["config-test"].as<std::string>();
    if (values.contains("version"))
        options.action = Options::Action::version;
    if (values.contains("help"))
        options.action = Options::Action::help;
    return options;
}

}  // namespace

Result<Options> parse_options(const std::vector<std::string>& words) {
    po::variables_map values;
    try {
        po::store(
            po::command_line_parser(words)
                .options(describe())
                // No words beside the options.
                .positional(po::positional_options_description())
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .run(),
            values);
    } catch (const po::error& error) {
        return fail("{}; see headgated --help", error.what());
    }
    Options options = read(values);
    if (values.contains("signum")) {
        const auto& name = values["signum"].as<std::string>();
        const auto* const found = std::ranges::find(keepalived_signals, name, &SignalName::name);
        if (found == std::end(keepalived_signals))
            return fail("{} is no signal: write STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON",
                        name);
        options.action = Options::Action::signum;
        options.signal_number = found->number();
    }
    if (!options.run_vrrp && !options.run_services)
        return fail("-P and -C exclude each other: nothing would be left to run");
    return options;
}

std::string options_help() {
    std::ostringstream text;
    text << "usage: headgated [options]\n\n"
            "Headgate's control plane: reads a keepalived.conf, owns virtual addresses with VRRP,\n"
            "checks real servers, and runs headgate-dataplane, which forwards to them.\n\n"
         << describe()
         << "\nSIGHUP reloads the configuration; a file with an error changes nothing. SIGTERM "
            "stops.\nSIGUSR1 and SIGUSR2 write keepalived.data and keepalived.stats; see --signum "
            "for the others.\n";
    return text.str();
}

}  // namespace headgate
