// Fuzz target: any bytes as a configuration. The first NUL separates the main file from a second
// one, which `include` finds under any name. Beyond not crashing: a diagnostic whenever the exit
// code says so, in file order, each of them renders, and a model exactly when it can be used.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/check.h"
#include "controlplane/config/load.h"

using headgate::check;
namespace config = headgate::config;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const std::size_t end = std::min(input.find('\0'), input.size());
    const std::string_view second = input.substr(std::min(end + 1, input.size()));
    const config::FileAccess access{
        [&](const std::string& path) -> headgate::Result<std::string> {
            return std::string(path == "main" ? input.substr(0, end) : second);
        },
        [](const std::string& pattern) { return std::vector<std::string>{pattern}; }};
    const config::LoadResult result = config::load("main", access, "host");
    check(result.config.has_value() == (result.exit_code != config::exit_unusable),
          "there is a model exactly when it can be used");
    check(result.diagnostics.empty() == (result.exit_code == config::exit_fine),
          "the exit code is fine exactly when there is no diagnostic");
    const std::string report = config::render_report(result.diagnostics);
    for (const char byte : report)
        check(byte == '\n' || byte == '\t' || static_cast<unsigned char>(byte) >= 0x20,
              "what is shown cannot disturb a terminal");
    if (!result.config)
        return 0;
    for (const config::VrrpInstance& instance : result.config->vrrp.instances)
        check(instance.vrid > 0 && instance.priority > 0 && !instance.interface.empty() &&
                  instance.advert_interval.count() > 0,
              "an instance of the model can run");
    for (const config::VirtualServer& server : result.config->virtual_servers)
        check(!server.real_servers.empty(), "a virtual server of the model has real servers");
    return 0;
}
