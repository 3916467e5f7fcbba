// Rows of the schema table: vrrp_sync_group.
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/tracking_block.h"

namespace headgate::config {
namespace {

void read_sync_group(const Context& context, const Value& value) {
    read_tracking_block(context, value, Block::vrrp_sync_group, &Context::sync_group,
                        context.drafts.sync_groups);
}

// Names, as many on a line as one likes.
void read_group_members(const Context& context, const Value& value) {
    constexpr std::string_view notation = "write the name of a vrrp_instance on each line";
    if (value.statement->body.empty())
        context.report.error(value.statement->keyword().span, "this block has no name in it",
                             std::string(notation));
    for (const Statement& entry : value.statement->body) {
        if (entry.unusable)
            continue;
        if (entry.has_block)
            context.report.error(entry.keyword().span, "a member of a group has no block",
                                 std::string(notation) + "; the block is ignored");
        for (const Word& word : entry.words)
            context.sync_group->members.push_back({word.text, word.span});
    }
}

constexpr Keyword sync_group_rows[] = {
    {
        .blocks = Block::root,
        .name = "vrrp_sync_group",
        .argument = text("NAME").with_block(Block::vrrp_sync_group),
        .handler = read_sync_group,
        .doc = "Instances that are MASTER together or not at all: they become MASTER when every "
               "one of them would, and one that leaves, or is in FAULT, takes the others along.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_sync_group,
        .name = "group",
        .argument = nothing().with_block(Block::group),
        .handler = read_group_members,
        .doc = "The members: names of vrrp_instances, one on each line. An instance is in one "
               "group at most.",
    },
    {
        .blocks = Block::vrrp_sync_group,
        .name = "sync_group_tracking_weight",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value&) { context.sync_group->tracking_weight = true; },
        .doc = "What members track by themselves keeps its weight. Without it, since the members "
               "have to keep in step, interfaces count without a weight, and all else that has "
               "one is left out. Weights in the lists of the group always count, for each member.",
    },
};

}  // namespace

std::span<const Keyword> sync_group_keywords() {
    return sync_group_rows;
}

}  // namespace headgate::config
