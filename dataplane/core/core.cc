// The stages of the packet path, then what happens to a connection: begin, follow, end.
#include "dataplane/core/core.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "common/check.h"

namespace headgate::dataplane {
namespace {

// Connections that may end in one call of expire(). A burst begins at most 64, so this is enough
// to keep up, and a call stays within tens of microseconds.
constexpr std::uint32_t expire_budget = 128;

// A connection without an entry can be idle for as long as one with an entry.
constexpr Tick stateless_memory_s = timeout_s(ConnectionState::established);

constexpr std::size_t mac_bytes = 6;

// One hop further. The checksum by RFC 1624, in which 0xffff, which no sum yields, becomes 0.
void take_hop(const Packet& packet, std::uint8_t* ip) {
    if (packet.is_v6) {
        --ip[7];
        return;
    }
    --ip[8];
    std::uint16_t checksum = 0;
    std::memcpy(&checksum, ip + 10, sizeof(checksum));
    const std::uint32_t sum = std::uint32_t{checksum} + Be16(0x0100).raw();
    checksum = static_cast<std::uint16_t>(sum + (sum >= 0xffff ? 1U : 0U));
    std::memcpy(ip + 10, &checksum, sizeof(checksum));
}

void rewrite(const Packet& packet, std::uint8_t* frame, const MacAddress& destination,
             const MacAddress& source) {
    std::memcpy(frame, destination.bytes.data(), mac_bytes);
    std::memcpy(frame + mac_bytes, source.bytes.data(), mac_bytes);
    take_hop(packet, frame + packet.ip_at);
}

// One row of IPVS's table for connections of which only the client's packets are seen.
ConnectionState next_state(ConnectionState state, std::uint8_t tcp_flags) {
    if (state == ConnectionState::udp || state == ConnectionState::closed)
        return state;
    if ((tcp_flags & tcp_flag::rst) != 0)
        return ConnectionState::closed;
    if ((tcp_flags & tcp_flag::syn) != 0)
        return state;
    if ((tcp_flags & tcp_flag::fin) != 0 || state == ConnectionState::fin)
        return ConnectionState::fin;
    return ConnectionState::established;
}

bool is_closing(ConnectionState state) {
    return state == ConnectionState::fin || state == ConnectionState::closed;
}

Counter& gauge(TrafficCounters& counters, ConnectionState state) {
    return state == ConnectionState::established ? counters.active_connections
                                                 : counters.inactive_connections;
}

bool can_take_connections(const Snapshot& snapshot, const Identity& destination) {
    const DestinationEntry& entry = snapshot.destination(destination.slot);
    return entry.generation == destination.generation && entry.resolved;
}

}  // namespace

Core::Core(const CoreOptions& options, PersistenceTable& persistence)
    : connections_(options.connections_max, options.seed),
      persistence_(persistence),
      fragments_(options.seed),
      worker_index_(options.worker_index),
      worker_count_(options.worker_count),
      cursors_(services_max, cursor_unset),
      answers_(answers_max_of_burst * icmp_answer_bytes_max) {
    check(worker_index_ < worker_count_, "the worker is one of the workers");
}

void Core::process(const Snapshot& snapshot, Burst& burst, Tick now) {
    check(burst.count <= burst_max, "a burst has at most burst_max frames");
    cold_count_ = 0;
    released_count_ = 0;
    answers_count_ = 0;
    fragments_.reclaim();
    std::uint32_t count = parse_stage(snapshot, burst);
    count = service_stage(snapshot, count);
    candidate_stage(count);
    forward_stage(snapshot, burst, count, now);
    cold_stage(snapshot, burst, now);
}

std::uint32_t Core::parse_stage(const Snapshot& snapshot, const Burst& burst) {
    const std::span frames(burst.frames.data(), burst.count);
    if (burst.interface >= snapshot.interface_count()) {
        for (std::uint32_t index = 0; index < burst.count; ++index)
            leave_hot_loop(index, Reason::no_service);
        return 0;
    }
    for (const Frame& frame : frames)
        __builtin_prefetch(frame.data, 1);
    const MacAddress& own_mac = snapshot.interface_mac(burst.interface);
    std::uint32_t count = 0;
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        Work& work = work_[count];
        const Reason reason = parse(frames[index], own_mac, work.packet);
        if (reason != Reason::none) [[unlikely]] {
            Cold& cold = leave_hot_loop(index, reason);
            if (reason == Reason::fragment || reason == Reason::icmp)
                cold.packet = work.packet;
            continue;
        }
        work.frame = index;
        ++count;
    }
    return count;
}

