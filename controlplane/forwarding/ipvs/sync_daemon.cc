#include "controlplane/forwarding/ipvs/sync_daemon.h"

#include <algorithm>

#include <fmt/format.h>

#include "controlplane/config/model_services.h"

namespace headgate::forwarding::ipvs {

namespace {

// What a backup has room for, at least; and the bytes of a packet that are headers.
constexpr std::uint32_t backup_payload_min = 1024;
constexpr std::uint32_t packet_max = 65535;
constexpr std::uint32_t headers_v4 = 28;
constexpr std::uint32_t headers_v6 = 48;

std::uint32_t corrected_payload(const SyncDaemon& asked) {
    const std::uint32_t most = packet_max - (asked.group.is_v4() ? headers_v4 : headers_v6);
    const std::uint32_t least = asked.role == SyncRole::backup ? backup_payload_min : 1;
    return std::clamp<std::uint32_t>(asked.payload_max, least, most);
}

const SyncDaemon* find_role(const std::vector<SyncDaemon>& daemons, SyncRole role) {
    const auto found = std::ranges::find(daemons, role, &SyncDaemon::role);
    return found == daemons.end() ? nullptr : &*found;
}

}  // namespace

std::string_view to_word(SyncRole role) {
    return role == SyncRole::master ? "master" : "backup";
}

std::string SyncDaemon::to_string() const {
    return fmt::format("the {} sync daemon on {}", to_word(role), interface);
}

std::string SyncStep::to_string() const {
    return fmt::format("{} {}", starts ? "start" : "stop", daemon.to_string());
}

std::vector<SyncDaemon> sync_daemons_of(const config::SyncDaemon& asked, bool is_master) {
    SyncDaemon daemon{.role = is_master ? SyncRole::master : SyncRole::backup,
                      .interface = asked.interface,
                      .id = asked.id,
                      .payload_max = asked.payload_max,
                      .group = asked.group,
                      .port = asked.port,
                      .ttl = asked.ttl};
    if (!asked.instance.empty())
        return {daemon};
    daemon.role = SyncRole::master;
    std::vector<SyncDaemon> both{daemon, daemon};
    both.back().role = SyncRole::backup;
    return both;
}

bool is_as_asked(const SyncDaemon& running, const SyncDaemon& asked) {
    if (asked.payload_max != 0 && running.payload_max != corrected_payload(asked))
        return false;
    SyncDaemon same = running;
    same.payload_max = asked.payload_max;
    return same == asked;
}

std::vector<SyncStep> plan_sync(const std::vector<SyncDaemon>& running,
                                const std::vector<SyncDaemon>& wanted,
                                const std::set<SyncRole>& ours) {
    std::vector<SyncStep> steps;
    for (const SyncDaemon& daemon : running) {
        const SyncDaemon* const asked = find_role(wanted, daemon.role);
        if (asked != nullptr ? !is_as_asked(daemon, *asked) : ours.contains(daemon.role))
            steps.push_back({.starts = false, .daemon = daemon});
    }
    for (const SyncDaemon& daemon : wanted) {
        const SyncDaemon* const there = find_role(running, daemon.role);
        if (there == nullptr || !is_as_asked(*there, daemon))
            steps.push_back({.starts = true, .daemon = daemon});
    }
    return steps;
}

}  // namespace headgate::forwarding::ipvs
