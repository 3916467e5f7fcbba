// keepalived's names for the signals that it understands, and their numbers here: what its option
// --signum prints, and what scripts send. Some of the numbers are known at run time only.
#pragma once

#include <csignal>
#include <string_view>

namespace headgate {

struct SignalName {
    std::string_view name;
    int (*number)();
};

inline constexpr SignalName keepalived_signals[] = {
    {"STOP", [] { return SIGTERM; }},
    {"RELOAD", [] { return SIGHUP; }},
    {"DATA", [] { return SIGUSR1; }},
    {"STATS", [] { return SIGUSR2; }},
    {"STATS_CLEAR", [] { return SIGRTMAX - 1; }},
    {"JSON", [] { return SIGRTMIN + 2; }},
};

}  // namespace headgate