std::uint32_t Core::service_stage(const Snapshot& snapshot, std::uint32_t count) {
    std::uint32_t kept = 0;
    for (std::uint32_t index = 0; index < count; ++index) {
        const Packet& packet = work_[index].packet;
        const Slot slot = snapshot.find_service(packet.address, packet.port, packet.protocol);
        if (slot == no_slot || !snapshot.service(slot).active) [[unlikely]] {
            leave_hot_loop(work_[index].frame,
                           slot == no_slot ? Reason::no_service : Reason::service_inactive);
            continue;
        }
        Work& work = work_[kept];
        if (kept != index)
            work = work_[index];
        work.service = {slot, snapshot.service(slot).generation};
        work.hash = connections_.hash(work.key());
        connections_.prefetch_bucket(work.hash);
        ++kept;
    }
    return kept;
}

void Core::candidate_stage(std::uint32_t count) {
    for (std::uint32_t index = 0; index < count; ++index) {
        Work& work = work_[index];
        work.candidate = connections_.candidate(work.hash);
        if (work.candidate != no_connection)
            connections_.prefetch_node(work.candidate);
    }
}

void Core::forward_stage(const Snapshot& snapshot, Burst& burst, std::uint32_t count, Tick now) {
    std::uint32_t forwarded = 0;
    for (std::uint32_t index = 0; index < count; ++index) {
        const Work& work = work_[index];
        Identity destination;
        const Reason reason = work.packet.hops > 1
                                  ? follow_or_begin(snapshot, work, now, destination)
                                  : Reason::hops_exceeded;
        if (reason != Reason::none) [[unlikely]] {
            Cold& cold = leave_hot_loop(work.frame, reason);
            if (reason == Reason::hops_exceeded)
                cold.packet = work.packet;
            continue;
        }
        forward(snapshot, burst.frames[work.frame], burst.interface, work.packet, work.service,
                destination);
        burst.verdicts[work.frame] = Verdict::transmit;
        burst.reasons[work.frame] = Reason::none;
        ++forwarded;
    }
    counters_.count(Reason::none, forwarded);
}

void Core::forward(const Snapshot& snapshot, const Frame& frame, std::uint32_t interface,
                   const Packet& packet, const Identity& service, const Identity& destination) {
    counters_.service(service.slot, service.generation).add_packet(packet.ip_bytes);
    counters_.destination(destination.slot, destination.generation).add_packet(packet.ip_bytes);
    rewrite(packet, frame.data, snapshot.destination(destination.slot).mac,
            snapshot.interface_mac(interface));
}

void Core::cold_stage(const Snapshot& snapshot, Burst& burst, Tick now) {
    for (const Cold& cold : std::span(cold_.data(), cold_count_)) {
        Reason reason = cold.reason;
        if (reason == Reason::fragment)
            reason = handle_fragment(snapshot, burst, cold, now);
        else if (reason == Reason::icmp)
            reason = handle_icmp(snapshot, burst, cold, now);
        if (reason == Reason::hops_exceeded)
            answer_time_exceeded(burst.frames[cold.frame], cold, now);
        burst.verdicts[cold.frame] = info(reason).verdict;
        burst.reasons[cold.frame] = reason;
        counters_.count(reason, 1);
    }
}

