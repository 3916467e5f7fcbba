// Rows of the schema table: keepalived's dump files.
#include <string>

#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"

namespace headgate::config {
namespace {

constexpr std::int64_t path_bytes_max = 4096;

// A relative path would be one in the directory of a daemon that has none.
template <std::string DumpFiles::*path>
void set_dump_path(const Context& context, const Value& value) {
    if (value.text.starts_with('/'))
        context.drafts.dump_files.*path = std::string(value.text);
    else
        context.report.error(value.where, "the path is not absolute", "write it from the root: /");
}

constexpr Keyword dump_rows[] = {
    {
        .blocks = Block::global_defs,
        .name = "state_dump_file",
        .argument = text("PATH", path_bytes_max),
        .default_text = "keepalived.data in $TMPDIR or /tmp",
        .handler = set_dump_path<&DumpFiles::data>,
        .doc = "Where SIGUSR1 makes headgated write the state of the VRRP instances.",
    },
    {
        .blocks = Block::global_defs,
        .name = "stats_dump_file",
        .argument = text("PATH", path_bytes_max),
        .default_text = "keepalived.stats in $TMPDIR or /tmp",
        .handler = set_dump_path<&DumpFiles::stats>,
        .doc = "Where SIGUSR2 makes headgated write the counters of the VRRP instances.",
    },
    {
        .blocks = Block::global_defs,
        .name = "json_dump_file",
        .argument = text("PATH", path_bytes_max),
        .default_text = "keepalived.json in $TMPDIR or /tmp",
        .handler = set_dump_path<&DumpFiles::json>,
        .doc = "Where the signal that `headgated --signum=JSON` prints makes headgated write both "
               "as JSON.",
    },
    {
        .blocks = Block::global_defs,
        .name = "json_version",
        .argument = number(1, 2),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.dump_files.json_version = static_cast<int>(value.number);
            },
        .doc = "The form of the JSON file: 1 is an array of instances, 2 an object with that array "
               "under `vrrp`.",
    },
};

}  // namespace

std::span<const Keyword> dump_keywords() {
    return dump_rows;
}

}  // namespace headgate::config
