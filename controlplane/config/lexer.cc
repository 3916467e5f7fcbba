// See lexer.h.
#include "controlplane/config/lexer.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "common/check.h"

namespace headgate::config {
namespace {

constexpr std::string_view blanks = " \t\r\v\f";
constexpr std::string_view octal_digits = "01234567";
constexpr std::string_view hex_digits = "0123456789abcdefABCDEF";
constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

bool is_one_of(std::string_view set, char byte) {
    return set.find(byte) != std::string_view::npos;
}

class Lexer {
public:
    Lexer(const SourceFile& file, Report& report) : file_(file), text_(file.text), report_(report) {
        if (text_.starts_with(byte_order_mark))
            position_ = byte_order_mark.size();
        start_line();
    }

    std::vector<Token> run() {
        while (position_ < text_.size())
            read_token();
        add(TokenKind::end_of_line, position_);
        add(TokenKind::end_of_file, position_);
        return std::move(tokens_);
    }

private:
    void read_token() {
        const char byte = text_[position_];
        if (is_one_of(blanks, byte)) {
            ++position_;
        } else if (byte == '\n') {
            add(TokenKind::end_of_line, position_++);
            ++line_;
            start_line();
        } else if (byte == '#' || byte == '!') {
            position_ = line_end_;
        } else if (byte == '{' || byte == '}') {
            ++position_;
            add(byte == '{' ? TokenKind::open : TokenKind::close, position_ - 1);
        } else if (at_start_of_line() && read_definition()) {
            return;
        } else {
            read_word();
        }
    }

    // One word, with its quoted parts and escapes. Leaves position_ behind it.
    void read_word() {
        Token word;
        word.kind = TokenKind::word;
        const std::size_t begin = position_;
        while (position_ < text_.size()) {
            const char byte = text_[position_];
            if (byte == '"' || byte == '\'') {
                word.quoted = true;
                read_quoted(word.text);
            } else if (byte == '\\' && position_ + 1 < line_end_) {
                word.quoted = true;
                read_escape(word.text);
            } else if (const std::size_t length = substitution_length(); length > 0) {
                word.text += text_.substr(position_, length);
                position_ += length;
            } else if (is_one_of(blanks, byte) || is_one_of("\n#!{}", byte)) {
                break;
            } else {
                word.text += byte;
                ++position_;
            }
        }
        word.span = span_from(begin);
        if (word.text.size() > word_bytes_max) {
            report_.error(word.span, "this word is longer than 1024 bytes; it is cut off",
                          "look for a missing blank or quote");
            word.text.resize(word_bytes_max);
        }
        tokens_.push_back(std::move(word));
    }

    // A '...' or "..." part; position_ is at its first quote. A string ends with its line.
    void read_quoted(std::string& text) {
        const std::size_t begin = position_;
        const char mark = text_[position_++];
        while (position_ < line_end_ && text_[position_] != mark) {
            if (text_[position_] == '\\' && position_ + 1 < line_end_)
                read_escape(text);
            else
                text += text_[position_++];
        }
        if (position_ < line_end_) {
            ++position_;
            return;
        }
        report_.error(span_of(begin, 1), "the string that starts here is not closed",
                      std::string("close it with ") + mark + " on the same line");
    }

    // position_ is at a backslash that another character of the line follows.
    void read_escape(std::string& text) {
        const char code = text_[++position_];
        constexpr std::string_view letters = "abEfnrtv";
        constexpr std::string_view values = "\a\b\033\f\n\r\t\v";
        if (const std::size_t letter = letters.find(code); letter != std::string_view::npos) {
            text += values[letter];
            ++position_;
        } else if (is_one_of(octal_digits, code)) {
            text += read_number(octal_digits, 8, 3);
        } else if (code == 'x' && position_ + 1 < text_.size() &&
                   is_one_of(hex_digits, text_[position_ + 1])) {
            ++position_;
            text += read_number(hex_digits, 16, 2);
        } else if (code == 'c' && position_ + 1 < line_end_) {
            text += static_cast<char>(static_cast<unsigned char>(text_[position_ + 1]) & 0x1fU);
            position_ += 2;
        } else {
            text += code;
            ++position_;
        }
    }

    // At most `digits_max` digits from position_ on, as one character.
    char read_number(std::string_view digits, unsigned base, int digits_max) {
        unsigned value = 0;
        for (int count = 0; count < digits_max && position_ < text_.size(); ++count) {
            const std::size_t digit = digits.find(text_[position_]);
            if (digit == std::string_view::npos)
                break;
            // "abcdef" and "ABCDEF" both stand behind the ten digits.
            value = value * base + static_cast<unsigned>(digit < 16 ? digit : digit - 6);
            ++position_;
        }
        return static_cast<char>(value);
    }

    // How many bytes from position_ on are one of keepalived's substitutions; 0: none.
    [[nodiscard]] std::size_t substitution_length() const {
        const std::string_view rest =
            text_.substr(position_, std::min(line_end_ - position_, word_bytes_max));
        if (rest.starts_with("${")) {
            const std::size_t end = rest.find('}');
            return end == std::string_view::npos ? 0 : end + 1;
        }
        if (rest.starts_with("~SEQ") || rest.starts_with("~LST")) {
            const std::size_t end = rest.find(')');
            return end == std::string_view::npos ? 0 : end + 1;
        }
        return 0;
    }

    // `$NAME=value` and the lines that a trailing backslash joins to it; false: something else.
    bool read_definition() {
        if (text_[position_] != '$')
            return false;
        const std::size_t name = position_ + 1;
        const std::size_t after = text_.find_first_not_of(name_characters, name);
        if (after == name || after == std::string_view::npos || text_[after] != '=')
            return false;
        Token definition;
        definition.kind = TokenKind::definition;
        definition.text = text_.substr(name, after - name);
        definition.span = span_of(position_, after - position_);
        tokens_.push_back(std::move(definition));
        position_ = line_end_;
        while (position_ < text_.size() && text_[position_ - 1] == '\\') {
            ++position_;
            ++line_;
            start_line();
            position_ = line_end_;
        }
        return true;
    }

    [[nodiscard]] bool at_start_of_line() const {
        return tokens_.empty() || tokens_.back().kind == TokenKind::end_of_line;
    }

    void start_line() {
        line_start_ = position_;
        line_end_ = std::min(text_.find('\n', position_), text_.size());
    }

    [[nodiscard]] Span span_of(std::size_t begin, std::size_t length) const {
        return {&file_, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(length),
                line_, static_cast<std::uint32_t>(begin - line_start_ + 1)};
    }
    [[nodiscard]] Span span_from(std::size_t begin) const {
        return span_of(begin, position_ - begin);
    }

    void add(TokenKind kind, std::size_t begin) {
        Token token;
        token.kind = kind;
        token.span = span_of(begin, position_ > begin ? position_ - begin : 0);
        tokens_.push_back(std::move(token));
    }

    const SourceFile& file_;
    std::string_view text_;
    Report& report_;
    std::vector<Token> tokens_;
    std::size_t position_ = 0;
    std::size_t line_start_ = 0;
    std::size_t line_end_ = 0;  // of the newline that ends the line, or of the end of the text
    std::uint32_t line_ = 1;
};

}  // namespace

std::vector<Token> tokenize(const SourceFile& file, Report& report) {
    check(file.text.size() <= file_bytes_max, "the caller bounds the size of a file");
    return Lexer(file, report).run();
}

}  // namespace headgate::config
