#include "controlplane/dump/data_tracking.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>
#include <boost/algorithm/string/join.hpp>

#include "controlplane/dump/words.h"

namespace headgate::dump {

namespace {

// In keepalived's order. It has no virtual servers, so those are as files are.
struct TrackerWords {
    std::string_view keyword;
    std::string_view title;
    std::string_view separator;  // between a name and its weight
};

constexpr TrackerWords kinds[] = {
    {"track_interface", "Tracked interfaces", " "},
    {"track_script", "Tracked scripts", " "},
    {"track_file", "Tracked files", ", "},
    {"track_process", "Tracked processes", ", "},
    {"track_bfd", "Tracked BFDs", ", "},
    {"track_virtual_server", "Tracked virtual servers", ", "},
};

std::string weight_words(const vrrp::TrackerStatus& tracker) {
    return fmt::format("weight {}{}", tracker.weight, tracker.reverse ? " reverse" : "");
}

struct Use {
    const vrrp::InstanceStatus* instance;
    const vrrp::TrackerStatus* tracker;
};

std::vector<Use> uses_of(std::string_view keyword, const std::string& name,
                         const std::vector<vrrp::InstanceStatus>& instances) {
    std::vector<Use> uses;
    for (const vrrp::InstanceStatus& instance : instances) {
        for (const vrrp::TrackerStatus& tracker : instance.trackers) {
            if (tracker.kind == keyword && tracker.name == name)
                uses.push_back({&instance, &tracker});
        }
    }
    return uses;
}

std::string user_lines(const std::vector<Use>& uses) {
    std::string text = "   Tracking instances :\n";
    for (const Use& use : uses)
        text += fmt::format("     {}, {}\n", use.instance->name, weight_words(*use.tracker));
    return text;
}

std::string_view verdict_words(const vrrp::TrackerStatus& tracker) {
    if (tracker.state == "up")
        return "GOOD";
    if (tracker.state == "down")
        return "BAD";
    return tracker.state == "disabled" ? "DISABLED" : "INIT";
}

// Everything about the trackers that are in use.
struct Known {
    const config::Trackers& trackers;
    const std::vector<vrrp::InstanceStatus>& instances;
    const track::Activity& activity;

