// See finish.h: announcing.
#include <map>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

AnnounceLimit finish_limit(const AnnounceLimitDraft& draft) {
    return {.garp = value_or(draft.garp, Duration::zero()),
            .na = value_or(draft.na, Duration::zero())};
}

bool is_usable(const GarpGroupDraft& draft, Report& report) {
    const bool says_limit =
        draft.mentions.contains("garp_interval") || draft.mentions.contains("gna_interval");
    if (!draft.limit.garp && !draft.limit.na) {
        if (!says_limit)
            report.error(draft.where, "this garp_group has no limit; it is ignored",
                         "add `garp_interval SECONDS` or `gna_interval SECONDS`");
        return false;
    }
    if (draft.mentions.contains("interface") && draft.mentions.contains("interfaces")) {
        report.error(draft.where, "this garp_group has both `interface` and `interfaces`",
                     "write `interfaces { ... }` with all of them; they share the limit now");
    } else if (draft.interfaces.empty() && !draft.mentions.contains("interface") &&
               !draft.mentions.contains("interfaces")) {
        report.error(draft.where, "this garp_group has no interface; it is ignored",
                     "add `interface NAME` or `interfaces { ... }`");
    }
    return !draft.interfaces.empty();
}

}  // namespace

Announcing finish_announcing(const AnnounceDraft& draft, const GlobalDraft& global) {
    const AnnounceDraft& common = global.announce;
    // vrrp_min_garp is a set of defaults.
    const Announcing defaults =
        global.min_garp ? Announcing{.repeat = 1, .delay = std::chrono::seconds(0)} : Announcing{};
    const auto repeat = value_or(common.repeat, defaults.repeat);
    const auto delay = value_or(common.delay, defaults.delay);
    const ExtraInterfaces extra = value_or(draft.extra, value_or(common.extra, {}));
    return {
        .repeat = value_or(draft.repeat, repeat),
        .delay = value_or(draft.delay, delay),
        .refresh = value_or(draft.refresh, value_or(common.refresh, defaults.refresh)),
        .refresh_repeat = value_or(draft.refresh_repeat,
                                   value_or(common.refresh_repeat, defaults.refresh_repeat)),
        // As in keepalived, from what is said for a new MASTER in global_defs, not here.
        .lower_priority_repeat =
            value_or(draft.lower_priority_repeat, value_or(common.lower_priority_repeat, repeat)),
        .lower_priority_delay =
            value_or(draft.lower_priority_delay, value_or(common.lower_priority_delay, delay)),
        .extra_interval = extra.interval,
        .extra_everywhere = extra.everywhere,
    };
}

AnnounceLimits finish_announce_limits(const std::vector<GarpGroupDraft>& groups,
                                      const GlobalDraft& global, Report& report) {
    AnnounceLimits limits;
    limits.others = finish_limit(global.announce_limit);
    std::map<std::string, Span> places_by_interface;
    for (const GarpGroupDraft& draft : groups) {
        if (!is_usable(draft, report))
            continue;
        AnnounceLimits::Group group;
        group.limit = finish_limit(draft.limit);
        for (const auto& [name, where] : draft.interfaces) {
            const auto [first, is_new] = places_by_interface.emplace(name, where);
            if (is_new)
                group.interfaces.push_back(name);
            else
                report.error(where,
                             fmt::format("interface {} is in a garp_group already", quote(name)),
                             fmt::format("remove it here or on {}, which counts now",
                                         line_of(first->second.location(), where)));
        }
        if (!group.interfaces.empty())
            limits.groups.push_back(std::move(group));
    }
    return limits;
}

}  // namespace headgate::config
