// The text of the configuration files and places in it. A Span is a few bytes and refers to its
// file; a SourceLocation, which leaves this folder, is a copy that lives on its own.
// Sources owns the files and must outlive every Span.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "controlplane/config/location.h"

namespace headgate::config {

struct SourceFile {
    std::string name;  // as the user would write it
    std::string text;
    std::uint32_t index = 0;  // in the order in which the files were read
};

// `length` bytes on one line of one file; line and column count from 1. A span without a file, or
// with line 0, stands for no particular place.
struct Span {
    const SourceFile* file = nullptr;
    std::uint32_t offset = 0;  // of the first byte in file->text
    std::uint32_t length = 0;
    std::uint32_t line = 0;
    std::uint32_t column = 0;

    [[nodiscard]] SourceLocation location() const;
    // The line that the span is on, without its end; cut after `source_line_max` bytes, and with
    // bytes that could disturb a terminal replaced.
    [[nodiscard]] std::string source_line() const;
};

// From the first byte of `first` to the last of `last`, which is on the same line.
Span join(const Span& first, const Span& last);

// "line 9", or "line 9 of vips.conf" when `there` is in another file than `here`.
std::string line_of(const SourceLocation& there, const Span& here);

inline constexpr std::size_t source_line_max = 200;

class Sources {
public:
    const SourceFile& add(std::string name, std::string text);

private:
    std::deque<SourceFile> files_;  // never moves an element
};

// `text` with `?` for control characters, which would move the cursor or colour the terminal.
std::string printable(std::string_view text);

// `text` as it may be shown: at most 60 bytes, nothing that could disturb a terminal, in `quotes`.
std::string quote(std::string_view text);

}  // namespace headgate::config
