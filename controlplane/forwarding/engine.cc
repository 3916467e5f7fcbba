#include "controlplane/forwarding/engine.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "common/api.pb.h"
#include "controlplane/config/model.h"

namespace headgate::forwarding {

namespace {

std::string_view mode_word(config::XdpMode mode) {
    switch (mode) {
        case config::XdpMode::native:
            return "native";
        case config::XdpMode::generic:
            return "generic";
        case config::XdpMode::automatic:
            break;
    }
    return "auto";
}

bool is_allowed(config::XdpMode wanted, const std::string& achieved) {
    if (achieved == "not attached")  // it keeps trying, in the mode it was started with
        return true;
    const bool generic = achieved.starts_with("generic");
    return wanted == config::XdpMode::automatic || generic == (wanted == config::XdpMode::generic);
}

}  // namespace

Engine engine_of(const config::Config& config) {
    std::set<std::string> interfaces(config.dataplane.interfaces.begin(),
                                     config.dataplane.interfaces.end());
    if (interfaces.empty()) {
        for (const config::VrrpInstance& instance : config.vrrp.instances)
            interfaces.insert(config::base_interface(instance));
    }
    return {{interfaces.begin(), interfaces.end()},
            config.dataplane.mode,
            config.dataplane.flow_cache.flows};
}

std::string interface_names(const Engine& engine) {
    std::string names;
    for (const std::string& interface : engine.interfaces) {
        if (!names.empty())
            names += ", ";
        names += interface;
    }
    return names;
}

std::vector<std::string> arguments_of(const Engine& engine, const std::filesystem::path& socket,
                                      const std::filesystem::path& pins) {
    std::vector<std::string> arguments{"--socket",     socket.string(),
                                       "--pins",       pins.string(),
                                       "--xdp-mode",   std::string(mode_word(engine.mode)),
                                       "--flow-cache", std::to_string(engine.cached_flows)};
    for (const std::string& interface : engine.interfaces) {
        arguments.emplace_back("--interface");
        arguments.push_back(interface);
    }
    return arguments;
}

bool runs_as(const Engine& engine, const api::DataplaneState& state) {
    std::set<std::string> interfaces;
    for (const api::PortState& port : state.ports()) {
        interfaces.insert(port.interface());
        if (!is_allowed(engine.mode, port.mode()))
            return false;
    }
    return state.flow_cache() == engine.cached_flows &&
           std::ranges::equal(interfaces, engine.interfaces);
}

}  // namespace headgate::forwarding
