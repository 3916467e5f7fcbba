#include "controlplane/cli/render_vrrp.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <boost/algorithm/string/join.hpp>

#include "controlplane/cli/text_table.h"

namespace headgate::cli {

namespace {

std::string seconds_words(std::uint32_t milliseconds) {
    return fmt::format("{:.2f}s", milliseconds / 1000.0);
}

std::string ago(std::int64_t then_unix_ms, const RenderOptions& options) {
    return then_unix_ms == 0 ? "never"
                             : duration_words(options.now_unix_ms - then_unix_ms) + " ago";
}

// Only those that are not zero, one per line.
std::string counts_lines(const char* title,
                         const google::protobuf::RepeatedPtrField<api::NamedCount>& counts) {
    std::string text;
    for (const api::NamedCount& count : counts) {
        if (count.count() > 0)
            text += fmt::format("    {}: {}\n", count.name(), count.count());
    }
    return text.empty() ? fmt::format("  {}: none\n", title)
                        : fmt::format("  {}:\n{}", title, text);
}

std::string transition_line(const api::VrrpTransition& transition, const RenderOptions& options) {
    return fmt::format("{:>7} ago  {} -> {}: {}",
                       duration_words(options.now_unix_ms - transition.unix_ms()),
                       transition.from(), transition.to(), transition.reason());
}

std::string group_line(const api::VrrpStatus& instance, const RenderOptions& options) {
    if (!instance.has_sync_group())
        return "";
    const api::SyncGroupStatus& group = instance.sync_group();
    return fmt::format("  sync group {} ({}): {} for {}, MASTER {} times\n", group.name(),
                       boost::algorithm::join(group.members(), ", "), group.state(),
                       duration_words(options.now_unix_ms - group.last_transition_unix_ms()),
                       group.became_master());
}

std::string tracker_lines(const api::VrrpStatus& instance) {
    std::string text;
    for (const api::TrackerStatus& tracker : instance.trackers()) {
        text += fmt::format("    {} {}: {}", tracker.kind(), tracker.name(), tracker.state());
        if (!tracker.detail().empty())
            text += fmt::format(" ({})", tracker.detail());
        if (tracker.faults())
            text += ", FAULT\n";
        else if (tracker.faults_up() || tracker.faults_down())
            text += fmt::format(", FAULT while it is {}\n", tracker.faults_up() ? "up" : "down");
        else
            text += fmt::format(", {:+} to the priority\n", tracker.contribution());
    }
    return text.empty() ? "" : "  tracks:\n" + text;
}

// "VI_1, VI_2, VI_3 and 252 more"
std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t names_shown_max = 3;
    const std::size_t shown = std::min(names.size(), names_shown_max);
    std::string text = boost::algorithm::join(
        std::vector<std::string>(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(shown)),
        ", ");
    if (shown < names.size())
        text += fmt::format(" and {} more", names.size() - shown);
    return text;
}

// One line of the table of trackers: what it does now, and to whom.
struct TrackerRow {
    const api::TrackerStatus* tracker;
    std::vector<std::pair<std::string, std::vector<std::string>>> instances_by_effect{};

    void add(const std::string& instance, const api::TrackerStatus& use) {
        const std::string effect = use.faults() ? "FAULT"
                                   : use.contribution() != 0
                                       ? fmt::format("{:+}", use.contribution())
                                       : "none";
        auto found = std::ranges::find(instances_by_effect, effect,
                                       [](const auto& entry) { return entry.first; });
        if (found == instances_by_effect.end())
            found = instances_by_effect.insert(found, {effect, {}});
        found->second.push_back(instance);
    }

