// See finish_tracking.h.
#include "controlplane/config/finish_tracking.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string_view>

#include <fmt/format.h>

#include "controlplane/config/model_names.h"
#include "controlplane/config/suggest.h"

namespace headgate::config {
namespace {

// The keyword that defines a tracker of the kind.
std::string_view definition_of(TrackerKind kind) {
    switch (kind) {
        case TrackerKind::script:
            return "vrrp_script";
        case TrackerKind::file:
            return "track_file";
        case TrackerKind::process:
            return "vrrp_track_process";
        case TrackerKind::bfd:
            return "bfd_instance";
        case TrackerKind::virtual_server:
            return "virtual_server";
        case TrackerKind::interface:
            break;
    }
    return "interface";
}

bool may_define(TrackerCatalog& catalog, const TrackerId& id, const WeightDraft& weight,
                const Span& where, Trackers& trackers, Report& report) {
    if (catalog.add(id, weight, where)) {
        trackers.weights[id] = {.weight = weight.weight, .reverse = weight.reverse.value_or(false)};
        return true;
    }
    report.error(where, fmt::format("the name {} is taken", quote(id.name)),
                 fmt::format("the {} on {} has it; give this one another name, it is left out now",
                             definition_of(id.kind), line_of(catalog.where(id).location(), where)));
    return false;
}

TrackProcess finish_process(const TrackProcessDraft& draft, Report& report) {
    TrackProcess process = draft.process;
    process.quorum_max = value_or(draft.quorum_max, process.quorum_max);
    process.quorum = value_or(draft.quorum, std::min(process.quorum, process.quorum_max));
    if (process.quorum > process.quorum_max) {
        report.error(draft.quorum_max->where,
                     fmt::format("`quorum_max {}` is less than `quorum {}`", process.quorum_max,
                                 process.quorum),
                     "write a larger one; both numbers are this one now");
        process.quorum = process.quorum_max;
    }
    return process;
}

bool has_owner(const SyncGroup& group, const std::vector<VrrpInstance>& instances) {
    return std::ranges::any_of(instances, [&](const VrrpInstance& instance) {
        return instance.election.sync_group == group.name && instance.priority == owner_priority;
    });
}

// Weights that differ would set the members of a group against each other.
void drop_weights(VrrpInstance& member, const Span& where, Report& report) {
    const auto stays = [](const TrackerUse& use) {
        return use.weight == 0 || use.tracker.kind == TrackerKind::interface;
    };
    for (const TrackerUse& use : member.trackers) {
        if (use.weight == 0)
            continue;
        report.warning(
            where,
            fmt::format("the weight of {} does not count in vrrp_sync_group {}",
                        quote(use.tracker.name), quote(member.election.sync_group)),
            fmt::format(
                "track it in the vrrp_sync_group, or write `sync_group_tracking_weight` "
                "there; now {}",
                stays(use) ? "it has no weight, so its failure is a FAULT" : "it is not tracked"));
    }
    std::erase_if(member.trackers, std::not_fn(stays));
    for (TrackerUse& use : member.trackers)
        use.weight = 0;
}

// An owner's priority does not change, so the others must not run away from it.
void drop_weighted(std::vector<TrackerUse>& shared, const Span& where, Report& report) {
    std::erase_if(shared, [&](const TrackerUse& use) {
        if (use.weight != 0)
            report.warning(where,
                           fmt::format("the weight of {} does not change the `priority 255` of a "
                                       "member",
                                       quote(use.tracker.name)),
                           "write priorities from 1 to 254, or `weight 0` for a FAULT; now it is "
                           "not tracked");
        return use.weight != 0;
    });
}

}  // namespace

bool TrackerCatalog::add(const TrackerId& id, const WeightDraft& weight, const Span& where) {
    return entries_.emplace(id, Entry{.weight = weight, .where = where}).second;
}

std::vector<TrackerUse> TrackerCatalog::resolve(const std::vector<TrackerUseDraft>& uses,
                                                Report& report) const {
    std::vector<TrackerUse> resolved;
    for (const TrackerUseDraft& draft : uses) {
        TrackerUse use{.tracker = draft.tracker};
        if (!find(use, draft, report))
            continue;
        if (draft.weight) {
            use.weight = draft.weight->weight;
            use.reverse = draft.weight->reverse.value_or(use.reverse);
        }
        if (std::ranges::find(resolved, use.tracker, &TrackerUse::tracker) != resolved.end())
            report.warning(draft.where,
                           fmt::format("{} is tracked here already", quote(use.tracker.name)),
                           "remove this line; the first one counts");
        else
            resolved.push_back(std::move(use));
    }
    return resolved;
}

bool TrackerCatalog::find(TrackerUse& use, const TrackerUseDraft& draft, Report& report) const {
    if (draft.tracker.kind == TrackerKind::interface)
        return true;
    if (draft.tracker.kind == TrackerKind::virtual_server)
        return find_server(use, draft, report);
    const auto entry = entries_.find(draft.tracker);
    if (entry != entries_.end()) {
        use.weight = entry->second.weight.weight;
        use.reverse = entry->second.weight.reverse.value_or(false);
        return true;
    }
    if (!broken_.contains(draft.tracker))
        report_unknown(draft, report);
    return false;
}

bool TrackerCatalog::find_server(TrackerUse& use, const TrackerUseDraft& draft,
                                 Report& report) const {
    std::vector<std::string> names;
    for (const VirtualServer& server : servers_) {
        const bool same_protocol =
            draft.protocol.empty() || draft.protocol == to_word(server.protocol);
        const bool same_packets = draft.fwmark != 0 ? server.fwmark == draft.fwmark
                                                    : server.endpoint == draft.endpoint &&
                                                          server.fwmark == 0 && same_protocol;
        if (same_packets)
            names.push_back(name_of(server));
    }
    if (names.size() == 1) {
        use.tracker.name = names.front();
        return true;
    }
    const std::string asked =
        draft.fwmark != 0
            ? fmt::format("fwmark {}", draft.fwmark)
            : fmt::format("{} {}", draft.endpoint.address.to_string(), draft.endpoint.port);
    if (names.empty())
        report.error(draft.where,
                     fmt::format("there is no virtual_server {}{}", asked,
                                 draft.protocol.empty() ? "" : " with " + draft.protocol),
                     "name one of this configuration; this line is ignored");
    else
        report.error(draft.where, fmt::format("there are several virtual servers {}", asked),
                     draft.fwmark != 0 ? "a mark that both families have cannot be tracked; this "
                                         "line is ignored"
                                       : "write tcp, udp or sctp behind the port; this line is "
                                         "ignored");
    return false;
}

void TrackerCatalog::report_unknown(const TrackerUseDraft& draft, Report& report) const {
    const std::string_view keyword = definition_of(draft.tracker.kind);
    std::vector<std::string_view> names;
    for (const auto& [id, entry] : entries_) {
        if (id.kind == draft.tracker.kind)
            names.push_back(id.name);
    }
    const std::string_view meant = nearest(draft.tracker.name, names);
    report.error(draft.where, fmt::format("there is no {} {}", keyword, quote(draft.tracker.name)),
                 meant.empty() ? fmt::format("add `{} {} {{ ... }}`; this line is ignored", keyword,
                                             draft.tracker.name)
                               : fmt::format("did you mean `{}`? This line is ignored", meant));
}

Trackers finish_trackers(const TrackersDraft& drafts, TrackerCatalog& catalog, Report& report) {
    Trackers trackers;
    trackers.script_rules = drafts.script_rules;
    trackers.process_buffer_bytes =
        value_or(drafts.process_buffer_bytes, trackers.process_buffer_bytes);
    for (const TrackScriptDraft& draft : drafts.scripts) {
        TrackScript script = draft.script;
        script.timeout = value_or(draft.timeout, script.interval);
        if (may_define(catalog, {TrackerKind::script, script.name}, draft.weight, draft.where,
                       trackers, report))
            trackers.scripts.push_back(std::move(script));
    }
    for (const TrackFileDraft& draft : drafts.files) {
        if (may_define(catalog, {TrackerKind::file, draft.file.name}, draft.weight, draft.where,
                       trackers, report))
            trackers.files.push_back(draft.file);
    }
    for (const TrackProcessDraft& draft : drafts.processes) {
        TrackProcess process = finish_process(draft, report);
        if (may_define(catalog, {TrackerKind::process, process.name}, draft.weight, draft.where,
                       trackers, report))
            trackers.processes.push_back(std::move(process));
    }
    return trackers;
}

void finish_group_trackers(const Drafts& drafts, const TrackerCatalog& catalog, Vrrp& vrrp,
                           Report& report) {
    for (const SyncGroup& group : vrrp.sync_groups) {
        const auto draft = std::ranges::find(drafts.sync_groups, group.name, &SyncGroupDraft::name);
        std::vector<TrackerUse> shared = catalog.resolve(draft->trackers, report);
        if (has_owner(group, vrrp.instances))
            drop_weighted(shared, draft->where, report);
        for (VrrpInstance& member : vrrp.instances) {
            if (member.election.sync_group != group.name)
                continue;
            const auto place = std::ranges::find(drafts.instances, member.name, &VrrpDraft::name);
            if (!group.tracking_weight)
                drop_weights(member, place->where, report);
            // A line of the instance itself is the more exact one.
            std::ranges::copy_if(shared, std::back_inserter(member.trackers),
                                 [own = member.trackers](const TrackerUse& use) {
                                     return std::ranges::find(own, use.tracker,
                                                              &TrackerUse::tracker) == own.end();
                                 });
        }
    }
}

std::vector<InterfaceDelay> finish_interface_delays(const TrackersDraft& drafts,
                                                    const std::vector<VrrpInstance>& instances,
                                                    Report& report) {
    std::map<std::string, InterfaceDelay> by_interface;
    for (const auto& [line, where] : drafts.interface_delays) {
        InterfaceDelay& delay = by_interface[line.interface] = line;
        for (const VrrpInstance& instance : instances) {
            const Duration limit =
                (instance.election.down_timer_adverts - 1) * instance.advert_interval;
            if (base_interface(instance) != delay.interface || delay.down <= limit)
                continue;
            delay.down = limit;
            report.warning(
                where,
                fmt::format("vrrp_instance {} would be silent for so long that a backup takes over "
                            "before the delay has passed",
                            quote(instance.name)),
                fmt::format("write {:.6g} seconds at most, which is used now: one advert less than "
                            "`down_timer_adverts`",
                            std::chrono::duration<double>(limit).count()));
        }
    }
    std::vector<InterfaceDelay> delays;
    delays.reserve(by_interface.size());
    for (auto& [interface, delay] : by_interface)
        delays.push_back(std::move(delay));
    return delays;
}

}  // namespace headgate::config
