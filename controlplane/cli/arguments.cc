#include "controlplane/cli/arguments.h"

#include <sstream>

#include <boost/program_options.hpp>

namespace headgate::cli {

namespace po = boost::program_options;

namespace {

po::options_description visible_options() {
    po::options_description options("Options", 100, 60);
    auto add = options.add_options();
    add("json", "print the status as JSON, for programs");
    add("run-dir", po::value<std::string>()->value_name("DIR"),
        "the run directory of headgated (default /run/headgate)");
    add("socket", po::value<std::string>()->value_name("PATH"),
        "its API socket (default api.sock in the run directory)");
    add("version,v", "print the version");
    add("help,h", "print this text");
    return options;
}

// Which command the words say. Fails when they say none.
Result<Arguments> read_command(const std::vector<std::string>& words) {
    using Command = Arguments::Command;
    Arguments arguments;
    std::size_t used = 1;
    if (words.front() == "status") {
        arguments.command = Command::status;
    } else if (words.front() == "reload") {
        arguments.command = Command::reload;
    } else if (words.front() == "check") {
        arguments.command = Command::check;
        if (words.size() < 2)
            return fail("check needs a FILE");
        arguments.operand = words[1];
        used = 2;
    } else if (words.front() == "config") {
        if (words.size() < 2 || words[1] != "explain")
            return fail("after config comes explain");
        arguments.command = Command::explain;
        arguments.operand = words.size() > 2 ? words[2] : "";
        used = words.size() > 2 ? 3 : 2;
    } else {
        return fail("{} is not a command", words.front());
    }
    if (words.size() > used)
        return fail("{} is one word too many", words[used]);
    return arguments;
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
    po::options_description all = visible_options();
    all.add_options()("words", po::value<std::vector<std::string>>());
    po::positional_options_description positional;
    positional.add("words", -1);
    po::variables_map values;
    try {
        po::store(
            po::command_line_parser(words)
                .options(all)
                .positional(positional)
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .run(),
            values);
    } catch (const po::error& error) {
        return fail("{}", error.what());
    }
    Arguments arguments;
    if (values.contains("help"))
        return arguments;
    if (values.contains("version")) {
        arguments.command = Arguments::Command::version;
        return arguments;
    }
    if (!values.contains("words"))
        return fail("a command is missing");
    auto read = read_command(values["words"].as<std::vector<std::string>>());
    if (!read)
        return read;
    read->json = values.contains("json");
    if (read->json && read->command != Arguments::Command::status)
        return fail("--json goes with status only");
    if (values.contains("run-dir"))
        read->socket = std::filesystem::path(values["run-dir"].as<std::string>()) / "api.sock";
    if (values.contains("socket"))
        read->socket = values["socket"].as<std::string>();
    return read;
}

std::string help() {
    std::ostringstream text;
    text
        << "usage: headgate [options] COMMAND\n\n"
           "  headgate status                    what runs here, and what is wrong with it\n"
           "  headgate status --json             the same for programs\n"
           "  headgate reload                    read the configuration again; a file with an\n"
           "                                     error is reported and changes nothing\n"
           "  headgate check FILE                check a configuration without a daemon\n"
           "  headgate config explain KEYWORD    what a keyword means; without one, all of them\n\n"
        << visible_options()
        << "\nExit status: 0 all is well, 1 degraded or warnings, 2 critical or errors, 3 no answer"
           "\nfrom headgated, 4 wrong use.\n";
    return text.str();
}

}  // namespace headgate::cli
