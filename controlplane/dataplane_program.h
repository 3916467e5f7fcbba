// Where the headgate-dataplane program is.
#pragma once

#include <filesystem>

namespace headgate {

// Beside this executable, in the build tree beside it, or where it is installed; the installed
// place when it is in none of them, so that the error names it.
std::filesystem::path find_dataplane_program();

}  // namespace headgate
