#include "controlplane/vrrp/interface_watch.h"

#include <algorithm>

namespace headgate::vrrp {

void InterfaceWatch::configure(const std::vector<config::InterfaceDelay>& delays) {
    delays_.clear();
    for (const config::InterfaceDelay& delay : delays)
        delays_[delay.interface] = delay;
}

bool InterfaceWatch::update(Instant now, const std::string& interface, bool up) {
    const auto [place, is_new] = entries_.try_emplace(interface, Entry{.counts = up});
    Entry& entry = place->second;
    if (is_new || entry.counts == up) {
        entry.changes_at.reset();
        return up;
    }
    const auto delay = delays_.find(interface);
    const Duration wait = delay == delays_.end() ? Duration::zero()
                          : up                   ? delay->second.up
                                                 : delay->second.down;
    if (!entry.changes_at)
        entry.changes_at = now + wait;
    if (now >= *entry.changes_at) {
        entry.counts = up;
        entry.changes_at.reset();
    }
    return entry.counts;
}

std::optional<Instant> InterfaceWatch::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& [name, entry] : entries_) {
        if (entry.changes_at)
            earliest = earliest ? std::min(*earliest, *entry.changes_at) : entry.changes_at;
    }
    return earliest;
}

}  // namespace headgate::vrrp
