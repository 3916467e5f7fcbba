#include "controlplane/dump/files.h"

#include <cstdlib>

namespace headgate::dump {

std::filesystem::path path_of(Kind kind, const std::string& configured,
                              const std::filesystem::path& temporary_directory) {
    if (!configured.empty())
        return configured;
    switch (kind) {
        case Kind::data:
            return temporary_directory / "keepalived.data";
        case Kind::stats:
            return temporary_directory / "keepalived.stats";
        case Kind::json:
            return temporary_directory / "keepalived.json";
    }
    return {};
}

std::filesystem::path temporary_directory() {
    const char* const named = std::getenv("TMPDIR");
    const std::filesystem::path directory = named == nullptr ? "" : named;
    return directory.is_absolute() ? directory : "/tmp";
}

}  // namespace headgate::dump
