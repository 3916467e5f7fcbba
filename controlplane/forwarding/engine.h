// Engine: how headgate-dataplane is to be run, and whether one that runs already is run that way.
// Pure.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "controlplane/config/model_services.h"

namespace headgate::api {
class DataplaneState;
}

namespace headgate::config {
struct Config;
}

namespace headgate::forwarding {

struct Engine {
    std::vector<std::string> interfaces;  // sorted, each once; none: there is nothing to run
    config::XdpMode mode = config::XdpMode::automatic;
    std::uint32_t cached_flows = flow_cache_defaults::flows;  // of each worker
    bool operator==(const Engine&) const = default;
};

// The engine of a configuration: the interfaces of its dataplane block, else those of its VRRP
// instances. No interfaces at all when it names none.
Engine engine_of(const config::Config& config);

// "eth0, eth1"
std::string interface_names(const Engine& engine);

// The command line of headgate-dataplane, without the program's name.
std::vector<std::string> arguments_of(const Engine& engine, const std::filesystem::path& socket,
                                      const std::filesystem::path& pins);

// Whether a dataplane with this state runs on the wanted interfaces in a mode that is allowed, and
// has a flow cache of the wanted size.
bool runs_as(const Engine& engine, const api::DataplaneState& state);

}  // namespace headgate::forwarding
