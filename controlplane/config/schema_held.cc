// Rows of the schema table: what an instance holds beside its virtual addresses, and what the host
// has all the time.
#include <fmt/format.h>

#include "controlplane/config/reader.h"
#include "controlplane/config/route_entry.h"
#include "controlplane/config/rule_entry.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/virtual_address.h"

namespace headgate::config {
namespace {

// Reads each line of the block with `read`, and keeps what can be used.
template <typename Entry, typename Read>
void read_lines(const Context& context, const Value& value, EntryOwner owner, Read read,
                std::vector<Located<Entry>>& entries) {
    for (const Statement& line : value.statement->body) {
        if (line.unusable)
            continue;
        if (line.has_block) {
            context.report.error(line.keyword().span, "an entry of this list has no block",
                                 "write it on one line; it is left out");
            continue;
        }
        if (auto entry = read(line, owner, context.names, context.report))
            entries.push_back({std::move(*entry), line.keyword().span});
    }
}

void read_track_group(const Context& context, const Value& value) {
    Drafts& drafts = context.drafts;
    const auto [group, is_new] = drafts.statics.track_groups.try_emplace(std::string(value.text));
    if (!is_new)
        context.report.error(value.where,
                             fmt::format("the track_group {} is there already", quote(value.text)),
                             "give it another name, or write one group; both are one now");
    Context inner = context;
    inner.track_group = &group->second;
    read_body(inner, *value.statement, Block::track_group);
}

void read_members(const Context& context, const Value& value) {
    for (const Statement& line : value.statement->body) {
        for (const Word& word : line.words)
            context.track_group->push_back({word.text, word.span});
    }
}

constexpr Keyword held_rows[] = {
    {
        .blocks = Block::vrrp_instance,
        .name = "virtual_ipaddress_excluded",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_addresses(*value.statement, AddressRole::excluded, context.report,
                               context.instance->excluded_addresses);
            },
        .doc = "Addresses that move with the MASTER and are not in advertisements: of any family, "
               "and as many as you like. One on each line, as in `virtual_ipaddress`.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "no_virtual_ipaddress",
        .argument = nothing(),
        .handler = [](const Context&, const Value&) {},  // its mention is what counts
        .doc = "The instance has no virtual address, and that is no mistake.",
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "virtual_routes",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_lines(context, value, EntryOwner::instance, read_route,
                           context.instance->routes);
            },
        .doc = "Routes that are here while the instance is MASTER, one on each line, as for `ip "
               "route add`; `no_track`: not put back when others remove it.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "virtual_rules",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_lines(context, value, EntryOwner::instance, read_rule,
                           context.instance->rules);
            },
        .doc = "Policy rules that are here while the instance is MASTER, one on each line, as for "
               "`ip rule add`; `no_track` as with routes.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "promote_secondaries",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value&) { context.instance->promote_secondaries = true; },
        .doc = "On the interface of the instance, the other IPv4 addresses of a network stay when "
               "the first goes: the kernel's switch of this name is on while Headgate runs.",
    },
    {
        .blocks = Block::root,
        .name = "static_ipaddress",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_addresses(*value.statement, AddressRole::host, context.report,
                               context.drafts.statics.addresses);
            },
        .doc = "Addresses that this host has while Headgate runs, whoever is MASTER. One on each "
               "line, as in `virtual_ipaddress`, and with `track_group GROUP`.",
        .repeats = true,
    },
    {
        .blocks = Block::root,
        .name = "static_routes",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_lines(context, value, EntryOwner::host, read_route,
                           context.drafts.statics.routes);
            },
        .doc = "Routes that this host has while Headgate runs. One on each line, as in "
               "`virtual_routes`, and with `track_group GROUP`.",
        .repeats = true,
    },
    {
        .blocks = Block::root,
        .name = "static_rules",
        .argument = nothing().with_block(Block::entries),
        .handler =
            [](const Context& context, const Value& value) {
                read_lines(context, value, EntryOwner::host, read_rule,
                           context.drafts.statics.rules);
            },
        .doc = "Policy rules that this host has while Headgate runs. One on each line, as in "
               "`virtual_rules`, and with `track_group GROUP`.",
        .repeats = true,
    },
    {
        .blocks = Block::root,
        .name = "track_group",
        .argument = text("NAME").with_block(Block::track_group),
        .handler = read_track_group,
        .doc = "Instances that cannot work without the static entries which name this group: they "
               "go to FAULT while one of those is missing and cannot be put back.",
        .repeats = true,
    },
    {
        .blocks = Block::track_group,
        .name = "group",
        .argument = nothing().with_block(Block::entries),
        .handler = read_members,
        .doc = "The names of the instances.",
    },
    {
        .blocks = Block::global_defs,
        .name = "default_interface",
        .argument = interface_name(),
        .default_text = "eth0",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.statics.default_interface = {std::string(value.text), value.where};
            },
        .doc = "Where static addresses are put that name no `dev`.",
    },
    {
        .blocks = Block::global_defs,
        .name = "iproute_usr_dir",
        .argument = text("FOLDER", 4096),
        .default_text = "/usr/share/iproute2",
        .handler =
            [](const Context& context, const Value& value) {
                context.names.set_folders(std::string(value.text), "");
            },
        .doc = "Where the names of routing tables, protocols and so on are that came with the "
               "system. It stands before the routes and rules that use them.",
    },
    {
        .blocks = Block::global_defs,
        .name = "iproute_etc_dir",
        .argument = text("FOLDER", 4096),
        .default_text = "/etc/iproute2",
        .handler =
            [](const Context& context, const Value& value) {
                context.names.set_folders("", std::string(value.text));
            },
        .doc = "Likewise those that were added on this host.",
    },
};

}  // namespace

std::span<const Keyword> held_keywords() {
    return held_rows;
}

}  // namespace headgate::config
