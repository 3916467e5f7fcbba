// Rows of the schema table: what the dataplane does against floods.
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t rate_max = 1'000'000'000;

template <auto Protection::*rate>
void set_rate(const Context& context, const Value& value) {
    context.drafts.protection.settings.*rate = static_cast<std::uint32_t>(value.number);
}

template <std::uint8_t Protection::*length>
void set_length(const Context& context, const Value& value) {
    context.drafts.protection.settings.*length = static_cast<std::uint8_t>(value.number);
}

// The lines of a list: prefixes, any number on each.
template <std::vector<Located<Prefix>> ProtectionDraft::*list>
void read_access_list(const Context& context, const Value& value) {
    std::vector<Located<Prefix>>& prefixes = context.drafts.protection.*list;
    for (const Statement& line : value.statement->body) {
        if (line.unusable)
            continue;
        for (const Word& word : line.words) {
            if (const auto prefix = Prefix::parse(word.text))
                prefixes.push_back({*prefix, word.span});
            else
                context.report.error(word.span, quote(word.text) + " is not an address or a prefix",
                                     "write `192.0.2.0/24`, `2001:db8::/32` or a single address; "
                                     "it is left out");
        }
    }
}

constexpr Keyword protection_rows[] = {
    {
        .blocks = Block::dataplane,
        .name = "new_connection_rate",
        .argument = number(0, rate_max),
        .default_text = "as many as each worker has time for",
        .handler = set_rate<&Protection::connection_rate>,
        .doc = "New connections in a second that each worker remembers. Those above are forwarded, "
               "too, by a hash of the client, and remembered when their next packet comes. `0`: no "
               "limit.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "source_connection_rate",
        .argument = number(0, rate_max),
        .default_text = "0",
        .handler = set_rate<&Protection::source_rate>,
        .doc = "New connections in a second that clients of one prefix may open on an interface; "
               "the packets of others are dropped. `0`: no limit.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "source_prefix_length",
        .argument = number(0, 32),
        .default_text = "24",
        .handler = set_length<&Protection::source_prefix_length_v4>,
        .doc = "IPv4 clients whose addresses share so many bits count together for "
               "`source_connection_rate`.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "source_prefix_length_v6",
        .argument = number(0, 128),
        .default_text = "56",
        .handler = set_length<&Protection::source_prefix_length_v6>,
        .doc = "Likewise of IPv6.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "fragment_rate",
        .argument = number(0, rate_max),
        .default_text = "16000",
        .handler = set_rate<&Protection::fragment_rate>,
        .doc = "Packets in fragments that each worker puts together with their connections in a "
               "second, and fragments that it lets wait for the first one of their packet. `0`: "
               "no limit.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "icmp_error_rate",
        .argument = number(0, rate_max),
        .default_text = "10000",
        .handler = set_rate<&Protection::icmp_error_rate>,
        .doc = "ICMP errors about connections that each worker passes on to real servers in a "
               "second. `0`: no limit.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "icmp_answer_rate",
        .argument = number(0, rate_max),
        .default_text = "100",
        .handler = set_rate<&Protection::icmp_answer_rate>,
        .doc = "ICMP errors that each worker sends to clients in a second. `0`: no limit.",
        .origin = Origin::headgate,
    },
    {
        .blocks = Block::dataplane,
        .name = "block_list",
        .argument = nothing().with_block(Block::entries),
        .handler = read_access_list<&ProtectionDraft::blocked>,
        .doc = "Clients whose packets to the virtual servers are dropped, and whose connections "
               "end: addresses and prefixes, any number on a line. `include FILE` reads them from "
               "a file. Of all prefixes in both lists the longest decides.",
        .origin = Origin::headgate,
        .repeats = true,
    },
    {
        .blocks = Block::dataplane,
        .name = "allow_list",
        .argument = nothing().with_block(Block::entries),
        .handler = read_access_list<&ProtectionDraft::allowed>,
        .doc = "Clients that no rate of this block limits, but for `icmp_answer_rate`. Written as "
               "`block_list`.",
        .origin = Origin::headgate,
        .repeats = true,
    },
};

}  // namespace

std::span<const Keyword> protection_keywords() {
    return protection_rows;
}

}  // namespace headgate::config
