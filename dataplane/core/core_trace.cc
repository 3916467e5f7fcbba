// The decisions of core.cc about one packet, with nothing changed: each function here follows the
// one that it names. What they say alike, trace_test.cc holds them to.
#include "dataplane/core/core.h"
#include "dataplane/core/packet_trace.h"

namespace headgate::dataplane {

bool PacketTrace::answer_piece(Core& core, const Snapshot& snapshot, Tick now) {
    steps_ = core.trace(snapshot, packet_, now);
    return true;
}

TraceSteps Core::trace(const Snapshot& snapshot, const Packet& packet, Tick now) {
    TraceSteps steps;
    Work work;
    work.packet = packet;
    steps.service = snapshot.find_service(packet.address, packet.port, packet.protocol).identity;
    if (steps.service.slot != no_slot)
        steps.by_any_port = snapshot.service(steps.service.slot).any_port;
    steps.reason = find_work(snapshot, work);
    if (steps.reason == Reason::none)
        steps.reason = trace_connection(snapshot, work, now, steps);
    return steps;
}

// follow_or_begin()
Reason Core::trace_connection(const Snapshot& snapshot, const Work& work, Tick now,
                              TraceSteps& steps) {
    const ConnectionIndex index = connections_.find(work.key(), work.hash);
    if (index == no_connection)
        return trace_beginning(snapshot, work, now, nullptr, steps);
    Connection& connection = connections_.at(index);
    catch_up(snapshot, connection, now);
    const Identity destination{connection.destination, connection.destination_generation};
    const Reason reason = check_destination(snapshot, destination);
    const bool expired = is_past(connection.deadline(), now);
    TracedConnection& known = steps.known.emplace();
    known.state = connection.state;
    known.destination = destination;
    known.persistent = connection.binding != no_binding;
    known.expired = expired;
    known.replaced = expired || (work.packet.opens() && (reason == Reason::destination_removed ||
                                                         is_closing(connection.state)));
    known.expires_s = expired ? 0 : connection.deadline() - now;
    if (known.replaced)
        return trace_beginning(snapshot, work, now, &connection, steps);
    steps.destination = destination;
    return reason;
}

// begin(). `ended`: the connection that the core would end before, or nullptr.
Reason Core::trace_beginning(const Snapshot& snapshot, const Work& work, Tick now,
                             const Connection* ended, TraceSteps& steps) {
    const Access access = snapshot.access_of(work.packet.client);
    if (access == Access::blocked)
        return Reason::source_blocked;
    if (peers_may_know(ended != nullptr && ended->opened_by_fragment ? 1 : 0) ||
        (can_have_moved(snapshot, work) && moved_budget_.has(moved_rate, now))) {
        if (const std::optional<Identity> known = look_at_peers(work)) {
            steps.known_to_peer = true;
            steps.destination = *known;
            return check_destination(snapshot, *known);
        }
    }
    if (!work.packet.opens() && !stateless_.is_open(now))
        return Reason::no_connection;
    if (!work.packet.has_valid_client())
        return Reason::source_invalid;
    const Admission admission = trace_admission(snapshot, work, access, now);
    if (admission == Admission::limited)
        return Reason::source_limited;

    const ServiceEntry& service = snapshot.service(work.service.slot);
    const bool one_packet = is_one_packet(service, work);
    const bool full = connections_.full() && ended == nullptr;
    const bool stateless = admission != Admission::scheduled || (!one_packet && full);
    steps.destination = trace_choice(snapshot, work, stateless, now, ended, steps);
    if (steps.destination.slot == no_slot)
        return Reason::no_destination;
    if (admission == Admission::deferred)
        steps.entry = TraceSteps::Entry::deferred;
    else if (one_packet)
        steps.entry = TraceSteps::Entry::one_packet;
    else if (!full)
        steps.entry = TraceSteps::Entry::made;
    else if (connections_.oldest_half_open() != no_connection)
        steps.entry = TraceSteps::Entry::made_for_half_open;
    else
        steps.entry = TraceSteps::Entry::no_room;
    return Reason::none;
}

// choose() and schedule()
Identity Core::trace_choice(const Snapshot& snapshot, const Work& work, bool stateless, Tick now,
                            const Connection* ended, TraceSteps& steps) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    steps.is_persistent = service.persistence_timeout_s > 0;
    if (steps.is_persistent) {
        const BindingIndex released = ended != nullptr ? ended->binding : no_binding;
        if (const auto bound = persistence_.peek(persistence_key(work, service), released, now)) {
            const Identity kept = snapshot.in_service(service, *bound);
            steps.bound = TracedBinding{kept, keeps_client(snapshot, kept)};
            if (steps.bound->followed)
                return kept;
        }
    }
    steps.pick = stateless ? TraceSteps::Pick::repeatable : TraceSteps::Pick::scheduled;
    const PickKey key = pick_key(work, service, stateless);
    if (stateless)
        return identity_of(snapshot, ConnectionScheduler::pick_stateless(service, key));
    // The scheduler does not count the connection that ends.
    ConnectionCount ending;
    Slot ending_slot = 0;
    if (ended != nullptr &&
        snapshot.destination(ended->destination).generation == ended->destination_generation) {
        ending = load_of(ended->state);
        ending_slot = ended->destination;
    }
    loads_.suppose(ending_slot, -ending);
    const Slot slot = scheduler_.preview(service, work.service.slot, key, now);
    loads_.suppose(ending_slot, ending);
    return identity_of(snapshot, slot);
}

// ask_peers(), but the connection's timeout does not start again.
std::optional<Identity> Core::look_at_peers(const Work& work) const {
    if (peers_ == nullptr)
        return std::nullopt;
    for (const Core* peer : peers_->cores) {
        if (peer == this)
            continue;
        if (const auto known = peer->connections_.look_as_peer(work.key()))
            return known;
    }
    return std::nullopt;
}

}  // namespace headgate::dataplane
