// headgate: the command line of a running headgated, and of its configuration files. Data goes to
// stdout, messages to stderr. Exit status: see help().
#include <cstdlib>
#include <iostream>

#include <google/protobuf/util/json_util.h>
#include <unistd.h>

#include "controlplane/cli/arguments.h"
#include "controlplane/cli/client.h"
#include "controlplane/cli/render.h"
#include "controlplane/cli/severity.h"
#include "controlplane/config/load.h"
#include "controlplane/config/reference.h"

namespace {

using namespace headgate;
using namespace headgate::cli;

constexpr int exit_warnings = 1;
constexpr int exit_errors = 2;
constexpr int exit_unreachable = 3;
constexpr int exit_usage = 4;
constexpr std::chrono::seconds answer_time_max{10};

int complain(const std::string& message, int exit_code) {
    std::cerr << "headgate: " << message << '\n';
    return exit_code;
}

int show_status(const Arguments& arguments) {
    api::ControlRequest request;
    request.mutable_get_status();
    const auto reply = ask(arguments.socket, request, answer_time_max);
    if (!reply)
        return complain(reply.error().message, exit_unreachable);
    if (!reply->error().empty())
        return complain(reply->error(), exit_errors);
    if (arguments.json) {
        google::protobuf::util::JsonPrintOptions options;
        options.add_whitespace = true;
        options.always_print_primitive_fields = true;
        std::string json;
        const auto converted =
            google::protobuf::util::MessageToJsonString(reply->status(), &json, options);
        if (!converted.ok())
            return complain(converted.ToString(), exit_errors);
        std::cout << json;
    } else {
        const auto now = std::chrono::system_clock::now().time_since_epoch();
        const bool colour = ::isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr;
        std::cout << render_status(
            reply->status(),
            {.now_unix_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count(),
             .colour = colour});
    }
    return static_cast<int>(worst(findings(reply->status())));
}

int reload(const Arguments& arguments) {
    api::ControlRequest request;
    request.mutable_reload();
    const auto reply = ask(arguments.socket, request, answer_time_max);
    if (!reply)
        return complain(reply.error().message, exit_unreachable);
    if (!reply->error().empty())
        return complain("the configuration is refused, the running one stays:\n" + reply->error(),
                        exit_errors);
    std::cout << "reloaded\n";
    return EXIT_SUCCESS;
}

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
            return show_status(*arguments);
        case Arguments::Command::reload:
            return reload(*arguments);
        case Arguments::Command::check:
            return check_file(*arguments);
        case Arguments::Command::explain:
            return explain(*arguments);
        case Arguments::Command::version:
            std::cout << "headgate " HEADGATE_VERSION "\n";
            return EXIT_SUCCESS;
        case Arguments::Command::help:
            break;
    }
    std::cout << help();
    return EXIT_SUCCESS;
}