    [[nodiscard]] std::string effects() const {
        std::string text;
        for (const auto& [effect, instances] : instances_by_effect)
            text += fmt::format("{}{} {}", text.empty() ? "" : "; ", some_of(instances), effect);
        return text;
    }
};

std::string milliseconds_words(std::int64_t microseconds) {
    return fmt::format("{:.4g}ms", static_cast<double>(microseconds) / 1000);
}

// "lateness of 1240 adverts: up to 0.1ms 1200, 1ms 39, 10ms 1; worst 2.31ms"
std::string lateness_line(const api::AdvertLateness& lateness) {
    if (lateness.adverts() == 0)
        return "";
    std::string counts;
    for (const api::AdvertLateness::Bucket& bucket : lateness.buckets()) {
        if (bucket.adverts() == 0)
            continue;
        counts += counts.empty() ? "" : ", ";
        counts += bucket.up_to_us() < 0
                      ? fmt::format("more {}", bucket.adverts())
                      : fmt::format("up to {} {}", milliseconds_words(bucket.up_to_us()),
                                    bucket.adverts());
    }
    return fmt::format("  lateness of {} adverts: {}; worst {}\n", lateness.adverts(), counts,
                       milliseconds_words(static_cast<std::int64_t>(lateness.worst_us())));
}

std::string advert_lines(const api::VrrpStatus& instance, const RenderOptions& options) {
    std::string text =
        fmt::format("  adverts: {} sent, {} received, priority 0 {} sent, {} received\n",
                    instance.adverts_sent(), instance.adverts_received(),
                    instance.priority_zero_sent(), instance.priority_zero_received());
    text += lateness_line(instance.advert_lateness());
    if (instance.last_heard().unix_ms() != 0)
        text += fmt::format("  last heard: {} with priority {}, {}\n",
                            instance.last_heard().source(), instance.last_heard().priority(),
                            ago(instance.last_heard().unix_ms(), options));
    text += counts_lines("adverts refused or noted", instance.advert_errors());
    if (instance.last_refused().unix_ms() != 0)
        text += fmt::format("  last refused: from {}, {}: {}\n", instance.last_refused().source(),
                            ago(instance.last_refused().unix_ms(), options),
                            instance.last_refused().detail());
    return text;
}

}  // namespace

std::string render_vrrp_table(const api::Status& status, const RenderOptions& options) {
    TextTable table;
    table.add({"NAME", "STATE", "SINCE", "PRIORITY", "MASTER", "INTERFACE", "VRID", "V", "ADVERTS",
               "LAST HEARD", "TAKEOVER", "SENT", "RECEIVED", "REFUSED", "MASTERY"});
    for (const api::VrrpStatus& instance : status.vrrp()) {
        table.add({instance.name(),
                   {instance.state(), paint_of(instance.state())},
                   duration_words(options.now_unix_ms - instance.last_transition_unix_ms()),
                   priority_words(instance),
                   master_words(instance),
                   instance.interface(),
                   fmt::format("{}", instance.virtual_router_id()),
                   fmt::format("{}", instance.version()),
                   seconds_words(instance.advert_interval_ms()),
                   ago(instance.last_heard().unix_ms(), options),
                   seconds_words(instance.master_down_interval_ms()),
                   count_words(instance.adverts_sent()),
                   count_words(instance.adverts_received()),
                   count_words(instance.adverts_refused()),
                   fmt::format("{}/{}", instance.became_master(), instance.released_master())});
    }
    return table.render("", options.colour);
}

std::string render_sync_groups(const api::Status& status, const RenderOptions& options) {
    TextTable table;
    table.add({"SYNC GROUP", "STATE", "SINCE", "MEMBERS", "WHY"});
    std::set<std::string> seen;
    for (const api::VrrpStatus& instance : status.vrrp()) {
        const api::SyncGroupStatus& group = instance.sync_group();
        if (!instance.has_sync_group() || !seen.insert(group.name()).second)
            continue;
        table.add({group.name(),
                   {group.state(), paint_of(group.state())},
                   duration_words(options.now_unix_ms - group.last_transition_unix_ms()),
                   some_of({group.members().begin(), group.members().end()}),
                   group.reason()});
    }
    return seen.empty() ? "" : table.render("", options.colour);
}

std::string render_trackers(const api::Status& status, const RenderOptions& options) {
    std::vector<TrackerRow> rows;
    std::map<std::pair<std::string, std::string>, std::size_t> places;
    for (const api::VrrpStatus& instance : status.vrrp()) {
        for (const api::TrackerStatus& tracker : instance.trackers()) {
            const auto [place, is_new] =
                places.emplace(std::pair(tracker.kind(), tracker.name()), rows.size());
            if (is_new)
                rows.push_back({.tracker = &tracker});
            rows[place->second].add(instance.name(), tracker);
        }
    }
    if (rows.empty())
        return "";
    TextTable table;
    table.add({"TRACKER", "STATE", "EFFECT", "DETAIL"});
    for (const TrackerRow& row : rows) {
        const api::TrackerStatus& tracker = *row.tracker;
        table.add({fmt::format("{} {}", tracker.kind(), tracker.name()),
                   {tracker.state(), paint_of(tracker.state())},
                   row.effects(),
                   tracker.detail()});
    }
    return table.render("", options.colour);
}