Reason Core::follow_or_begin(const Snapshot& snapshot, const Work& work, Tick now,
                             Identity& destination) {
    ConnectionIndex index = work.candidate;
    // An earlier packet of the burst may have created the connection, or taken the node.
    if (index == no_connection || !connections_.at(index).is(work.key())) [[unlikely]]
        index = connections_.find(work.key(), work.hash);
    if (index == no_connection) [[unlikely]]
        return begin(snapshot, work, now, destination);

    Connection& connection = connections_.at(index);
    const DestinationEntry& entry = snapshot.destination(connection.destination);
    const bool removed = entry.generation != connection.destination_generation;
    const bool expired = is_past(connection.deadline(), now);
    if (expired || (work.packet.opens() && (removed || is_closing(connection.state))))
        [[unlikely]] {
        end(index);
        return begin(snapshot, work, now, destination);
    }
    if (removed) [[unlikely]]
        return Reason::destination_removed;
    if (!entry.resolved) [[unlikely]]
        return Reason::destination_unresolved;
    const ConnectionState state = next_state(connection.state, work.packet.tcp_flags);
    if (state == connection.state)
        connections_.touch(connection, now);
    else
        change_state(index, state, now);
    destination = {connection.destination, connection.destination_generation};
    return Reason::none;
}

// A packet without a connection.
Reason Core::begin(const Snapshot& snapshot, const Work& work, Tick now, Identity& destination) {
    const bool opens = work.packet.opens();
    // A segment in the middle of a connection that began while the table was full.
    const bool recovers = !opens && now < stateless_end_;
    if (work.is_fragment || peers_may_know()) [[unlikely]] {
        if (const std::optional<Identity> known = ask_peers(work, now)) {
            destination = *known;
            return check_destination(snapshot, destination);
        }
    }
    if (!opens && !recovers)
        return Reason::no_connection;
    if (!work.packet.has_valid_client())
        return Reason::source_invalid;

    std::optional<Identity> bound;
    destination = choose(snapshot, work, recovers || connections_.full(), now, bound);
    if (destination.slot == no_slot)
        return Reason::no_destination;

    if (!make_room(now)) {
        counters_.count(Event::forwarded_stateless);
        return Reason::none;
    }
    if (recovers)
        counters_.count(Event::connection_recovered);
    destination = record(snapshot, work, bound, destination, now);
    return Reason::none;
}

// The destination that the client is bound to, which is then `bound`, or the scheduler's; without a
// slot when there is none.
Identity Core::choose(const Snapshot& snapshot, const Work& work, bool stateless, Tick now,
                      std::optional<Identity>& bound) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    if (service.persistence_timeout_s > 0)
        bound = persistence_.find(persistence_key(work, service), now);
    if (bound && can_take_connections(snapshot, *bound))
        return *bound;
    return schedule(snapshot, work, stateless);
}

// When the table is full, the pick is one that can be repeated without an entry: by then every new
// connection may lose its entry, or never get one, and its next segment must reach the same server.
Identity Core::schedule(const Snapshot& snapshot, const Work& work, bool stateless) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    const PickTables& pick = *service.pick;
    if (pick.sequence.empty())
        return {};
    Slot slot = no_slot;
    if (stateless) {
        const PersistenceKey client = persistence_key(work, service);
        // What a persistent service treats alike gets the same pick.
        const bool persistent = service.persistence_timeout_s > 0;
        const std::uint32_t client_port = persistent ? 0 : work.packet.client_port.host();
        const std::uint32_t port = persistent && service.any_port ? 0 : work.packet.port.host();
        // A fixed seed: the other nodes pick the same.
        constexpr HashSeed seed;
        const std::uint64_t target =
            hash_flow(work.packet.address, port << 16U | client_port, seed);
        const std::uint64_t hash = hash_flow(client.client, target, seed);
        slot = pick.maglev[((hash >> 32U) * pick.maglev.size()) >> 32U];
    } else {
        std::uint32_t& cursor = cursors_[work.service.slot];
        if (cursor == cursor_unset)
            cursor =
                static_cast<std::uint32_t>(pick.sequence.size() * worker_index_ / worker_count_);
        if (cursor >= pick.sequence.size())
            cursor = 0;
        slot = pick.sequence[cursor++];
    }
    return {slot, snapshot.destination(slot).generation};
}

