// The command line of headgate. Pure: words in, values or a message out.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate::cli {

struct Arguments {
    enum class Command { status, show_vrrp, why, failover, reload, check, explain, help, version };

    Command command = Command::help;
    // FILE of check, KEYWORD of explain (may be empty), OBJECT of why, INSTANCE of failover, and of
    // show vrrp (may be empty: all).
    std::string operand;
    std::filesystem::path socket = "/run/headgate/api.sock";
    bool json = false;
    // Of failover.
    std::chrono::seconds hold = std::chrono::minutes(30);
    std::string reason;
    bool cancel = false;
};

// `words` are the arguments without the program's name.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

// "90", "90s", "30m", "2h", "1d"; fails, saying what to write, for anything else and for 0.
Result<std::chrono::seconds> parse_duration(const std::string& text);

std::string help();

}  // namespace headgate::cli
