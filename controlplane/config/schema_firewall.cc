// Rows of the schema table: packets to virtual addresses, and the nftables table that drops them.
#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

bool is_table_name(std::string_view text) {
    const auto is_letter = [](char each) {
        return (each >= 'a' && each <= 'z') || (each >= 'A' && each <= 'Z');
    };
    return is_letter(text.front()) && std::ranges::all_of(text, [&](char each) {
               return is_letter(each) || (each >= '0' && each <= '9') || each == '_';
           });
}

void set_table(const Context& context, const Value& value) {
    if (!value.present)
        return;
    if (is_table_name(value.text))
        context.drafts.firewall.table = value.text;
    else
        context.report.error(
            value.where, fmt::format("{} is not the name of a table", quote(value.text)),
            "write letters, digits and `_`, a letter first; the usual name is used");
}

template <bool accepts>
void set_accept(const Context& context, const Value& value) {
    context.instance->accept = {accepts, value.where};
}

constexpr Keyword firewall_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "accept",
        .argument = nothing(),
        .default_text = "`accept`, but `no_accept` with strict_mode",
        .handler = set_accept<true>,
        .doc = "The MASTER takes packets to its addresses, whoever owns them.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "no_accept",
        .argument = nothing(),
        .handler = set_accept<false>,
        .doc = "Only a router with `priority 255` takes packets to its addresses; others route by "
               "them. nftables drops the packets, except those that ask who has the address.",
    },
    {
        .blocks = Block::global_defs,
        .name = "nftables",
        .argument = text("TABLE", 200).or_nothing(),
        .default_text = "headgate, or a name made from --run-dir",
        .handler = set_table,
        .doc = "The table of family inet for `no_accept`: made anew at the start and by a reload, "
               "removed at the end.",
    },
    {
        .blocks = Block::global_defs,
        .name = "nftables_priority",
        .argument = number(-400, 400),
        .default_text = "-1",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.firewall.priority = static_cast<int>(value.number);
            },
        .doc = "Where the chains of that table stand among others.",
    },
    {
        .blocks = Block::global_defs,
        .name = "nftables_counters",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value&) { context.drafts.firewall.has_counters = true; },
        .doc = "Its rules count what they drop: `nft list table inet headgate` shows it.",
    },
};

}  // namespace

std::span<const Keyword> firewall_keywords() {
    return firewall_rows;
}

}  // namespace headgate::config
