// See finish.h: elections and sync groups.
#include "controlplane/config/finish_election.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

namespace headgate::config {
namespace {

void set_preempt_delay(VrrpInstance& instance, const Setting<Duration>& setting, Report& report) {
    if (!setting || setting->value == Duration::zero())
        return;
    const auto useless = [&](std::string_view why, std::string_view hint) {
        report.warning(setting->where, fmt::format("`preempt_delay` has no effect with {}", why),
                       hint);
    };
    if (instance.initial_state == VrrpInitialState::master)
        useless("`state MASTER`",
                "write `state BACKUP` on this router too; the router with the highest priority "
                "still becomes MASTER first");
    else if (instance.priority == owner_priority)
        useless("`priority 255`",
                "write a priority from 1 to 254: 255 is for the owner of the addresses, which "
                "always takes over");
    else if (!instance.preempt)
        useless("`nopreempt`", "remove one of the two");
    else
        instance.election.preempt_delay = setting->value;
}

// The index of the instance; the size when there is none.
std::size_t index_of(const std::string& name, const std::vector<VrrpInstance>& instances) {
    const auto found = std::ranges::find(instances, name, &VrrpInstance::name);
    return static_cast<std::size_t>(found - instances.begin());
}

}  // namespace

void finish_election(VrrpInstance& instance, const ElectionDraft& draft,
                     const ElectionDraft& global, Report& report) {
    Election& election = instance.election;
    set_preempt_delay(instance, draft.preempt_delay, report);
    election.down_timer_adverts = value_or(
        draft.down_timer_adverts, value_or(global.down_timer_adverts, election.down_timer_adverts));
    election.higher_prio_send_advert =
        value_or(draft.higher_prio_send_advert, value_or(global.higher_prio_send_advert, false));
    election.lower_prio_no_advert =
        value_or(draft.lower_prio_no_advert, value_or(global.lower_prio_no_advert, false));
    election.late_takeover_priority =
        value_or(draft.late_takeover_priority, election.late_takeover_priority);
    election.owner_ignore_adverts =
        value_or(draft.owner_ignore_adverts, value_or(global.owner_ignore_adverts, false));
    if (draft.owner_ignore_adverts && draft.owner_ignore_adverts->value &&
        instance.priority != owner_priority)
        report.warning(draft.owner_ignore_adverts->where,
                       "`owner_ignore_adverts` has an effect with `priority 255` only",
                       "remove it: a router that does not own the addresses has to listen");
}

StartupDelay finish_startup(const StartupDraft& draft) {
    return {.after_start = value_or(draft.after_start, Duration{}),
            .after_boot = value_or(draft.after_boot, Duration{})};
}

std::vector<SyncGroup> finish_sync_groups(const std::vector<SyncGroupDraft>& drafts,
                                          const std::vector<VrrpDraft>& instance_drafts,
                                          std::vector<VrrpInstance>& instances, Report& report) {
    std::vector<SyncGroup> groups;
    std::map<std::string, Span> places_by_name;
    for (const SyncGroupDraft& draft : drafts) {
        const auto [taken, is_new] = places_by_name.emplace(draft.name, draft.where);
        if (!is_new) {
            report.error(draft.where, fmt::format("the name {} is taken", quote(draft.name)),
                         fmt::format("the vrrp_sync_group on {} has it; give this one another "
                                     "name, it is left out now",
                                     line_of(taken->second.location(), draft.where)));
            continue;
        }
        SyncGroup group{.name = draft.name,
                        .location = draft.where.location(),
                        .members = {},
                        .tracking_weight = draft.tracking_weight};
        for (const auto& [name, where] : draft.members) {
            const std::size_t index = index_of(name, instances);
            if (index == instances.size()) {
                // One that was left out for its own mistakes has been reported.
                if (std::ranges::find(instance_drafts, name, &VrrpDraft::name) ==
                    instance_drafts.end())
                    report.error(where, fmt::format("there is no vrrp_instance {}", quote(name)),
                                 "write the name of one that there is, or remove this line");
                continue;
            }
            std::string& member_of = instances[index].election.sync_group;
            if (!member_of.empty()) {
                report.error(where,
                             fmt::format("vrrp_instance {} is in vrrp_sync_group {} already",
                                         quote(name), quote(member_of)),
                             "remove this line: an instance is in one group at most, and the "
                             "first one counts");
                continue;
            }
            member_of = group.name;
            group.members.push_back(name);
        }
        if (draft.members.empty() && !draft.mentions.contains("group"))
            report.error(draft.where,
                         fmt::format("vrrp_sync_group {} has no members", quote(draft.name)),
                         "add a `group { ... }` block with the names of its instances");
        else if (draft.members.size() == 1)
            report.warning(draft.members.front().where,
                           fmt::format("vrrp_sync_group {} has a single member", quote(draft.name)),
                           "add another one, or remove the group: there is nothing to keep in "
                           "step");
        if (!group.members.empty())
            groups.push_back(std::move(group));
    }
    return groups;
}

}  // namespace headgate::config
