// Replaces a file as a whole. Also where everybody may create files: nothing that is already there
// is followed, opened or truncated; a new file is created under a fresh name and renamed over the
// old one. A reader sees the old file or the new one, never half of it.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/result.h"

namespace headgate {

// Mode 0600.
Result<void> write_file(const std::filesystem::path& path, std::string_view text);

}  // namespace headgate
