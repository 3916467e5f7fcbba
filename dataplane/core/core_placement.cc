// Where a connection that begins goes: to the server that its client is bound to, or that the
// scheduler picks.
#include "dataplane/core/core.h"

namespace headgate::dataplane {

// The destination that the client is bound to, which is then `bound`, or the scheduler's; without a
// slot when there is none.
Identity Core::choose(const Snapshot& snapshot, const Work& work, bool stateless, Tick now,
                      std::optional<Identity>& bound) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    if (service.persistence_timeout_s > 0)
        bound = persistence_.find(persistence_key(work, service), now);
    if (bound) {
        const Identity kept = snapshot.in_service(service, *bound);
        if (keeps_client(snapshot, kept))
            return kept;
    }
    return schedule(snapshot, work, now, stateless);
}

// The pick that can be repeated without an entry is for when every new connection may lose its
// entry, or never get one: its next segment must reach the same server.
Identity Core::schedule(const Snapshot& snapshot, const Work& work, Tick now, bool stateless) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    const PickKey key = pick_key(work, service, stateless);
    return identity_of(snapshot, stateless ? ConnectionScheduler::pick_stateless(service, key)
                                           : scheduler_.pick(service, work.service.slot, key, now));
}

PickKey Core::pick_key(const Work& work, const ServiceEntry& service, bool stateless) {
    PickKey key{work.packet.client, work.packet.address, work.packet.client_port, work.packet.port};
    // What a persistent service treats alike gets the same pick.
    if (stateless && service.persistence_timeout_s > 0) {
        key.client = persistence_key(work, service).client;
        key.client_port = {};
        if (service.any_port || service.group != 0)
            key.port = {};
        if (service.group != 0)
            key.address = {};
    }
    return key;
}

// Binds the client of a persistent service. It may be bound elsewhere than to `wanted`: when
// another worker has just bound it.
PersistenceTable::Bound Core::bind(const Snapshot& snapshot, const Work& work,
                                   const std::optional<Identity>& seen, const Identity& wanted,
                                   Tick now) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    PersistenceTable::Bound bound = persistence_.bind(persistence_key(work, service), seen, wanted,
                                                      service.persistence_timeout_s, now);
    bound.destination = snapshot.in_service(service, bound.destination);
    if (!keeps_client(snapshot, bound.destination))
        bound.destination = wanted;
    if (bound.created)
        counters_.count(Event::persistence_created);
    if (bound.binding == no_binding)
        counters_.count(Event::persistence_full);
    return bound;
}

}  // namespace headgate::dataplane