bool Core::make_room(Tick now) {
    if (!connections_.full())
        return true;
    stateless_end_ = now + stateless_memory_s + 1;
    const ConnectionIndex oldest = connections_.oldest_half_open();
    if (oldest == no_connection)
        return false;
    end(oldest);
    counters_.count(Event::half_open_evicted);
    return true;
}

// Enters the connection into the table, and the client into the persistence table. Returns where
// it goes: elsewhere than to `wanted` when another worker has just bound the client.
Identity Core::record(const Snapshot& snapshot, const Work& work,
                      const std::optional<Identity>& bound, const Identity& wanted, Tick now) {
    const ServiceEntry& service = snapshot.service(work.service.slot);
    Identity destination = wanted;
    BindingIndex binding = no_binding;
    if (service.persistence_timeout_s > 0) {
        const PersistenceTable::Bound result = persistence_.bind(
            persistence_key(work, service), bound, wanted, service.persistence_timeout_s, now);
        binding = result.binding;
        if (can_take_connections(snapshot, result.destination))
            destination = result.destination;
        if (result.created)
            counters_.count(Event::persistence_created);
        if (binding == no_binding)
            counters_.count(Event::persistence_full);
    }
    const bool udp = work.packet.protocol == Protocol::udp;
    const ConnectionIndex index = connections_.create(
        work.key(), work.hash, udp ? ConnectionState::udp : ConnectionState::syn, now);
    Connection& connection = connections_.at(index);
    connections_.assign(index, destination);
    connection.binding = binding;
    if (work.is_fragment && peers_ != nullptr) {
        connection.opened_by_fragment = true;
        peers_->opened_by_fragment.fetch_add(1, std::memory_order_relaxed);
    }

    counters_.count(Event::connection_created);
    counters_.service(work.service.slot, service.generation).connections.add(1);
    TrafficCounters& counters = counters_.destination(destination.slot, destination.generation);
    counters.connections.add(1);
    gauge(counters, connection.state).add(1);
    return destination;
}

void Core::change_state(ConnectionIndex index, ConnectionState state, Tick now) {
    const Connection& connection = connections_.at(index);
    TrafficCounters& counters =
        counters_.destination(connection.destination, connection.destination_generation);
    gauge(counters, connection.state).subtract(1);
    gauge(counters, state).add(1);
    connections_.change_state(index, state, now);
}

void Core::end(ConnectionIndex index) {
    const Connection& connection = connections_.at(index);
    // The slot may belong to another destination by now.
    if (TrafficCounters* counters =
            counters_.find_destination(connection.destination, connection.destination_generation);
        counters != nullptr)
        gauge(*counters, connection.state).subtract(1);
    if (connection.binding != no_binding)
        persistence_.release(connection.binding);
    if (connection.opened_by_fragment)
        peers_->opened_by_fragment.fetch_sub(1, std::memory_order_relaxed);
    connections_.destroy(index);
}

void Core::expire(Tick now) {
    for (std::uint64_t left = fragments_.expire(now); left > 0; --left)
        counters_.count(Event::fragment_given_up);
    std::uint32_t budget = expire_budget;
    for (;;) {
        const ConnectionIndex index = connections_.next_expired(now, budget);
        if (index == no_connection)
            return;
        end(index);
        counters_.count(Event::connection_expired);
    }
}

}  // namespace headgate::dataplane
