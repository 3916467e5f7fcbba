// Report: collects the diagnostics of one load. Bounded, so that a hostile file cannot fill the
// memory: beyond `diagnostics_max` they are only counted.
#pragma once

#include <string_view>
#include <vector>

#include "controlplane/config/diagnostic.h"
#include "controlplane/config/source.h"

namespace headgate::config {

inline constexpr std::size_t diagnostics_max = 1000;

class Report {
public:
    // The configuration means less than, or something other than, what was written.
    // Control characters in the text, which words of the file can carry, are replaced.
    void error(const Span& where, std::string_view message, std::string_view hint = {});
    // It is understood, and something about it deserves attention.
    void warning(const Span& where, std::string_view message, std::string_view hint = {});
    // What could not be read at all: the whole configuration must not be used.
    void fatal(const Span& where, std::string_view message, std::string_view hint = {});

    // How many were reported so far: lets a caller see whether a step added its own.
    [[nodiscard]] std::size_t count() const { return entries_.size() + suppressed_; }
    // Whether further diagnostics would not be shown, so that thinking about them is wasted.
    [[nodiscard]] bool is_full() const { return entries_.size() == diagnostics_max; }
    [[nodiscard]] bool has_fatal() const { return has_fatal_; }
    // All of them in file order; the report is empty afterwards.
    std::vector<Diagnostic> take();

private:
    struct Entry {
        Span where;
        Diagnostic diagnostic;
    };
    void add(Severity severity, const Span& where, std::string_view message, std::string_view hint);

    std::vector<Entry> entries_;
    std::size_t suppressed_ = 0;
    bool has_fatal_ = false;
};

}  // namespace headgate::config
