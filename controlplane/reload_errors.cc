#include "controlplane/reload_errors.h"

#include <fmt/format.h>

namespace headgate {

std::string error_lines(const std::vector<config::Diagnostic>& diagnostics) {
    std::string lines;
    for (const config::Diagnostic& diagnostic : diagnostics) {
        if (diagnostic.severity != config::Severity::error)
            continue;
        const config::SourceLocation& where = diagnostic.location;
        lines += lines.empty() ? "" : "\n";
        lines += where.line == 0 ? fmt::format("{}: {}", where.file, diagnostic.message)
                                 : fmt::format("{}:{}:{}: {}", where.file, where.line, where.column,
                                               diagnostic.message);
        if (!diagnostic.hint.empty())
            lines += fmt::format(" ({})", diagnostic.hint);
    }
    return lines;
}

}  // namespace headgate
