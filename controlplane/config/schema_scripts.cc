// Rows of the schema table: who tracks what, and how scripts are run.
#include "controlplane/config/command.h"
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/track_list.h"

namespace headgate::config {
namespace {

// What a group tracks, each of its members does.
constexpr Blocks track_blocks = Block::vrrp_instance | Block::vrrp_sync_group;

template <TrackerKind kind>
void read_list(const Context& context, const Value& value) {
    read_track_list(context, value, kind);
}

constexpr Keyword script_rows[] = {
    {
        .blocks = track_blocks,
        .name = "track_interface",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::interface>,
        .doc = "Other interfaces that have to work: lines of `INTERFACE [weight NUMBER "
               "[reverse]]`. Without a weight the instance is in FAULT while one is down.",
        .repeats = true,
    },
    {
        .blocks = track_blocks,
        .name = "track_script",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::script>,
        .doc = "Scripts (vrrp_script) that decide: lines of `NAME [weight NUMBER [reverse]]`.",
        .repeats = true,
    },
    {
        .blocks = track_blocks,
        .name = "track_file",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::file>,
        .doc = "Files (track_file) that decide: lines of `NAME [weight NUMBER [reverse]]`.",
        .repeats = true,
    },
    {
        .blocks = track_blocks,
        .name = "track_process",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::process>,
        .doc = "Programs (vrrp_track_process) that have to run: lines of `NAME [weight NUMBER "
               "[reverse]]`.",
        .repeats = true,
    },
    {
        .blocks = track_blocks,
        .name = "track_bfd",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::bfd>,
        .doc = "BFD sessions by the name of their bfd_instance: lines of `NAME [weight NUMBER "
               "[reverse]]`. Without a weight the instance is in FAULT while the session is not "
               "up.",
        .repeats = true,
    },
    {
        .blocks = track_blocks,
        .name = "track_virtual_server",
        .argument = nothing().with_block(Block::track_list),
        .handler = read_list<TrackerKind::virtual_server>,
        .doc = "Virtual servers of this configuration that need a real server that is up: "
               "lines of `IP PORT [tcp | udp | sctp] [weight NUMBER [reverse]]`.",
        .origin = Origin::headgate,
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_instance,
        .name = "dont_track_primary",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value& /*value*/) { context.instance->track_primary = false; },
        .doc = "The instance's own `interface` may be down without a FAULT, as long as it has an "
               "address.",
    },
    {
        .blocks = Block::global_defs,
        .name = "script_user",
        .argument = words("USER [GROUP]"),
        .default_text = "keepalived_script if there is such a user, else root",
        .handler =
            [](const Context& context, const Value& value) {
                ScriptRules& rules = context.drafts.trackers.script_rules;
                read_user(context, value, rules.user, rules.group);
            },
        .doc = "Who scripts run as that name no user themselves.",
    },
    {
        .blocks = Block::global_defs,
        .name = "enable_script_security",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& /*value*/) {
                context.drafts.trackers.script_rules.security = true;
            },
        .doc = "A script that would run as root does not run when anybody else could change it, or "
               "a directory on its path.",
    },
    {
        .blocks = Block::global_defs,
        .name = "use_symlink_paths",
        .argument = flag(),
        .default_text = "off",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.trackers.script_rules.keep_symlinks = value.flag;
            },
        .doc = "Run scripts under the name that was written, even where that is a symbolic link.",
    },
    {
        .blocks = Block::global_defs,
        .name = "set_supplementary_groups",
        .argument = nothing(),
        .handler =
            [](const Context& context, const Value& /*value*/) {
                context.drafts.trackers.script_rules.supplementary_groups = true;
            },
        .doc = "Scripts also get the other groups of their user.",
    },
};

}  // namespace

std::span<const Keyword> script_keywords() {
    return script_rows;
}

}  // namespace headgate::config
