// Entry point of the configuration: a keepalived.conf in, the typed model and everything that is
// wrong with the file out. Called at start, on reload, and by `headgated -t`; blocks on file reads.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "controlplane/config/diagnostic.h"
#include "controlplane/config/model.h"

namespace headgate::config {

// Exit codes of a configuration test, as keepalived means them.
inline constexpr int exit_fine = 0;
inline constexpr int exit_unusable = 4;
inline constexpr int exit_usable_with_errors = 5;

struct LoadResult {
    // Absent exactly when exit_code is exit_unusable.
    std::optional<Config> config;
    // In file order, one per root cause. Never empty unless exit_code is exit_fine.
    std::vector<Diagnostic> diagnostics;
    int exit_code = exit_fine;
};

// Reads `file` and what it includes. A file that cannot be read is exit_unusable with a diagnostic.
LoadResult load_file(const std::filesystem::path& file);

// How load() reaches files, so that it can be run on strings.
struct FileAccess {
    // The whole content of a file, or why it cannot be had.
    std::function<Result<std::string>(const std::string& path)> read;
    // The paths that match an include pattern, in the order to read them; may be none.
    std::function<std::vector<std::string>(const std::string& pattern)> expand;
};

// As load_file(), without touching any file except through `access`. `host_name` is the default of
// router_id.
LoadResult load(const std::string& file, const FileAccess& access, const std::string& host_name);

}  // namespace headgate::config
