// The command line of headgated: keepalived's options where it has them. Pure: words in, values or
// a message out.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"

namespace headgate {

struct Options {
    enum class Action { run, config_test, signum, help, version };

    Action action = Action::run;
    std::filesystem::path config_file = "/etc/keepalived/keepalived.conf";
    std::filesystem::path run_dir = "/run/headgate";
    std::filesystem::path pid_file;  // empty: headgated.pid in run_dir
    std::filesystem::path bpffs = "/sys/fs/bpf";
    std::filesystem::path dataplane;      // empty: where it is installed
    std::filesystem::path test_log_file;  // where --config-test writes; empty: stderr
    int signal_number = 0;                // what --signum asked for
    bool foreground = false;
    bool log_to_console = false;
    bool log_detail = false;
    bool run_vrrp = true;
    bool run_services = true;
};

// `words` are the arguments without the program's name.
Result<Options> parse_options(const std::vector<std::string>& words);

std::string options_help();

}  // namespace headgate
