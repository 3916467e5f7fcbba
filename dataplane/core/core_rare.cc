// What a core does with fragments and ICMP errors, and how it asks its peers.
#include <algorithm>

#include "dataplane/core/core.h"
#include "dataplane/core/ip_headers.h"

namespace headgate::dataplane {
namespace {

// By the header that follows, an extension header of IPv6 included: what hides behind it only the
// first fragment tells.
bool may_be_carried(const Packet& packet) {
    if (is_carried(packet.next_header))
        return true;
    return packet.is_v6 && (packet.next_header == next_header::destination_options ||
                            packet.next_header == next_header::authentication);
}

}  // namespace

std::optional<Identity> Core::ask_peers(const Snapshot& snapshot, const Work& work, Tick now) {
    if (peers_ == nullptr)
        return std::nullopt;
    const StateTimeouts& timeouts = snapshot.service(work.service.slot).timeouts;
    for (Core* peer : peers_->cores) {
        if (peer == this)
            continue;
        if (const auto known = peer->connections_.follow_as_peer(work.key(), timeouts, now)) {
            counters_.count(Event::peer_followed);
            return known;
        }
    }
    return std::nullopt;
}

// The other worker keeps the connection, too, until it has been idle there for long enough.
void Core::take_over(const Snapshot& snapshot, const Work& work, const Identity& destination,
                     Tick now) {
    if (connections_.full())
        return;
    record(snapshot, work, {.destination = destination}, first_state(work), now);
    counters_.count(Event::connection_created);
    counters_.count(Event::connection_taken_over);
}

Reason Core::check_destination(const Snapshot& snapshot, const Identity& destination) {
    const DestinationEntry& entry = snapshot.destination(destination.slot);
    if (entry.generation != destination.generation)
        return Reason::destination_removed;
    return entry.resolved ? Reason::none : Reason::destination_unresolved;
}

// The service of work.packet, and the hash of its connection.
Reason Core::find_work(const Snapshot& snapshot, Work& work) const {
    const Packet& packet = work.packet;
    const Snapshot::FoundService& found =
        snapshot.find_service(packet.address, packet.port, packet.protocol);
    if (found.identity.slot == no_slot)
        return Reason::no_service;
    if (!found.active)
        return Reason::service_inactive;
    work.set_service(found.identity, connections_);
    return Reason::none;
}

Reason Core::handle_fragment(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now) {
    Packet& packet = cold.packet;
    if (!snapshot.serves(packet.address) || !may_be_carried(packet))
        return Reason::fragment;
    const Access access = snapshot.access_of(packet.client);
    if (access == Access::blocked)
        return Reason::source_blocked;
    if (packet.hops <= 1)
        return Reason::hops_exceeded;
    const auto within = [&](TokenBudget& budget) {
        return access == Access::allowed || budget.take(snapshot.protection().fragment_rate, now);
    };
    if (packet.fragment_offset == 0)
        return within(fragment_budget_) ? handle_first_fragment(snapshot, burst, cold, now)
                                        : Reason::fragment_limited;
    Frame& frame = burst.frames[cold.frame];
    const FragmentKey key = fragment_key(packet);
    const FragmentFate* fate = fragments_.find(key, now);
    if (fate == nullptr && !within(early_fragment_budget_))
        return Reason::fragment_limited;
    if (fate == nullptr)
        return fragments_.hold(key, {frame, packet, burst.interface}, now) ? Reason::fragment_held
                                                                           : Reason::fragment_early;
    cold.fate = {fate->service, fate->destination};
    if (fate->reason != Reason::none)
        return fate->reason;
    const Reason reason = check_destination(snapshot, fate->destination);
    if (reason != Reason::none)
        return reason;
    packet.client_port = fate->client_port;
    return forward(snapshot, {burst.interface, burst.headroom}, frame, packet, fate->service,
                   fate->destination);
}

Reason Core::handle_first_fragment(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now) {
    Work work;
    work.packet = cold.packet;
    work.is_fragment = true;
    Frame& frame = burst.frames[cold.frame];
    FragmentFate fate;
    fate.reason = parse_first_fragment(frame, work.packet);
    if (fate.reason == Reason::none)
        fate.reason = find_work(snapshot, work);
    if (fate.reason == Reason::none)
        fate.reason = follow_or_begin(snapshot, work, now, fate.destination);
    fate.service = work.service;
    fate.client_port = work.packet.client_port;
    cold.fate = {fate.service, fate.destination};
    if (fate.reason == Reason::none)
        fate.reason = forward(snapshot, {burst.interface, burst.headroom}, frame, work.packet,
                              fate.service, fate.destination);
    const FragmentKey key = fragment_key(cold.packet);
    fragments_.remember(key, fate, now);
    release(snapshot, key, fate);
    return fate.reason;
}

// The fragments that waited for the first one go where it has gone. When that is the kernel, they
// are given up: the sender comes again.
void Core::release(const Snapshot& snapshot, const FragmentKey& key, const FragmentFate& fate) {
    for (const FragmentTable::Waiting& waiting : fragments_.take(key)) {
        if (fate.reason != Reason::none || waiting.interface >= snapshot.interface_count()) {
            counters_.count(Event::fragment_given_up);
            continue;
        }
        Frame frame = waiting.frame;
        Packet packet = waiting.packet;
        packet.client_port = fate.client_port;
        if (forward(snapshot, {waiting.interface, frame_headroom_bytes}, frame, packet,
                    fate.service, fate.destination) != Reason::none) {
            counters_.count(Event::fragment_given_up);
            continue;
        }
        add_released(frame, egress_of(snapshot, fate.destination.slot));
        counters_.count(Event::fragment_released);
    }
}

// The sender learns why its packet died here, as behind any router: traceroute and path MTU
// discovery need it.
void Core::answer(const Snapshot& snapshot, const Frame& frame, const Cold& cold, Reason reason,
                  Tick now) {
    // Never about an ICMP error, nor about a later fragment (RFC 1122 3.2.2).
    const bool is_later = cold.reason == Reason::fragment && cold.packet.fragment_offset != 0;
    if (cold.reason == Reason::icmp || is_later)
        return;
    if (answers_count_ == answers_max_of_burst ||
        !answer_budget_.take(snapshot.protection().icmp_answer_rate, now)) {
        counters_.count(Event::icmp_answer_withheld);
        return;
    }
    const std::span memory =
        std::span(answers_).subspan(answers_count_ * icmp_answer_bytes_max, icmp_answer_bytes_max);
    const std::uint32_t bytes =
        reason == Reason::hops_exceeded
            ? write_time_exceeded(frame, cold.packet, memory)
            : write_too_big(frame, cold.packet, mtu_towards(snapshot, cold.fate.destination.slot),
                            memory);
    if (bytes == 0)
        return;
    ++answers_count_;
    add_released({memory.data(), bytes}, 0);
    counters_.count(Event::icmp_answered);
}

// An error about a packet that a real server has sent goes to that server: it is the one that has
// to send less, or to give up.
Reason Core::handle_icmp(const Snapshot& snapshot, Burst& burst, Cold& cold, Tick now) {
    Frame& frame = burst.frames[cold.frame];
    Work work;
    if (!parse_icmp_error(frame, cold.packet, work.packet) ||
        work.packet.address != cold.packet.address)
        return Reason::icmp;
    const Reason unserved = find_work(snapshot, work);
    if (unserved != Reason::none)
        return unserved == Reason::no_service ? Reason::icmp : unserved;
    cold.fate.service = work.service;
    const Access access = snapshot.access_of(cold.packet.client);
    if (access == Access::blocked)
        return Reason::source_blocked;
    if (cold.packet.hops <= 1)
        return Reason::hops_exceeded;
    if (access != Access::allowed &&
        !icmp_error_budget_.take(snapshot.protection().icmp_error_rate, now))
        return Reason::icmp_limited;

    Identity destination;
    const ConnectionIndex index = connections_.find(work.key(), work.hash);
    if (index != no_connection)
        catch_up(snapshot, connections_.at(index), now);
    if (index != no_connection && !is_past(connections_.at(index).deadline(), now)) {
        const Connection& connection = connections_.at(index);
        destination = {connection.destination, connection.destination_generation};
    } else if (const auto known = ask_peers(snapshot, work, now)) {
        destination = *known;
    } else if (stateless_.is_open(now)) {
        // It may be one without an entry: the pick that its packets get.
        std::optional<Identity> bound;
        destination = choose(snapshot, work, true, now, bound);
        if (destination.slot == no_slot)
            return Reason::no_destination;
    } else {
        return Reason::icmp_unrelated;
    }
    cold.fate.destination = destination;
    Reason reason = check_destination(snapshot, destination);
    if (reason != Reason::none)
        return reason;
    cold.packet.client_port = work.packet.client_port;
    reason = forward(snapshot, {burst.interface, burst.headroom}, frame, cold.packet, work.service,
                     destination);
    if (reason == Reason::none)
        counters_.count(Event::icmp_error_forwarded);
    return reason;
}

}  // namespace headgate::dataplane
