#include "controlplane/dataplane_program.h"

#include <system_error>

namespace headgate {

std::filesystem::path find_dataplane_program() {
    constexpr const char* name = "headgate-dataplane";
    std::filesystem::path installed = std::filesystem::path(HEADGATE_LIBEXEC_DIR) / name;
    std::error_code error;
    const auto own = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
    if (error)
        return installed;
    for (const auto& candidate : {own / name, own.parent_path() / "dataplane" / name}) {
        if (std::filesystem::is_regular_file(candidate, error))
            return candidate;
    }
    return installed;
}

}  // namespace headgate
