// headgate: the command line of a running headgated, and of its configuration files. Data goes to
// stdout, messages to stderr. Exit status: see help().
#include <cstdlib>
#include <iostream>

#include "controlplane/cli/arguments.h"
#include "controlplane/cli/daemon_commands.h"
#include "controlplane/cli/doctor_command.h"
#include "controlplane/cli/ipvsadm_command.h"
#include "controlplane/cli/packet_commands.h"
#include "controlplane/config/load.h"
#include "controlplane/config/reference.h"

namespace {

using namespace headgate;
using namespace headgate::cli;

int check_file(const Arguments& arguments) {
    const config::LoadResult loaded = config::load_file(arguments.operand);
    std::cout << config::render_report(loaded.diagnostics);
    for (const config::Diagnostic& diagnostic : loaded.diagnostics) {
        if (diagnostic.severity == config::Severity::error)
            return exit_errors;
    }
    return loaded.diagnostics.empty() ? EXIT_SUCCESS : exit_warnings;
}

int explain(const Arguments& arguments) {
    if (arguments.operand.empty()) {
        std::cout << config::render_reference();
        return EXIT_SUCCESS;
    }
    std::string suggestion;
    const auto text = config::explain(arguments.operand, &suggestion);
    if (!text)
        return complain(arguments.operand + " is not a keyword" +
                            (suggestion.empty() ? "" : "; did you mean " + suggestion + "?"),
                        exit_errors);
    std::cout << *text;
    return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
    const auto arguments = parse_arguments({argv + 1, argv + argc});
    if (!arguments)
        return complain(arguments.error().message + "; see headgate --help", exit_usage);
    switch (arguments->command) {
        case Arguments::Command::status:
            return run_status(*arguments);
        case Arguments::Command::show_vrrp:
            return run_show_vrrp(*arguments);
        case Arguments::Command::show_flows:
            return run_show_flows(*arguments);
        case Arguments::Command::kill_flows:
            return run_kill_flows(*arguments);
        case Arguments::Command::trace:
            return run_trace(*arguments);
        case Arguments::Command::trace_live:
            return run_trace_live(*arguments);
        case Arguments::Command::capture:
            return run_capture(*arguments);
        case Arguments::Command::why:
            return run_why(*arguments);
        case Arguments::Command::failover:
            return run_failover(*arguments);
        case Arguments::Command::ipvsadm:
            return run_ipvsadm(*arguments);
        case Arguments::Command::reload:
            return run_reload(*arguments);
        case Arguments::Command::check:
            return check_file(*arguments);
        case Arguments::Command::explain:
            return explain(*arguments);
        case Arguments::Command::doctor:
        case Arguments::Command::doctor_server:
            return run_doctor(*arguments);
        case Arguments::Command::version:
            std::cout << "headgate " HEADGATE_VERSION "\n";
            return EXIT_SUCCESS;
        case Arguments::Command::help:
            break;
    }
    std::cout << help();
    return EXIT_SUCCESS;
}
