#include "controlplane/dump/data_tracking.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "controlplane/dump/words.h"

namespace headgate::dump {

namespace {

// In keepalived's order. It has no processes and no virtual servers in 2.2.7, so those are as files
// are.
struct Kind {
    std::string_view keyword;
    std::string_view title;
    std::string_view separator;  // between a name and its weight
};

constexpr Kind kinds[] = {
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

double seconds_of(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string script_text(const config::TrackScript& script, const std::vector<Use>& uses) {
    return fmt::format(
               " VRRP Script = {}\n"
               "   Command = {}\n"
               "   Interval = {:g} sec\n"
               "   Timeout = {:g} sec\n"
               "   Rise = {}\n"
               "   Fall = {}\n"
               "   Status = {}\n",
               script.name, command_words(script.command), seconds_of(script.interval),
               seconds_of(script.timeout), script.rise, script.fall,
               verdict_words(*uses.front().tracker)) +
           user_lines(uses);
}

std::string file_text(const config::TrackFile& file, const std::vector<Use>& uses) {
    return fmt::format(
               " Track file = {}\n"
               "   File = {}\n"
               "   Status = {}\n",
               file.name, file.path, uses.front().tracker->state) +
           user_lines(uses);
}

std::string with_title(std::string_view title, const std::string& text) {
    return text.empty() ? "" : fmt::format("------< {} >------\n{}", title, text);
}

}  // namespace

std::string tracker_lists(const vrrp::InstanceStatus& instance) {
    std::string text;
    for (const Kind& kind : kinds) {
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
                            const std::vector<vrrp::InstanceStatus>& instances) {
    std::string scripts;
    for (const config::TrackScript& script : trackers.scripts) {
        if (const auto uses = uses_of("track_script", script.name, instances); !uses.empty())
            scripts += script_text(script, uses);
    }
    std::string files;
    for (const config::TrackFile& file : trackers.files) {
        if (const auto uses = uses_of("track_file", file.name, instances); !uses.empty())
            files += file_text(file, uses);
    }
    return with_title("VRRP Scripts", scripts) + with_title("VRRP Track files", files);
}

}  // namespace headgate::dump
