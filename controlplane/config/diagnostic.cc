// Rendering of diagnostics. Pure; see diagnostic.h.
#include "controlplane/config/diagnostic.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

namespace headgate::config {
namespace {

// Bytes that continue a UTF-8 character take no column on a terminal.
bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80;
}

// The blanks that put a mark under byte `offset` of `line`: tabs stay tabs, so that the mark is
// right whatever the width of a tab is.
std::string indent_under(std::string_view line, std::size_t offset) {
    std::string indent;
    for (const char byte : line.substr(0, offset)) {
        if (!continues_character(byte))
            indent += byte == '\t' ? '\t' : ' ';
    }
    return indent;
}

std::string carets_under(std::string_view marked) {
    const auto characters =
        std::ranges::count_if(marked, [](char byte) { return !continues_character(byte); });
    return std::string(std::max<std::size_t>(1, static_cast<std::size_t>(characters)), '^');
}

// "1 error", "2 errors"
std::string counted(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string render(const Diagnostic& diagnostic) {
    const SourceLocation& where = diagnostic.location;
    const bool is_error = diagnostic.severity == Severity::error;
    std::string text = fmt::format("{}: {}\n", is_error ? "error" : "warning", diagnostic.message);
    const std::string number = where.line == 0 ? "" : fmt::format("{}", where.line);
    const std::string gutter(number.size() + 2, ' ');
    const std::string arrow = gutter.substr(1) + "-->";
    if (where.line == 0) {
        text += fmt::format("{} {}\n", arrow, where.file);
    } else {
        text += fmt::format("{} {}:{}:{}\n", arrow, where.file, where.line, where.column);
        text += fmt::format("{}|\n {} | {}\n", gutter, number, diagnostic.source_line);
        const std::string_view line = diagnostic.source_line;
        const std::size_t offset = where.column - 1;
        if (offset <= line.size()) {
            text += fmt::format("{}| {}{}\n", gutter, indent_under(line, offset),
                                carets_under(line.substr(offset, diagnostic.length)));
        }
    }
    if (!diagnostic.hint.empty())
        text += fmt::format("{}= help: {}\n", gutter, diagnostic.hint);
    return text;
}

std::string render_report(std::span<const Diagnostic> diagnostics) {
    if (diagnostics.empty())
        return {};
    std::string text;
    for (const Diagnostic& diagnostic : diagnostics)
        text += render(diagnostic) + "\n";
    const auto errors = static_cast<std::size_t>(std::ranges::count(
        diagnostics, Severity::error, [](const Diagnostic& each) { return each.severity; }));
    return text + fmt::format("{}, {}\n", counted(errors, "error"),
                              counted(diagnostics.size() - errors, "warning"));
}

}  // namespace headgate::config
