#include "controlplane/track/trackers.h"

#include <utility>
#include <vector>

namespace headgate::track {

namespace {

template <typename Definition>
std::vector<Definition> used_of(const std::vector<Definition>& definitions,
                                config::TrackerKind kind, const std::set<config::TrackerId>& used) {
    std::vector<Definition> chosen;
    for (const Definition& definition : definitions) {
        if (used.contains({kind, definition.name}))
            chosen.push_back(definition);
    }
    return chosen;
}

}  // namespace

Trackers::Trackers(boost::asio::io_context& context, Report report)
    : context_(context),
      report_(std::move(report)),
      files_(context, report_),
      processes_(context, report_) {}

void Trackers::configure(const config::Trackers& trackers,
                         const std::set<config::TrackerId>& used) {
    using config::TrackerKind;
    std::map<std::string, std::unique_ptr<ScriptTracker>> before = std::exchange(scripts_, {});
    for (config::TrackScript& script : used_of(trackers.scripts, TrackerKind::script, used)) {
        std::string name = script.name;
        if (auto known = before.extract(name)) {
            known.mapped()->reconfigure(std::move(script), trackers.script_rules);
            scripts_.insert(std::move(known));
        } else {
            scripts_.emplace(std::move(name),
                             std::make_unique<ScriptTracker>(context_, std::move(script),
                                                             trackers.script_rules, report_));
        }
    }
    files_.configure(used_of(trackers.files, TrackerKind::file, used));
    processes_.configure(used_of(trackers.processes, TrackerKind::process, used),
                         trackers.process_buffer_bytes);
}

Activity Trackers::activity() const {
    Activity activity{.scripts = {}, .processes = processes_.activity()};
    for (const auto& [name, script] : scripts_)
        activity.scripts[name] = script->activity();
    return activity;
}

}  // namespace headgate::track
