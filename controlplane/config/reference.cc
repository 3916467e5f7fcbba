// See reference.h.
#include "controlplane/config/reference.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "controlplane/config/known_keywords.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

constexpr std::string_view introduction = R"(# Configuration reference

<!-- Generated from the schema table in controlplane/config/. Do not edit: run
     `UPDATE_REFERENCE=1 meson test -C build config` after changing the table. -->

Headgate reads keepalived's configuration file. A keyword and its arguments are one line; a block
is put in `{ }`, whose `{` may also stand on the next line.

- `#` and `!` begin a comment.
- A word that contains blanks or braces is put in `"..."` or `'...'`; quoted and plain parts that
  touch make one word. `\n`, `\t`, `\"`, `\\`, `\nnn`, `\xXX` and `\cC` are understood.
- `include PATTERN` reads other files in its place, in any block.
- A value out of range is reported, and the default is used.
- `headgated -t -f FILE` checks a file: exit code 0 means that it is fine, 5 that it can be used but
  means something other than what is written, 4 that it cannot be used.

Keywords marked *Headgate* are extensions that keepalived does not have.
)";

constexpr std::string_view not_acted_on =
    "Keywords of keepalived that are recognised here and not acted on yet (each use is reported):";

// `|` would end the cell of a Markdown table.
std::string cell(std::string_view text) {
    std::string escaped;
    for (const char byte : text) {
        if (byte == '|')
            escaped += '\\';
        escaped += byte;
    }
    return escaped;
}

std::string code(std::string_view text) {
    return text.empty() ? std::string{} : fmt::format("`{}`", text);
}

bool is_literal(std::string_view default_text) {
    return default_text.find(' ') == std::string_view::npos;
}

std::string row_of(const Keyword& row) {
    const std::string default_text =
        row.required ? "required"
                     : (is_literal(row.default_text) ? code(row.default_text)
                                                     : std::string(row.default_text));
    return fmt::format("| `{}` | {} | {} | {}{} |\n", row.name,
                       cell(code(argument_form(row.argument))), cell(default_text), cell(row.doc),
                       row.origin == Origin::headgate ? " *Headgate.*" : "");
}

// "`a`, `b`, `c`." in lines of at most 100 bytes. Requires: there are some.
std::string filled(const std::vector<std::string_view>& names) {
    constexpr std::size_t line_max = 100;
    std::string text;
    std::size_t line = 0;
    for (const std::string_view name : names) {
        const std::string item = fmt::format("`{}`{}", name, name == names.back() ? "." : ",");
        if (line > 0 && line + 1 + item.size() > line_max) {
            text += '\n';
            line = 0;
        } else if (line > 0) {
            text += ' ';
            ++line;
        }
        text += item;
        line += item.size();
    }
    return text + "\n";
}

// Keywords that stand everywhere are told once, at the top level.
bool is_shown_in(const Keyword& row, Block block) {
    return row.blocks.contains(block) && (row.name != "include" || block == Block::root);
}

std::string section(Block block) {
    std::string text = fmt::format(
        "\n## {}\n\n", block == Block::root ? "Top level" : std::string(block_name(block)));
    std::string rows;
    for_each_keyword([&](const Keyword& row) {
        if (is_shown_in(row, block))
            rows += row_of(row);
    });
    if (!rows.empty())
        text += "| keyword | argument | default | meaning |\n|---|---|---|---|\n" + rows;
    std::vector<std::string_view> known;
    for_each_known_keyword(block, [&](std::string_view name) { known.push_back(name); });
    if (known.empty())
        return text;
    std::ranges::sort(known);
    return text + fmt::format("\n{}\n", not_acted_on) + filled(known);
}

std::vector<std::string_view> all_names() {
    std::vector<std::string_view> names;
    for_each_keyword([&](const Keyword& row) { names.push_back(row.name); });
    for (int index = 0; index < num_blocks; ++index)
        for_each_known_keyword(static_cast<Block>(index),
                               [&](std::string_view name) { names.push_back(name); });
    std::ranges::sort(names);
    const auto repeated = std::ranges::unique(names);
    names.erase(repeated.begin(), repeated.end());
    return names;
}

// "global_defs, vrrp_instance": the blocks for which `holds` is true.
template <typename Predicate>
std::string list_of_blocks(Predicate holds) {
    std::string list;
    for (int index = 0; index < num_blocks; ++index) {
        const auto block = static_cast<Block>(index);
        if (holds(block))
            list += fmt::format("{}{}", list.empty() ? "" : ", ", block_name(block));
    }
    return list;
}

std::string explain_row(const Keyword& row) {
    std::string text =
        fmt::format("{} {}\n  in: {}\n", row.name, argument_form(row.argument),
                    list_of_blocks([&](Block block) { return row.blocks.contains(block); }));
    if (row.required)
        text += "  required\n";
    else if (!row.default_text.empty())
        text += fmt::format("  default: {}\n", row.default_text);
    text += fmt::format("  {}\n", row.doc);
    if (row.origin == Origin::headgate)
        text += "  A Headgate extension; keepalived does not have it.\n";
    return text;
}

}  // namespace

std::string render_reference() {
    std::string text(introduction);
    for (int index = 0; index < num_blocks; ++index) {
        // Blocks of values have no keywords.
        const auto block = static_cast<Block>(index);
        if (block != Block::virtual_ipaddress && block != Block::garp_interfaces &&
            block != Block::unicast_peer && block != Block::group && block != Block::entries &&
            block != Block::track_list && block != Block::interface_delays)
            text += section(block);
    }
    return text;
}

std::optional<std::string> explain(std::string_view keyword, std::string* suggestion) {
    std::string text;
    for_each_keyword([&](const Keyword& row) {
        if (row.name == keyword)
            text += explain_row(row);
    });
    KnownKeyword known;
    const std::string blocks =
        list_of_blocks([&](Block block) { return find_known_keyword(block, keyword, &known); });
    if (!blocks.empty()) {
        text += fmt::format(
            "{}\n  in: {}\n  A keepalived keyword that this version of Headgate does "
            "not act on yet.\n",
            keyword, blocks);
        if (!known.advice.empty())
            text += fmt::format("  Note: {}.\n", known.advice);
    }
    if (!text.empty())
        return text;
    if (suggestion != nullptr)
        *suggestion = nearest(keyword, all_names());
    return std::nullopt;
}

}  // namespace headgate::config
