// The command line of headgate. Pure: words in, values or a message out.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate::cli {

struct Arguments {
    enum class Command { status, reload, check, explain, help, version };

    Command command = Command::help;
    std::string operand;  // FILE of check, KEYWORD of explain (may be empty)
    std::filesystem::path socket = "/run/headgate/api.sock";
    bool json = false;
};

// `words` are the arguments without the program's name.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

std::string help();

}  // namespace headgate::cli