std::string render_vrrp_instance(const api::VrrpStatus& instance, const RenderOptions& options) {
    std::string text =
        fmt::format("{} is {} for {}: {}\n", instance.name(),
                    painted(instance.state(), paint_of(instance.state()), options.colour),
                    duration_words(options.now_unix_ms - instance.last_transition_unix_ms()),
                    instance.reason());
    text += fmt::format("  VRRP version {}, virtual_router_id {} on {}, from {}\n",
                        instance.version(), instance.virtual_router_id(), instance.interface(),
                        instance.own_address().empty() ? "no address" : instance.own_address());
    text += fmt::format("  priority {}, master {}, {}\n", priority_words(instance),
                        master_words(instance), instance.preempt() ? "preempts" : "nopreempt");
    text += group_line(instance, options);
    text +=
        fmt::format("  an advert every {}, skew {}, takeover after {} silence\n",
                    seconds_words(instance.advert_interval_ms()), seconds_words(instance.skew_ms()),
                    seconds_words(instance.master_down_interval_ms()));
    for (const api::VipStatus& vip : instance.vips())
        text += fmt::format("  {} on {}: {}\n", vip.address(), vip.interface(),
                            vip.present() ? "here" : "not here");
    text += tracker_lines(instance);
    text += advert_lines(instance, options);
    text +=
        fmt::format("  became MASTER {} times, ceased {} times; VIPs put back {} times\n",
                    instance.became_master(), instance.released_master(), instance.vips_restored());
    text += counts_lines("events", instance.events());
    if (!instance.transitions().empty())
        text += "  last transitions:\n";
    for (const api::VrrpTransition& transition : instance.transitions())
        text += "    " + transition_line(transition, options) + '\n';
    return text;
}

std::string render_transitions(const api::Status& status, std::size_t lines_max,
                               const RenderOptions& options) {
    std::vector<std::pair<const api::VrrpStatus*, const api::VrrpTransition*>> newest;
    for (const api::VrrpStatus& instance : status.vrrp()) {
        for (const api::VrrpTransition& transition : instance.transitions()) {
            if (transition.from() != "INIT")
                newest.emplace_back(&instance, &transition);
        }
    }
    std::ranges::stable_sort(newest, std::greater<>{},
                             [](const auto& entry) { return entry.second->unix_ms(); });
    newest.resize(std::min(newest.size(), lines_max));
    std::string text;
    for (const auto& [instance, transition] : newest)
        text += fmt::format("{} {}\n", instance->name(), transition_line(*transition, options));
    return text;
}

std::string render_why(const api::Why& why, const RenderOptions& options) {
    std::string text = why.summary() + '\n';
    for (const std::string& problem : why.problems())
        text += painted("!", Paint::warn, options.colour) + ' ' + problem + '\n';
    for (const std::string& fact : why.facts())
        text += "  " + fact + '\n';
    for (const api::Consequence& next : why.next())
        text += fmt::format("  {}: {}\n", next.condition(), next.consequence());
    return text;
}

std::string render_failover_outlook(const api::VrrpStatus& instance, const RenderOptions& options) {
    const api::HeardAdvert& heard = instance.last_heard();
    if (heard.unix_ms() == 0)
        return fmt::format(
            "No other router of {} was ever heard. A backup is silent in VRRP, so there may be "
            "one; if nobody takes over, {} is MASTER again by itself.\n",
            instance.name(), instance.name());
    return fmt::format(
        "The last other router of {} that was heard is {} with priority {}, {}. A backup is silent "
        "in VRRP; if nobody takes over, {} is MASTER again by itself.\n",
        instance.name(), heard.source(), heard.priority(), ago(heard.unix_ms(), options),
        instance.name());
}

}  // namespace headgate::cli
