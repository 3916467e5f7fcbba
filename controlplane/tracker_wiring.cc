#include "controlplane/tracker_wiring.h"

#include <algorithm>

#include "common/log.h"
#include "controlplane/config/model_names.h"

namespace headgate {

std::set<config::TrackerId> used_trackers(const config::Vrrp& vrrp) {
    std::set<config::TrackerId> used;
    for (const config::VrrpInstance& instance : vrrp.instances) {
        for (const config::TrackerUse& use : instance.trackers)
            used.insert(use.tracker);
    }
    return used;
}

vrrp::TrackerState tracker_state(const track::Verdict& verdict) {
    using From = track::Verdict::Kind;
    using To = vrrp::TrackerState::Verdict;
    vrrp::TrackerState state{.verdict = To::up,
                             .value = verdict.value,
                             .since = verdict.since,
                             .detail = verdict.detail,
                             .cause = verdict.cause};
    switch (verdict.kind) {
        case From::up:
            break;
        case From::down:
            state.verdict = To::down;
            break;
        case From::value:
            state.verdict = To::value;
            break;
        case From::disabled:
            state.verdict = To::disabled;
            break;
    }
    return state;
}

vrrp::TrackerState tracker_state(const bfd::InstanceStatus& session) {
    using Verdict = vrrp::TrackerState::Verdict;
    const bool is_up = session.state == bfd::State::up;
    const bool has_cause = !is_up && session.diagnostic != bfd::Diagnostic::none;
    return {.verdict = is_up ? Verdict::up : Verdict::down,
            .value = 0,
            .since = session.since,
            .detail = fmt::format("is {}", bfd::name_of(session.state)),
            .cause = has_cause ? std::string(bfd::describe(session.diagnostic)) : ""};
}

void ServiceTrackers::update(const config::Config& config,
                             const std::vector<service::ServiceView>& views) {
    const std::set<config::TrackerId> used = used_trackers(config.vrrp);
    std::erase_if(told_, [&](const auto& entry) { return !used.contains(entry.first); });
    for (std::size_t index = 0; index < views.size(); ++index) {
        const config::TrackerId id{config::TrackerKind::virtual_server,
                                   config::name_of(config.virtual_servers[index])};
        if (!used.contains(id))
            continue;
        const auto& servers = views[index].server_up;
        const auto num_up = std::ranges::count(servers, true);
        const bool up = num_up > 0;
        const auto told = told_.find(id);
        if (told != told_.end() && told->second == up)
            continue;
        told_[id] = up;
        log::info("Tracked virtual server {} is {}", id.name, up ? "up" : "down");
        report_(id, {.kind = up ? track::Verdict::Kind::up : track::Verdict::Kind::down,
                     .value = 0,
                     .since = std::chrono::steady_clock::now(),
                     .detail = up ? "is up" : "is down",
                     .cause = fmt::format("{} of {} real servers up", num_up, servers.size())});
    }
}

}  // namespace headgate
