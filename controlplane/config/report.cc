// See report.h.
#include "controlplane/config/report.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace headgate::config {

void Report::error(const Span& where, std::string_view message, std::string_view hint) {
    add(Severity::error, where, message, hint);
}

void Report::warning(const Span& where, std::string_view message, std::string_view hint) {
    add(Severity::warning, where, message, hint);
}

void Report::fatal(const Span& where, std::string_view message, std::string_view hint) {
    has_fatal_ = true;
    add(Severity::error, where, message, hint);
}

void Report::add(Severity severity, const Span& where, std::string_view message,
                 std::string_view hint) {
    if (is_full()) {
        ++suppressed_;
        return;
    }
    SourceLocation location = where.location();
    location.file = printable(location.file);
    entries_.push_back(
        {where, Diagnostic{severity, std::move(location), std::max<std::uint32_t>(1, where.length),
                           where.source_line(), printable(message), printable(hint)}});
}

std::vector<Diagnostic> Report::take() {
    std::ranges::stable_sort(entries_, {}, [](const Entry& entry) {
        const std::uint32_t file = entry.where.file == nullptr ? 0 : entry.where.file->index;
        return std::tuple(file, entry.where.line, entry.where.column);
    });
    std::vector<Diagnostic> diagnostics;
    diagnostics.reserve(entries_.size() + 1);
    for (Entry& entry : entries_)
        diagnostics.push_back(std::move(entry.diagnostic));
    if (suppressed_ > 0) {
        Diagnostic rest;
        rest.message = fmt::format("{} more problems are not shown", suppressed_);
        rest.location.file = diagnostics.front().location.file;
        diagnostics.push_back(std::move(rest));
    }
    entries_.clear();
    suppressed_ = 0;
    return diagnostics;
}

}  // namespace headgate::config
