// See parser.h.
#include "controlplane/config/parser.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "controlplane/config/known_keywords.h"
#include "controlplane/config/lexer.h"

namespace headgate::config {
namespace {

bool is_known(Block block, std::string_view name) {
    return find_keyword(block, name) != nullptr || find_known_keyword(block, name);
}

// The block that `name` opens in `block`; Block::ignored when it is not one that is acted on.
Block block_opened_by(Block block, const Word& name) {
    const Keyword* keyword = name.quoted ? nullptr : find_keyword(block, name.text);
    return keyword == nullptr ? Block::ignored : keyword->argument.opens;
}

// A block that has been closed, kept in case its `}` turns out to stand too early.
struct ClosedBlock {
    Block block = Block::ignored;
    std::size_t index = 0;  // of its statement in the surrounding body
    Span close;
};

// A block whose content is being read. The outermost stands for the file and has no opener.
struct Frame {
    Block block = Block::root;
    const Frame* outer = nullptr;
    Span opener;  // the keyword that opened it
    int depth = 0;
    std::optional<ClosedBlock> last_closed;
};

class Parser {
public:
    Parser(const SourceFile& file, const Includer& includer, Definitions& definitions,
           Report& report)
        : includer_(includer),
          definitions_(definitions),
          report_(report),
          tokens_(tokenize(file, report)) {
        const auto opens = std::ranges::count(tokens_, TokenKind::open, &Token::kind);
        const auto closes = std::ranges::count(tokens_, TokenKind::close, &Token::kind);
        missing_ = std::max<std::int64_t>(0, opens - closes);
        surplus_ = std::max<std::int64_t>(0, closes - opens);
    }

    std::vector<Statement> run(Block block) {
        std::vector<Statement> body;
        Frame file;
        file.block = block;
        parse_body(file, body);
        return body;
    }

private:
    // Reads statements up to and including the `}` of `frame`, or up to where it should stand.
    void parse_body(Frame& frame, std::vector<Statement>& body) {
        while (true) {
            const Token& token = peek();
            switch (token.kind) {
                case TokenKind::end_of_line:
                    ++position_;
                    break;
                case TokenKind::definition:
                    definitions_.insert(token.text);
                    ++position_;
                    break;
                case TokenKind::open:
                    skip_block_without_keyword(frame);
                    break;
                case TokenKind::end_of_file:
                    if (frame.outer != nullptr)
                        report_not_closed(frame, "at the end of the file");
                    return;
                case TokenKind::close:
                    if (frame.outer == nullptr) {
                        report_surplus_close(frame);
                        ++position_;
                        break;
                    }
                    if (close_is_of_outer(frame))
                        report_not_closed(frame, fmt::format("before line {}", token.span.line));
                    else
                        ++position_;
                    return;
                case TokenKind::word:
                    if (belongs_outside(frame, token)) {
                        report_not_closed(frame, fmt::format("before {} on line {}",
                                                             quote(token.text), token.span.line));
                        return;
                    }
                    if (const auto closed = closed_too_early(frame, token))
                        reopen(frame, *closed, body);
                    else
                        parse_statement(frame, body);
                    break;
            }
        }
    }

    void parse_statement(Frame& frame, std::vector<Statement>& body) {
        Statement statement;
        while (peek().kind == TokenKind::word) {
            Token& token = tokens_[position_++];
            statement.words.push_back({std::move(token.text), token.span, token.quoted});
        }
        const Block inner = block_opened_by(frame.block, statement.keyword());
        statement.has_block = take_open() || open_is_missing(frame, statement, inner);
        if (frame.block != Block::ignored)
            check_substitutions(statement);
        if (statement.has_block) {
            parse_block(frame, statement, inner);
            frame.last_closed = ClosedBlock{inner, body.size(), tokens_[position_ - 1].span};
        }
        const Word& keyword = statement.keyword();
        if (keyword.text == "include" && !keyword.quoted && !statement.unusable &&
            !statement.has_block && frame.block != Block::ignored) {
            std::ranges::move(includer_(statement, frame.block), std::back_inserter(body));
            return;
        }
        body.push_back(std::move(statement));
    }

