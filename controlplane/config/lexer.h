// Lexer: text of one file → words, braces and ends of line, as keepalived reads them.
//
// `#` and `!` start a comment anywhere outside quotes. A word ends at a blank or at a brace; it may
// contain '...' and "..." parts, which join what they touch (`ab"c d"e` is one word), and \ escapes
// (\a \b \E \f \n \r \t \v \nnn \xXX \cC, and \C for any other character itself). Braces that are
// part of keepalived's substitutions (${NAME}, ~SEQ(...), ~LST({a,b})) do not open a block. A line
// `$NAME=value`, with what follows it after a trailing \, is one definition token.
// Pure. Lines are significant: a keyword's arguments end where its line ends.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/config/report.h"
#include "controlplane/config/source.h"

namespace headgate::config {

// The largest file that is read; 20 000 real servers with their checks take about 4 MB.
inline constexpr std::size_t file_bytes_max = 8U << 20U;
// Longest word; keepalived's own line buffer is 1024 bytes.
inline constexpr std::size_t word_bytes_max = 1024;

enum class TokenKind : std::uint8_t { word, open, close, definition, end_of_line, end_of_file };

struct Token {
    TokenKind kind = TokenKind::end_of_file;
    bool quoted = false;  // a word with a quoted or escaped part is never a keyword
    std::string text;     // of a word; of a definition, its NAME
    Span span;
};

// All tokens of `file`; the last is end_of_file. Problems (a string that is not closed, a word that
// is too long) go to `report`. Requires: the text is at most file_bytes_max long.
std::vector<Token> tokenize(const SourceFile& file, Report& report);

}  // namespace headgate::config
