// See reader.h.
#include "controlplane/config/reader.h"

#include <map>

#include <fmt/format.h>

#include "controlplane/config/known_keywords.h"
#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

std::vector<std::string_view> acted_on_in(Block block) {
    std::vector<std::string_view> names;
    for_each_keyword([&](const Keyword& row) {
        if (row.blocks.contains(block))
            names.push_back(row.name);
    });
    return names;
}

// The first block other than `here` that has `name`; Block::ignored: none has.
Block home_of(std::string_view name, Block here) {
    for (int index = 0; index < num_blocks; ++index) {
        const auto block = static_cast<Block>(index);
        if (block != here && (find_keyword(block, name) || find_known_keyword(block, name)))
            return block;
    }
    return Block::ignored;
}

std::string list_of_keywords(Block block) {
    std::string list;
    for (const std::string_view name : acted_on_in(block)) {
        if (name != "include")
            list += fmt::format("{}{}", list.empty() ? "" : ", ", name);
    }
    return list;
}

// The statements of one block, in order.
class BodyReader {
public:
    BodyReader(const Context& context, Block block) : context_(context), block_(block) {}

    void read(const Statement& statement) {
        const Word& name = statement.keyword();
        const Keyword* row = name.quoted ? nullptr : find_keyword(block_, name.text);
        if (row == nullptr) {
            if (!statement.unusable)
                report_foreign(statement);
            return;
        }
        mentions_.emplace(row->name);
        if (statement.unusable || !has_the_right_shape(*row, statement))
            return;
        report_repetition(*row, name);
        if (const auto value = read_arguments(*row, statement, context_.report))
            row->handler(context_, *value);
    }

    // Reports the keywords that `opener`'s block must have and nowhere has.
    void require(const Word& opener) {
        for_each_keyword([&](const Keyword& row) {
            if (!row.required || !row.blocks.contains(block_) || mentions_.contains(row.name))
                return;
            context_.report.error(
                opener.span, fmt::format("this {} has no `{}`", block_name(block_), row.name),
                fmt::format("{}; without it the block is left out", expectation(row)));
        });
    }

    Mentions take_mentions() { return std::move(mentions_); }

private:
    // A block where there has to be one, and none where there must not.
    bool has_the_right_shape(const Keyword& row, const Statement& statement) {
        if (row.argument.has_block() == statement.has_block)
            return true;
        const Span& where = statement.keyword().span;
        if (statement.has_block) {
            context_.report.error(where, fmt::format("`{}` has no block", row.name),
                                  fmt::format("{}; remove the {{ }}", expectation(row)));
        } else {
            context_.report.error(
                where, fmt::format("`{}` needs a block", row.name),
                fmt::format("write `{} {}`", row.name, argument_form(row.argument)));
        }
        return false;
    }

    void report_repetition(const Keyword& row, const Word& name) {
        const auto [first, is_new] = first_uses_.emplace(&row, name.span);
        if (is_new || row.repeats)
            return;
        context_.report.warning(
            name.span, fmt::format("`{}` stands in this {} twice", row.name, block_name(block_)),
            fmt::format("keep this one or the one on {}",
                        line_of(first->second.location(), name.span)));
    }

    void report_foreign(const Statement& statement) {
        const Word& name = statement.keyword();
        KnownKeyword known;
        if (!name.quoted && find_known_keyword(block_, name.text, &known)) {
            mentions_.emplace(name.text);
            context_.report.warning(
                name.span,
                fmt::format("`{}` is a keepalived keyword that this version of Headgate does not "
                            "act on yet; it is ignored",
                            known.name),
                std::string(known.advice));
            return;
        }
        context_.report.error(
            name.span,
            fmt::format("{} is not a keyword of {}", quote(name.text), block_name(block_)),
            advice_on_unknown(statement));
    }

    // What was probably meant. Whatever is suggested counts as mentioned.
    std::string advice_on_unknown(const Statement& statement) {
        if (context_.report.is_full())
            return {};
        const std::string& name = statement.keyword().text;
        if (const std::size_t end = name.find_first_of("=:"); end != std::string::npos) {
            const std::string_view bare = std::string_view(name).substr(0, end);
            if (find_keyword(block_, bare)) {
                mentions_.emplace(bare);
                return fmt::format("write a blank behind `{}`, not `{}`", bare, name[end]);
            }
        }
        if (const Block home = home_of(name, block_); home != Block::ignored)
            return fmt::format("it belongs in {}", block_name(home));
        std::vector<std::string_view> names = acted_on_in(block_);
        for_each_known_keyword(block_, [&](std::string_view each) { names.push_back(each); });
        if (const std::string_view meant = nearest(name, names); !meant.empty()) {
            mentions_.emplace(meant);
            const bool acted_on = find_keyword(block_, meant) != nullptr;
            return fmt::format("did you mean `{}`?{}", meant,
                               acted_on ? "" : " (which this version does not act on yet)");
        }
        return fmt::format("{} has: {}", block_name(block_), list_of_keywords(block_));
    }

    const Context& context_;
    const Block block_;
    Mentions mentions_;
    std::map<const Keyword*, Span> first_uses_;
};

}  // namespace

Mentions read_body(const Context& context, const Statement& statement, Block block) {
    BodyReader reader(context, block);
    for (const Statement& each : statement.body)
        reader.read(each);
    reader.require(statement.keyword());
    return reader.take_mentions();
}

Drafts read_configuration(const std::vector<Statement>& statements, RouteNames names,
                          Report& report) {
    Drafts drafts;
    const Context context{drafts, report, names};
    BodyReader reader(context, Block::root);
    for (const Statement& each : statements)
        reader.read(each);
    return drafts;
}

}  // namespace headgate::config
