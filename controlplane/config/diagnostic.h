// What is wrong with a configuration, where, and what to write instead.
// Plain values; may be used from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "controlplane/config/location.h"

namespace headgate::config {

enum class Severity : std::uint8_t { warning, error };

// One root cause. `source_line` and `length` serve to show it; a location with line 0 means the
// file as a whole.
struct Diagnostic {
    Severity severity = Severity::error;
    SourceLocation location;
    std::uint32_t length = 1;  // bytes to underline in source_line, from location.column
    std::string source_line;
    std::string message;
    std::string hint;  // what to write instead; empty when there is nothing to advise
};

// The diagnostic as people read it, several lines, ending in a newline:
//     error: `prioritty` is not a keyword of vrrp_instance
//       --> keepalived.conf:9:5
//        |
//      9 |     prioritty 101
//        |     ^^^^^^^^^
//        = help: did you mean `priority`?
std::string render(const Diagnostic& diagnostic);

// All of them, in the order given, and a last line "2 errors, 1 warning". Empty for none.
std::string render_report(std::span<const Diagnostic> diagnostics);

}  // namespace headgate::config
