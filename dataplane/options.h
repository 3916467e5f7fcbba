// The command line of headgate-dataplane.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/flow_cache_defaults.h"
#include "common/result.h"
#include "dataplane/port/steering.h"

namespace headgate::dataplane {

struct Options {
    std::vector<std::string> interfaces;  // at least one
    std::string socket;                   // of the control server
    std::optional<std::string> table;     // a ServiceTable in JSON, served from the start
    XdpMode xdp_mode = XdpMode::automatic;
    std::uint32_t connections_max = 1U << 20U;                // of each worker
    std::uint32_t cached_flows = flow_cache_defaults::flows;  // likewise; 0: no flow cache
    std::filesystem::path pins;                               // see EngineOptions
    bool syslog = false;
    bool verbose = false;
    bool help = false;
    bool version = false;
};

// Takes main()'s arguments. Without --help or --version, all that is required is there.
Result<Options> parse_options(int argc, char** argv);

extern const char* const usage;

}  // namespace headgate::dataplane
