#include "controlplane/vrrp/interface_watch.h"

#include <utility>

namespace headgate::vrrp {

namespace {

bool works(const netlink::Interface& interface) {
    return interface.up && interface.running;
}

}  // namespace

void InterfaceWatch::configure(const std::vector<config::InterfaceDelay>& delays) {
    auto previous = std::exchange(entries_, {});
    for (const config::InterfaceDelay& delay : delays) {
        Entry& entry = entries_[delay.interface] = previous[delay.interface];
        entry.delay = delay;
    }
}

void InterfaceWatch::update(Instant now, const netlink::InterfaceTable& table) {
    for (auto& [name, entry] : entries_) {
        const netlink::Interface* const interface = table.find(name);
        const bool up = interface != nullptr && works(*interface);
        if (interface == nullptr || !entry.counts)
            entry.counts = up;
        if (entry.counts == up) {
            entry.changes_at.reset();
            continue;
        }
        if (!entry.changes_at)
            entry.changes_at = now + (up ? entry.delay.up : entry.delay.down);
        if (now >= *entry.changes_at) {
            entry.counts = up;
            entry.changes_at.reset();
        }
    }
}

std::optional<Instant> InterfaceWatch::deadline() const {
    std::optional<Instant> first;
    for (const auto& [name, entry] : entries_)
        first = earliest({first, entry.changes_at});
    return first;
}

bool InterfaceWatch::counts_as_up(const netlink::Interface& interface) const {
    const auto entry = entries_.find(interface.name);
    return entry == entries_.end() ? works(interface)
                                   : entry->second.counts.value_or(works(interface));
}

}  // namespace headgate::vrrp