    // The block of `statement`; its `{` has been taken.
    void parse_block(const Frame& frame, Statement& statement, Block inner) {
        Frame child;
        child.block = inner;
        child.outer = &frame;
        child.opener = statement.keyword().span;
        child.depth = frame.depth + 1;
        if (child.depth > nesting_max) {
            report_.error(child.opener,
                          fmt::format("blocks are nested more than {} deep here", nesting_max),
                          "close the blocks above; the content of this one is ignored");
            skip_block();
            return;
        }
        parse_body(child, statement.body);
    }

    // Behind a keyword: takes a `{`, also from a following line.
    bool take_open() {
        std::size_t ahead = position_;
        while (tokens_[ahead].kind == TokenKind::end_of_line)
            ++ahead;
        if (tokens_[ahead].kind != TokenKind::open)
            return false;
        position_ = ahead + 1;
        return true;
    }

    // Whether `statement` lost its `{`: what follows belongs in the block that it opens.
    bool open_is_missing(const Frame& frame, const Statement& statement, Block inner) {
        if (surplus_ == 0 || inner == Block::ignored)
            return false;
        std::size_t ahead = position_;
        while (tokens_[ahead].kind == TokenKind::end_of_line)
            ++ahead;
        const Token& next = tokens_[ahead];
        if (next.kind != TokenKind::word || is_known(frame.block, next.text) ||
            !is_known(inner, next.text))
            return false;
        --surplus_;
        report_.error(statement.keyword().span,
                      fmt::format("{} opens a block, but its `{{` is missing",
                                  quote(statement.keyword().text)),
                      "write `{` at the end of this line");
        return true;
    }

    // ---- Braces that are missing or too many ----------------------------------------------------

    // Whether the `}` that comes next is meant for an outer block, as its indentation tells.
    bool close_is_of_outer(const Frame& frame) {
        if (missing_ == 0 || tokens_[position_ - 1].kind != TokenKind::end_of_line)
            return false;
        const std::uint32_t column = peek().span.column;
        if (column >= frame.opener.column)
            return false;
        for (const Frame* outer = frame.outer; outer->outer != nullptr; outer = outer->outer) {
            if (outer->opener.column == column)
                return true;
        }
        return false;
    }

    // Whether `word` is no keyword of `frame`, but of a block around it, and braces or indentation
    // tell that `frame` should have been closed before it.
    bool belongs_outside(const Frame& frame, const Token& word) {
        if (word.quoted || is_known(frame.block, word.text))
            return false;
        std::int64_t levels = 1;
        for (const Frame* outer = frame.outer; outer != nullptr; outer = outer->outer, ++levels) {
            if (is_known(outer->block, word.text))
                return levels <= missing_ || is_outdented(frame, word);
        }
        return false;
    }

    // Whether `word` is indented no deeper than the keyword that opened `frame`, in a file that
    // does indent.
    static bool is_outdented(const Frame& frame, const Token& word) {
        const std::uint32_t outer_column =
            frame.outer->outer == nullptr ? 0 : frame.outer->opener.column;
        return frame.opener.column > std::max<std::uint32_t>(1, outer_column) &&
               word.span.column <= frame.opener.column;
    }

    void report_not_closed(const Frame& frame, std::string_view where) {
        missing_ = std::max<std::int64_t>(0, missing_ - 1);
        report_.error(frame.opener, "the block that is opened here is not closed",
                      fmt::format("add `}}` {}", where));
    }

    // The block that was closed last, if `word` is no keyword here but would be one in it.
    std::optional<ClosedBlock> closed_too_early(const Frame& frame, const Token& word) {
        const bool is_meant = surplus_ > 0 && !word.quoted && frame.last_closed &&
                              frame.last_closed->block != Block::ignored &&
                              !is_known(frame.block, word.text) &&
                              is_known(frame.last_closed->block, word.text);
        return is_meant ? frame.last_closed : std::nullopt;
    }

