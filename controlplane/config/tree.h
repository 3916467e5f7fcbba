// The syntax tree of a configuration: statements with their places, includes already spliced in.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "controlplane/config/source.h"

namespace headgate::config {

struct Word {
    std::string text;
    Span span;
    bool quoted = false;  // written with quotes or escapes: never a keyword
};

// One line of the file: a keyword, its arguments, and its { } block if it has one.
struct Statement {
    std::vector<Word> words;  // never empty
    bool has_block = false;
    // Uses a feature that is not supported, and was reported: its meaning is unknown.
    bool unusable = false;
    std::vector<Statement> body;

    [[nodiscard]] const Word& keyword() const { return words.front(); }
    [[nodiscard]] std::span<const Word> arguments() const { return std::span(words).subspan(1); }
};

}  // namespace headgate::config
