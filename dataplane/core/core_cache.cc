// What the core leaves to the XDP program: which connections enter the flow cache, and when they
// leave it. The program forwards their packets until one comes that may change something; while it
// does, the connection's deadline lies behind, and is caught up with before it is looked at.
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

void Core::set_watch(PacketWatch* watch) {
    watch_ = watch;
    flow_cache_.set_bypassed(watch != nullptr);
}

}  // namespace headgate::dataplane