    void reopen(Frame& frame, const ClosedBlock& closed, std::vector<Statement>& body) {
        --surplus_;
        const Token& word = peek();
        report_.error(closed.close, "this `}` closes the block too early",
                      fmt::format("remove it: {} on line {} still belongs to {}", quote(word.text),
                                  word.span.line, block_name(closed.block)));
        Statement& statement = body[closed.index];
        Frame child;
        child.block = closed.block;
        child.outer = &frame;
        child.opener = statement.keyword().span;
        child.depth = frame.depth + 1;
        parse_body(child, statement.body);
        frame.last_closed = ClosedBlock{closed.block, closed.index, tokens_[position_ - 1].span};
    }

    void report_surplus_close(const Frame& frame) {
        surplus_ = std::max<std::int64_t>(0, surplus_ - 1);
        std::string hint = "remove it";
        if (frame.last_closed)
            hint += fmt::format(", or the one on line {}", frame.last_closed->close.line);
        report_.error(peek().span, "unexpected `}`: no block is open here", std::move(hint));
    }

    void skip_block_without_keyword(const Frame& frame) {
        report_.error(peek().span, "unexpected `{`: no keyword stands before it",
                      "write a keyword in front of it; the block is ignored");
        ++position_;
        Frame child;
        child.outer = &frame;
        child.block = Block::ignored;
        child.opener = tokens_[position_ - 1].span;
        child.depth = frame.depth + 1;
        if (child.depth > nesting_max) {
            skip_block();
            return;
        }
        std::vector<Statement> ignored;
        parse_body(child, ignored);
    }

    // Up to and including the `}` of a block whose `{` has been taken, without looking into it.
    void skip_block() {
        for (int depth = 1; depth > 0 && peek().kind != TokenKind::end_of_file; ++position_) {
            if (peek().kind == TokenKind::open)
                ++depth;
            else if (peek().kind == TokenKind::close)
                --depth;
        }
    }

    // ---- keepalived's text substitutions, which are not expanded --------------------------------

    void check_substitutions(Statement& statement) {
        const Word& first = statement.keyword();
        if (first.text.starts_with('@') && !first.quoted) {
            reject(statement, first, "conditional lines (`@id`) are not supported yet",
                   "move the lines of each host to a file of its own and `include` it");
            return;
        }
        for (const Word& word : statement.words) {
            if (word.text.find("~SEQ") != std::string::npos ||
                word.text.find("~LST") != std::string::npos) {
                reject(statement, word, "repeated lines (`~SEQ`, `~LST`) are not supported yet",
                       "write the lines one by one");
                return;
            }
            if (const std::string name = variable_in(word.text); !name.empty()) {
                reject(statement, word,
                       fmt::format("the variable `${}` is not expanded by this version", name),
                       "write its value here");
                return;
            }
        }
    }

    void reject(Statement& statement, const Word& word, std::string_view message,
                std::string_view hint) {
        report_.error(word.span, message, fmt::format("{}; this line is ignored", hint));
        statement.unusable = true;
    }

    // The variable that `text` refers to; empty: none, for an undefined $NAME is plain text.
    [[nodiscard]] std::string variable_in(std::string_view text) const {
        for (std::size_t at = text.find('$'); at != std::string_view::npos;
             at = text.find('$', at + 1)) {
            const bool braced = text.substr(at + 1).starts_with('{');
            const std::string_view rest = text.substr(at + (braced ? 2 : 1));
            const auto* const end = std::ranges::find_if_not(
                rest, [](unsigned char byte) { return std::isalnum(byte) != 0 || byte == '_'; });
            const std::string_view name =
                rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
            const bool predefined = braced && name.starts_with('_');
            const bool whole = braced || name.size() == rest.size();
            if (predefined || (whole && definitions_.contains(name)))
                return std::string(name);
        }
        return {};
    }

    [[nodiscard]] const Token& peek() const { return tokens_[position_]; }

    const Includer& includer_;
    Definitions& definitions_;
    Report& report_;
    std::vector<Token> tokens_;  // ends with end_of_file, which is never passed
    std::size_t position_ = 0;
    std::int64_t missing_ = 0;  // how many more `}` the file would need to be balanced
    std::int64_t surplus_ = 0;  // how many `}` the file has too many
};

}  // namespace

std::vector<Statement> parse(const SourceFile& file, Block block, const Includer& includer,
                             Definitions& definitions, Report& report) {
    return Parser(file, includer, definitions, report).run(block);
}

}  // namespace headgate::config
