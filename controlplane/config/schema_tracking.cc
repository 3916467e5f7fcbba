// Rows of the schema table: what can be tracked.
#include <array>
#include <limits>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/command.h"
#include "controlplane/config/reader.h"
#include "controlplane/config/schema.h"
#include "controlplane/config/track_list.h"

namespace headgate::config {
namespace {

constexpr std::int64_t count_max = 2'147'483'647;
constexpr std::int64_t quorum_limit = 65535;
constexpr double script_seconds_min = 0.001;
constexpr double script_seconds_max = 4'294;
constexpr double delay_seconds_min = 0.000001;
constexpr double delay_seconds_max = 3'600;

using Parameters = TrackProcess::Parameters;
constexpr std::array matches{
    Choice{"initial", static_cast<int>(Parameters::initial), ""},
    Choice{"partial", static_cast<int>(Parameters::partial), ""},
};

// ---- Definitions --------------------------------------------------------------------------------

// `place`: where the keywords of the block find the draft.
template <typename Draft>
void read_definition(const Context& context, const Value& value, Draft& draft,
                     Draft* Context::*place, Block block) {
    draft.where = value.statement->keyword().span;
    Context inner = context;
    inner.*place = &draft;
    read_body(inner, *value.statement, block);
}

// Moves it there, or keeps the fact that it cannot be used, which has been reported.
template <typename Draft>
void keep(const Context& context, const Value& value, TrackerKind kind, bool usable,
          std::vector<Draft>& drafts, Draft& draft) {
    if (!value.valid)
        return;
    if (usable)
        drafts.push_back(std::move(draft));
    else
        context.drafts.trackers.broken.insert({kind, std::string(value.text)});
}

void read_script(const Context& context, const Value& value) {
    TrackScriptDraft draft;
    draft.script.name = value.text;
    read_definition(context, value, draft, &Context::script, Block::vrrp_script);
    keep(context, value, TrackerKind::script, !draft.script.command.words.empty(),
         context.drafts.trackers.scripts, draft);
}

void read_file(const Context& context, const Value& value) {
    TrackFileDraft draft;
    draft.file.name = value.text;
    read_definition(context, value, draft, &Context::track_file, Block::track_file);
    keep(context, value, TrackerKind::file, !draft.file.path.empty(), context.drafts.trackers.files,
         draft);
}

void read_process(const Context& context, const Value& value) {
    TrackProcessDraft draft;
    draft.process.name = value.text;
    read_definition(context, value, draft, &Context::process, Block::vrrp_track_process);
    keep(context, value, TrackerKind::process, !draft.process.program.empty(),
         context.drafts.trackers.processes, draft);
}

template <typename Draft>
void set_weight(Draft& draft, const Context& context, const Value& value, int maximum) {
    if (const auto weight = read_weight(value.words, maximum, context.report))
        draft.weight = *weight;
}

void set_file_path(const Context& context, const Value& value) {
    if (!value.text.starts_with('/')) {
        context.report.error(value.where, fmt::format("{} is not a whole path", quote(value.text)),
                             "write the path from / on; the block is left out");
        return;
    }
    context.track_file->file.path = value.text;
}

void set_initial_value(const Context& context, const Value& value) {
    TrackFile& file = context.track_file->file;
    file.initial_value = 0;
    for (const Word& word : value.words) {
        if (word.text == "overwrite") {
            file.overwrite = true;
            continue;
        }
        const auto number = read_number(word, std::numeric_limits<std::int32_t>::min(),
                                        std::numeric_limits<std::int32_t>::max(), context.report,
                                        "write `init_file [NUMBER] [overwrite]`");
        file.initial_value = number.value_or(0);
    }
}

void set_process(const Context& context, const Value& value) {
    TrackProcess& process = context.process->process;
    std::vector<std::string> words = split_command(value.words.front().text);
    for (const Word& word : value.words.subspan(1)) {
        for (std::string& part : split_command(word.text))
            words.push_back(std::move(part));
    }
    if (words.empty()) {
        context.report.error(value.where, "the name of the program is empty",
                             "write `process nginx`; the block is left out");
        return;
    }
    process.program = std::move(words.front());
    words.erase(words.begin());
    process.compare_parameters = process.compare_parameters || !words.empty();
    process.parameters = std::move(words);
}

void set_match(const Context& context, const Value& value) {
    context.process->process.match = static_cast<Parameters>(value.number);
    context.process->process.compare_parameters = true;
}

void read_interface_delays(const Context& context, const Value& value) {
    constexpr std::int64_t seconds_max = 255;
    const std::string notation = "write `INTERFACE DOWN_SECONDS [UP_SECONDS]`, from 0 to 255";
    for (const Statement& entry : value.statement->body) {
        if (entry.unusable)
            continue;
        const Span& where = entry.keyword().span;
        const auto name = read_interface(entry.keyword(), context.report, notation);
        if (!name)
            continue;
        const auto arguments = entry.arguments();
        if (arguments.empty() || arguments.size() > 2) {
            context.report.error(where, "one or two delays are expected", notation);
            continue;
        }
        const auto down = read_seconds(arguments[0], 0, seconds_max, context.report, notation);
        const auto up = arguments.size() == 2
                            ? read_seconds(arguments[1], 0, seconds_max, context.report, notation)
                            : down;
        if (down && up)
            context.drafts.trackers.interface_delays.push_back(
                {{.interface = std::string(*name), .down = *down, .up = *up}, where});
    }
}

constexpr Keyword tracking_rows[] = {
    {
        .blocks = Block::root,
        .name = "vrrp_script",
        .argument = text("NAME").with_block(Block::vrrp_script),
        .handler = read_script,
        .doc = "A program whose exit status instances track; it runs while one of them does.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_script,
        .name = "script",
        .argument = words("COMMAND"),
        .handler =
            [](const Context& context, const Value& value) {
                context.script->script.command.words = read_command(context, value);
            },
        .doc = "The program with its arguments, in quotes: \"/path/check 'an argument' another\". "
               "No shell reads it. Status 0 is success.",
        .required = true,
    },
    {
        .blocks = Block::vrrp_script,
        .name = "interval",
        .argument = seconds(script_seconds_min, script_seconds_max),
        .default_text = "1",
        .handler = [](const Context& context,
                      const Value& value) { context.script->script.interval = value.duration; },
        .doc = "Seconds from one run to the next. One that is still running is not started again.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "timeout",
        .argument = seconds(0, script_seconds_max),
        .default_text = "the interval",
        .handler =
            [](const Context& context, const Value& value) {
                if (value.duration > Duration::zero())
                    context.script->timeout = {value.duration, value.where};
            },
        .doc = "Seconds after which a run has failed and is ended: SIGTERM to its process group, "
               "two seconds later SIGKILL.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "weight",
        .argument = words("<-253..253> [reverse]"),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                set_weight(*context.script, context, value, weight_max(TrackerKind::script));
            },
        .doc = "0: an instance is in FAULT while the script fails. Above 0 it is added to the "
               "priority while the script succeeds, below 0 while it fails; `reverse` subtracts.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "rise",
        .argument = number(1, count_max),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.script->script.rise = static_cast<std::uint32_t>(value.number);
            },
        .doc = "Successes in a row after which a failed script counts as succeeding again.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "fall",
        .argument = number(1, count_max),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.script->script.fall = static_cast<std::uint32_t>(value.number);
            },
        .doc = "Failures in a row after which it counts as failed.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "user",
        .argument = words("USER [GROUP]"),
        .default_text = "that of script_user in global_defs",
        .handler =
            [](const Context& context, const Value& value) {
                Command& command = context.script->script.command;
                read_user(context, value, command.user, command.group);
            },
        .doc = "Who the script runs as.",
    },
    {
        .blocks = Block::vrrp_script,
        .name = "init_fail",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value& /*value*/) { context.script->script.init_fail = true; },
        .doc = "The script counts as failed until it has risen. Without it one success at the "
               "start is enough.",
    },
    {
        .blocks = Block::root,
        .name = "track_file",
        .argument = text("NAME").with_block(Block::track_file),
        .handler = read_file,
        .doc = "A file whose first number instances track; the usual switch for maintenance.",
        .repeats = true,
    },
    {
        .blocks = Block::root,
        .name = "vrrp_track_file",
        .argument = text("NAME").with_block(Block::track_file),
        .handler = read_file,
        .doc = "The older name of `track_file`.",
        .repeats = true,
    },
    {
        .blocks = Block::track_file,
        .name = "file",
        .argument = text("PATH", 4096),
        .handler = set_file_path,
        .doc = "The file. One that is missing or begins with no number counts as 0. Its directory "
               "has to exist.",
        .required = true,
    },
    {
        .blocks = Block::track_file,
        .name = "weight",
        .argument = words("<-254..254> [reverse]"),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                set_weight(*context.track_file, context, value, weight_max(TrackerKind::file));
            },
        .doc = "The number in the file times the weight is added to the priority; -254 and less is "
               "FAULT. 0: an instance is in FAULT while the number is not 0.",
    },
    {
        .blocks = Block::track_file,
        .name = "init_file",
        .argument = words("NUMBER] [overwrite").or_nothing(),
        .handler = set_initial_value,
        .doc = "At the start the file is made with this number (0) in it when there is none; with "
               "`overwrite` also when there is one.",
    },
    {
        .blocks = Block::root,
        .name = "vrrp_track_process",
        .argument = text("NAME").with_block(Block::vrrp_track_process),
        .handler = read_process,
        .doc = "A program that instances want to be running.",
        .repeats = true,
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "process",
        .argument = words("PROGRAM [PARAMETER...]"),
        .handler = set_process,
        .doc = "Its name, as in /proc/PID/comm, or its path. With parameters the whole command "
               "line is compared.",
        .required = true,
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "param_match",
        .argument = one_of(matches),
        .default_text = "all parameters are the same",
        .handler = set_match,
        .doc = "`initial`: the command line begins with these parameters. `partial`: so does it, "
               "and the last one may go on.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "weight",
        .argument = words("<-254..254> [reverse]"),
        .default_text = "0",
        .handler =
            [](const Context& context, const Value& value) {
                set_weight(*context.process, context, value, weight_max(TrackerKind::process));
            },
        .doc = "As that of a vrrp_script; it succeeds while the quorum is there.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "quorum",
        .argument = number(1, quorum_limit),
        .default_text = "1",
        .handler =
            [](const Context& context, const Value& value) {
                context.process->quorum = {static_cast<std::uint32_t>(value.number), value.where};
            },
        .doc = "How many of these processes there have to be.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "quorum_max",
        .argument = number(0, quorum_limit),
        .default_text = "any number",
        .handler =
            [](const Context& context, const Value& value) {
                context.process->quorum_max = {static_cast<std::uint32_t>(value.number),
                                               value.where};
            },
        .doc = "How many there may be at most.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "delay",
        .argument = seconds(delay_seconds_min, delay_seconds_max),
        .default_text = "none",
        .handler =
            [](const Context& context, const Value& value) {
                context.process->process.fork_delay = value.duration;
                context.process->process.terminate_delay = value.duration;
            },
        .doc = "Sets both `fork_delay` and `terminate_delay`.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "fork_delay",
        .argument = seconds(delay_seconds_min, delay_seconds_max),
        .default_text = "none",
        .handler = [](const Context& context,
                      const Value& value) { context.process->process.fork_delay = value.duration; },
        .doc = "Seconds for which the quorum has to be there before it counts.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "terminate_delay",
        .argument = seconds(delay_seconds_min, delay_seconds_max),
        .default_text = "none",
        .handler =
            [](const Context& context, const Value& value) {
                context.process->process.terminate_delay = value.duration;
            },
        .doc = "Seconds for which the quorum has to be lost before that counts: enough for a "
               "restart.",
    },
    {
        .blocks = Block::vrrp_track_process,
        .name = "full_command",
        .argument = nothing(),
        .handler = [](const Context& context,
                      const Value& /*value*/) { context.process->process.full_command = true; },
        .doc = "Compare with the first word of the command line instead of the name, which the "
               "kernel cuts off after 15 bytes.",
    },
    {
        .blocks = Block::global_defs,
        .name = "process_monitor_rcv_bufs",
        .argument = number(256, 1 << 30),
        .default_text = "1048576",
        .handler =
            [](const Context& context, const Value& value) {
                context.drafts.trackers.process_buffer_bytes = {
                    static_cast<std::uint32_t>(value.number), value.where};
            },
        .doc = "Bytes that the kernel keeps of what it tells about processes and was not read yet. "
               "Should some be lost, a look at /proc makes up for it.",
    },
    {
        .blocks = Block::global_defs,
        .name = "process_monitor_rcv_bufs_force",
        .argument = flag(),
        .default_text = "on",
        .handler = [](const Context& /*context*/, const Value& /*value*/) {},
        .doc = "Not needed: net.core.rmem_max is exceeded whenever that is permitted.",
    },
    {
        .blocks = Block::root,
        .name = "interface_up_down_delays",
        .argument = nothing().with_block(Block::interface_delays),
        .handler = read_interface_delays,
        .doc = "Lines of `INTERFACE DOWN_SECONDS [UP_SECONDS]`: for how long an interface has to "
               "be down, or up, before that counts. One delay is for both.",
        .repeats = true,
    },
};

}  // namespace

std::span<const Keyword> tracking_keywords() {
    return tracking_rows;
}

}  // namespace headgate::config