    [[nodiscard]] std::string weight_of(config::TrackerKind kind, const std::string& name) const {
        const auto found = trackers.weights.find({kind, name});
        if (found == trackers.weights.end())
            return "0";
        const auto& [weight, reverse] = found->second;
        return fmt::format("{}{}", weight, reverse ? " reverse" : "");
    }
};

std::string_view state_words(track::ScriptActivity::State state) {
    using State = track::ScriptActivity::State;
    if (state == State::idle)
        return "idle";
    return state == State::running ? "running" : "requested termination";
}

std::string script_text(const config::TrackScript& script, const std::vector<Use>& uses,
                        const Known& known) {
    const auto activity = known.activity.scripts.find(script.name);
    const track::ScriptActivity now =
        activity == known.activity.scripts.end() ? track::ScriptActivity{} : activity->second;
    return fmt::format(
               " VRRP Script = {}\n"
               "   Command = {}\n"
               "   Interval = {:g} sec\n"
               "   Timeout = {:g} sec\n"
               "   Weight = {}\n"
               "   Rise = {}\n"
               "   Fall = {}\n"
               "   Result = {}\n"
               "   Status = {}\n",
               script.name, command_words(script.command), to_seconds(script.interval),
               to_seconds(script.timeout),
               known.weight_of(config::TrackerKind::script, script.name), script.rise, script.fall,
               now.result, verdict_words(*uses.front().tracker)) +
           user_lines(uses) + fmt::format("   State = {}\n", state_words(now.state));
}

std::string file_text(const config::TrackFile& file, const std::vector<Use>& uses,
                      const Known& known) {
    return fmt::format(
               " Track file = {}\n"
               "   File = {}\n"
               "   Status = {}\n"
               "   Weight = {}\n",
               file.name, file.path, uses.front().tracker->state,
               known.weight_of(config::TrackerKind::file, file.name)) +
           user_lines(uses);
}

std::string process_text(const config::TrackProcess& process, const std::vector<Use>& uses,
                         const Known& known) {
    const auto activity = known.activity.processes.find(process.name);
    const track::ProcessActivity now =
        activity == known.activity.processes.end() ? track::ProcessActivity{} : activity->second;
    std::string text =
        fmt::format(" VRRP Track process = {}\n   Process = {}\n", process.name, process.program);
    if (!process.parameters.empty())
        text +=
            fmt::format("   Parameters = {}\n", boost::algorithm::join(process.parameters, " "));
    if (process.compare_parameters)
        text += fmt::format("   Param match = {}\n", match_words(process));
    text += fmt::format("   Min processes = {}\n", process.quorum);
    if (has_maximum(process))
        text += fmt::format("   Max processes = {}\n", process.quorum_max);
    return text +
           fmt::format(
               "   Current processes = {}\n"
               "   Have quorum = {}\n"
               "   Weight = {}\n"
               "   Terminate delay = {:.6f}s\n"
               "   Fork delay = {:.6f}s\n"
               "   Fork delay timer {}running\n"
               "   Terminate delay timer {}running\n"
               "   Full command = {}\n",
               now.num_processes, now.has_quorum,
               known.weight_of(config::TrackerKind::process, process.name),
               to_seconds(process.terminate_delay), to_seconds(process.fork_delay),
               now.may_rise ? "" : "not ", now.may_fall ? "" : "not ", process.full_command) +
           user_lines(uses);
}

std::string with_title(std::string_view title, const std::string& text) {
    return text.empty() ? "" : fmt::format("------< {} >------\n{}", title, text);
}

// A section of all definitions that are in use.
template <typename Definition, typename Text>
std::string section(std::string_view title, std::string_view keyword,
                    const std::vector<Definition>& definitions, const Known& known, Text text_of) {
    std::string text;
    for (const Definition& definition : definitions) {
        const auto uses = uses_of(keyword, definition.name, known.instances);
        if (!uses.empty())
            text += text_of(definition, uses, known);
    }
    return with_title(title, text);
}

}  // namespace

std::string tracker_lists(const vrrp::InstanceStatus& instance) {
    std::string text;
    for (const TrackerWords& kind : kinds) {
        std::string lines;
        for (const vrrp::TrackerStatus& tracker : instance.trackers) {
            if (tracker.kind == kind.keyword)
                lines += fmt::format("     {}{}{}\n", tracker.name, kind.separator,
                                     weight_words(tracker));
        }
        if (!lines.empty())
            text += fmt::format("   {} :\n{}", kind.title, lines);
    }
    return text;
}

std::string render_sync_groups(const std::vector<config::SyncGroup>& groups,
                               const std::vector<vrrp::InstanceStatus>& instances) {
    std::string text;
    for (const config::SyncGroup& group : groups) {
        const auto member = std::ranges::find_if(instances, [&](const auto& instance) {
            return instance.sync_group && instance.sync_group->name == group.name;
        });
        if (member == instances.end())
            continue;
        text += fmt::format(" VRRP Sync Group = {}, {}\n   VRRP member instances :\n", group.name,
                            vrrp::to_string(member->sync_group->state));
        for (const std::string& name : group.members)
            text += fmt::format("     {}\n", name);
        if (group.tracking_weight)
            text += "   sync group tracking weight set\n";
        text += "   Using smtp notification = no\n";
    }
    return with_title("VRRP Sync groups", text);
}

std::string render_trackers(const config::Trackers& trackers,
                            const std::vector<vrrp::InstanceStatus>& instances,
                            const track::Activity& activity) {
    const Known known{.trackers = trackers, .instances = instances, .activity = activity};
    return section("VRRP Scripts", "track_script", trackers.scripts, known, script_text) +
           section("VRRP Track files", "track_file", trackers.files, known, file_text) +
           section("VRRP Track processes", "track_process", trackers.processes, known,
                   process_text);
}

}  // namespace headgate::dump
