// What the core leaves to the XDP program: which connections enter the flow cache, and when they
// leave it. The program forwards their packets until one comes that may change something; while it
// does, the connection's deadline lies behind, and is caught up with before it is looked at.
#include <optional>
#include <vector>

#include "dataplane/core/core.h"
#include "dataplane/core/ip_headers.h"

namespace headgate::dataplane {

// A packet of a connection that goes on as it is has been forwarded.
void Core::offer_to_cache(const Snapshot& snapshot, const Work& work, Tick now) {
    Connection& connection = *work.candidate;
    if (connection.cached() != not_cached)
        return;
    if (++connection.followed < snapshot.flow_cache().admit_after)
        return;
    // If there is no room now, it is asked again after as many packets.
    connection.followed = 0;
    const bool is_plain =
        work.packet.ip_at == ethernet_bytes && work.packet.protocol != Protocol::sctp;
    if (is_plain)
        enter_cache(snapshot, work, now);
}

void Core::enter_cache(const Snapshot& snapshot, const Work& work, Tick now) {
    const FlowCache::Way way = flow_cache_.find_way(work.packet, snapshot.flow_cache().idle_s, now);
    if (way.index == not_cached) {
        counters_.count(Event::flow_cache_no_room);
        return;
    }
    if (way.owner != FlowCache::nobody) {
        Connection& idle = connections_.at(way.owner);
        catch_up(snapshot, idle, now);
        leave_cache(idle, now);
        counters_.count(Event::flow_cache_evicted);
        return;
    }
    Connection& connection = *work.candidate;
    flow_cache_.fill(way.index, work.packet, work.destination, connections_.index_of(connection),
                     work.service, now);
    connection.set_cached(way.index);
    counters_.count(Event::flow_cached);
}

void Core::leave_cache(Connection& connection, Tick now) {
    if (connection.cached() == not_cached)
        return;
    flow_cache_.withdraw(connection.cached(), now);
    connection.set_cached(not_cached);
}

// Its timeout started with the last packet that the program has seen.
void Core::catch_up(const Snapshot& snapshot, Connection& connection, Tick now) {
    if (connection.cached() == not_cached)
        return;
    const StateTimeouts* timeouts = snapshot.timeouts_of(flow_cache_.service(connection.cached()));
    if (timeouts == nullptr)
        return;  // the service is gone: it ends when it would have
    // One later, since the program's time can be late, but not in the future.
    const Tick late = flow_cache_.last_seen(connection.cached()) + 1;
    const Tick seen = is_past(now, late) ? now : late;
    const Tick timeout = timeouts->of(connection.state);
    if (is_past(connection.deadline(), seen + timeout))
        ConnectionTable::touch(connection, timeout, seen);
}

std::uint64_t Core::adopt_cache(const Snapshot& snapshot, Tick now) {
    std::vector<Slot> services(LB_DESTINATIONS_MAX, no_slot);  // of destinations
    for (const ServiceSlots& slots : snapshot.slots()) {
        for (const Slot destination : slots.destinations)
            services[destination] = slots.service;
    }
    for (CacheIndex index = 0; index < flow_cache_.capacity(); ++index) {
        const auto found = flow_cache_.find(index);
        if (found && !adopt(snapshot, index, *found, services[found->destination.slot], now))
            flow_cache_.discard(index, now);
    }
    loads_.flush(snapshot);
    return connections_.size();
}

// `service`: that of the destination, or none. False: it does not go on.
bool Core::adopt(const Snapshot& snapshot, CacheIndex index, const FlowCache::Found& found,
                 Slot service, Tick now) {
    if (connections_.full() ||
        snapshot.destination(found.destination.slot).generation != found.destination.generation)
        return false;
    Work work;
    work.packet.is_v6 = found.is_v6;
    work.packet.protocol = found.protocol;
    work.packet.client = found.client;
    work.packet.client_port = found.client_port;
    work.packet.address = found.address;
    work.packet.port = found.port;
    const Identity& owner =
        snapshot.find_service(found.address, found.port, found.protocol).identity;
    if (owner.slot == no_slot || owner.slot != service)
        return false;
    work.set_service(owner, connections_);

    const ServiceEntry& entry = snapshot.service(service);
    const ConnectionState state =
        found.protocol == Protocol::udp ? ConnectionState::udp : ConnectionState::established;
    // The program's time has stood still since its worker was killed.
    const Tick last_seen = flow_cache_.last_seen(index);
    const Tick seen = last_seen == flow_cache_.tick() ? now : last_seen;
    if (is_past(seen + entry.timeouts.of(state), now))
        return false;
    PersistenceTable::Bound bound{.destination = found.destination};
    if (entry.persistence_timeout_s > 0) {
        bound = bind(snapshot, work, std::nullopt, found.destination, now);
        bound.destination = found.destination;  // wherever the client is bound to by now
    }
    const ConnectionIndex created = record(snapshot, work, bound, state, seen);
    connections_.at(created).set_cached(index);
    flow_cache_.adopt(index, created, owner);
    counters_.count(Event::connection_adopted);
    return true;
}

void Core::set_watch(PacketWatch* watch) {
    watch_ = watch;
    flow_cache_.set_bypassed(watch != nullptr);
}

}  // namespace headgate::dataplane
