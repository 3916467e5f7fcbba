// See finish.h: what instances hold beside their virtual addresses, and static entries.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "controlplane/config/finish.h"

namespace headgate::config {
namespace {

// Where keepalived begins to place rules that have no preference, downwards.
constexpr std::uint32_t preference_first = 16384;

bool holds(const std::vector<VirtualAddress>& addresses, const VirtualAddress& address) {
    return std::ranges::any_of(addresses, [&](const VirtualAddress& other) {
        return other.prefix.address == address.prefix.address &&
               other.interface == address.interface;
    });
}

// Instances of `names` that exist.
std::vector<std::string> known_of(const std::vector<Located<std::string>>& names,
                                  const std::vector<VrrpInstance>& instances, Report& report) {
    std::vector<std::string> known;
    for (const auto& [name, where] : names) {
        if (std::ranges::find(instances, name, &VrrpInstance::name) != instances.end())
            known.push_back(name);
        else
            report.error(where, fmt::format("there is no vrrp_instance {}", quote(name)),
                         "write the name of one; this is left out");
    }
    return known;
}

template <typename Entry>
void take(std::vector<Located<Entry>>& drafts, StaticEntries& statics, std::vector<Entry>& entries,
          Report& report) {
    for (auto& [entry, where] : drafts) {
        if (!entry.track_group.empty() && !statics.track_groups.contains(entry.track_group)) {
            report.error(
                where, fmt::format("there is no track_group {}", quote(entry.track_group)),
                "write `track_group NAME { group { INSTANCE ... } }`; nobody goes to FAULT "
                "for this entry now");
            entry.track_group.clear();
        }
        entries.push_back(std::move(entry));
    }
}

}  // namespace

// One after the other from 16384 down. Every rule needs a place of its own, since rules come and go
// with the states of instances.
void place_rules(Drafts& drafts, Report& report) {
    std::uint32_t next = preference_first;
    const auto place = [&](std::vector<Located<Rule>>& rules) {
        for (auto& [rule, where] : rules) {
            if (rule.preference != 0)
                continue;
            rule.preference = next--;
            report.warning(where, "this rule has no preference",
                           fmt::format("write `preference {}`, which is used now, or another that "
                                       "puts it where you want it",
                                       rule.preference));
        }
    };
    place(drafts.statics.rules);
    for (VrrpDraft& instance : drafts.instances)
        place(instance.rules);
}

void finish_held(VrrpDraft& draft, VrrpInstance& instance, Report& report) {
    for (auto& [address, where] : draft.excluded_addresses) {
        set_interface(address, instance);
        if (holds(instance.virtual_addresses, address) ||
            holds(instance.excluded_addresses, address))
            report.warning(
                where,
                fmt::format("{} is in this instance already", address.prefix.address.to_string()),
                "remove this line; the first one counts");
        else
            instance.excluded_addresses.push_back(std::move(address));
    }
    instance.promote_secondaries = draft.promote_secondaries;
    for (auto& [route, where] : draft.routes)
        instance.routes.push_back(std::move(route));
    for (auto& [rule, where] : draft.rules)
        instance.rules.push_back(std::move(rule));
}

StaticEntries finish_statics(StaticDraft draft, const std::vector<VrrpInstance>& instances,
                             Report& report) {
    StaticEntries statics;
    for (const auto& [name, members] : draft.track_groups)
        statics.track_groups.emplace(name, known_of(members, instances, report));
    const std::string default_interface = value_or(draft.default_interface, std::string("eth0"));
    for (auto& [address, where] : draft.addresses) {
        if (address.interface.empty())
            address.interface = default_interface;
    }
    take(draft.addresses, statics, statics.addresses, report);
    take(draft.routes, statics, statics.routes, report);
    take(draft.rules, statics, statics.rules, report);
    return statics;
}

}  // namespace headgate::config
