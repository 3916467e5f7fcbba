// What a reload that was refused reports. Pure.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/diagnostic.h"

namespace headgate {

// "keepalived.conf:9:5: error: ..." for each error, one line each.
std::string error_lines(const std::vector<config::Diagnostic>& diagnostics);

}  // namespace headgate
