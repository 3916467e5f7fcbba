// The stages of the packet path, then what happens to a connection: begin, follow, end.
#include "dataplane/core/core.h"

#include <algorithm>
#include <span>

#include "common/check.h"
#include "dataplane/core/plain_packet.h"

namespace headgate::dataplane {
namespace {

// Connections that may end in one call of expire(). A burst begins at most 64, so this is enough
// to keep up, and a call stays within tens of microseconds.
constexpr std::uint32_t expire_budget = 128;

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

Counter& gauge(TrafficCounters& counters, ConnectionState state) {
    return state == ConnectionState::established ? counters.active_connections
                                                 : counters.inactive_connections;
}

// Whether the sender is to learn it.
bool is_answered(Reason reason) {
    return reason == Reason::hops_exceeded || reason == Reason::packet_too_big;
}

}  // namespace

Core::Core(const CoreOptions& options, PersistenceTable& persistence)
    : connections_(options.connections_max, options.seed),
      flow_cache_(options.flow_cache),
      persistence_(persistence),
      fragments_(options.seed),
      scheduler_(options.worker_index, options.worker_count, options.seed.words[0], loads_),
      worker_count_(options.worker_count),
      sources_(options.seed),
      enforced_(options.connections_max),
      answers_(answers_max_of_burst * icmp_answer_bytes_max),
      pieces_(new std::uint8_t[pieces_max_of_burst * fragment_bytes_max]),
      flow_seed_(options.seed),
      // Not to be guessed (RFC 7739), and never the same of two workers.
      tunnel_id_(static_cast<std::uint32_t>(options.seed.words[2]) + options.worker_index),
      tunnel_id_step_(options.worker_count) {
    check(options.worker_index < options.worker_count, "the worker is one of the workers");
}

void Core::process(const Snapshot& snapshot, Burst& burst, Tick now) {
    check(burst.count <= burst_max, "a burst has at most burst_max frames");
    cold_count_ = 0;
    released_count_ = 0;
    answers_count_ = 0;
    pieces_count_ = 0;
    burst.elsewhere = 0;
    fragments_.reclaim();
    const std::uint32_t count = service_stage(snapshot, burst);
    candidate_stage(count);
    forward_stage(snapshot, burst, count, now);
    work_count_ = count;
    cold_stage(snapshot, burst, now);
    loads_.flush(snapshot);
}

std::uint32_t Core::service_stage(const Snapshot& snapshot, const Burst& burst) {
    const std::span frames(burst.frames.data(), burst.count);
    if (burst.interface >= snapshot.interface_count()) {
        for (std::uint32_t index = 0; index < burst.count; ++index)
            leave_hot_loop(index, Reason::no_service);
        return 0;
    }
    for (const Frame& frame : frames)
        __builtin_prefetch(frame.data, 1);
    const std::uint64_t own_mac_word = mac_word(snapshot.interface_mac(burst.interface));
    Snapshot::Lookup services(snapshot);
    Work* work = work_.data();
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        work->frame = index;
        bool goes_on = false;
        if (parse_plain(frames[index], own_mac_word, work->packet)) [[likely]]
            goes_on = find_service(services, *work);
        else
            goes_on = read_odd(snapshot, burst, services, *work);
        work += goes_on ? 1 : 0;
    }
    return static_cast<std::uint32_t>(work - work_.data());
}

// False: the packet has left the hot loop. Inline, so that what has just been read of it is still
// in registers.
[[gnu::always_inline]] inline bool Core::find_service(Snapshot::Lookup& services, Work& work) {
    const Packet& packet = work.packet;
    const Snapshot::FoundService& found =
        services.find(packet.address, packet.port, packet.protocol);
    if (!found.active) [[unlikely]] {
        const bool is_none = found.identity.slot == no_slot;
        Cold& cold =
            leave_hot_loop(work.frame, is_none ? Reason::no_service : Reason::service_inactive);
        cold.fate.service = found.identity;
        return false;
    }
    work.set_service(found.identity, connections_);
    work.place = connections_.prefetch_place(work.hash);
    return true;
}

// What is not plain: also IPv6.
[[gnu::noinline]] bool Core::read_odd(const Snapshot& snapshot, const Burst& burst,
                                      Snapshot::Lookup& services, Work& work) {
    const Reason reason =
        parse(burst.frames[work.frame], snapshot.interface_mac(burst.interface), work.packet);
    if (reason == Reason::none)
        return find_service(services, work);
    Cold& cold = leave_hot_loop(work.frame, reason);
    if (reason == Reason::fragment || reason == Reason::icmp)
        cold.packet = work.packet;
    return false;
}

void Core::candidate_stage(std::uint32_t count) {
    const std::span works(work_.data(), count);
    for (const Work& work : works)
        work.place.touch();
    for (Work& work : works)
        work.candidate = connections_.prefetch_candidate(work.place, work.hash);
    for (const Work& work : works) {
        if (work.candidate != nullptr) [[likely]]
            ConnectionTable::touch_candidate(work.candidate);
    }
}

void Core::forward_stage(const Snapshot& snapshot, Burst& burst, std::uint32_t count, Tick now) {
    std::fill_n(burst.verdicts.begin(), burst.count, Verdict::transmit);
    std::fill_n(burst.reasons.begin(), burst.count, Reason::none);
    if (count == 0)
        return;
    const std::uint32_t cold_before = cold_count_;
    const std::uint64_t source = mac_word(snapshot.interface_mac(burst.interface));
    const bool caches = flow_cache_.exists();
    // Of packets of one service that come one after the other, which are counted at once.
    Identity service = work_[0].service;
    std::uint64_t packets = 0;
    std::uint64_t bytes = 0;
    const auto count_service = [&] {
        counters_.service(service.slot, service.generation).add_packets(packets, bytes);
        packets = bytes = 0;
    };
    for (Work& work : std::span(work_.data(), count)) {
        const DestinationEntry* entry = follow(snapshot, work, now);
        if (entry == nullptr || entry->detours != 0) [[unlikely]] {
            forward_odd(snapshot, burst, work, entry != nullptr, now);
            continue;
        }
        rewrite(work.packet, burst.frames[work.frame].data, entry->mac, source);
        counters_.destination(work.destination.slot, work.destination.generation)
            .add_packets(1, work.packet.ip_bytes);
        if (work.service.slot != service.slot) {
            count_service();
            service = work.service;
        }
        ++packets;
        bytes += work.packet.ip_bytes;
        if (caches)
            offer_to_cache(snapshot, work, now);
    }
    count_service();
    counters_.count(Reason::none, count - (cold_count_ - cold_before));
}

// `followed`: its connection is known, and it only remains to be sent.
[[gnu::noinline]] void Core::forward_odd(const Snapshot& snapshot, Burst& burst, Work& work,
                                         bool followed, Tick now) {
    Reason reason = Reason::none;
    if (!followed) {
        work.destination = {};
        reason = work.packet.hops > 1 ? follow_or_begin(snapshot, work, now, work.destination)
                                      : Reason::hops_exceeded;
    }
    if (reason == Reason::none) [[likely]]
        reason = forward(snapshot, {burst.interface, burst.headroom}, burst.frames[work.frame],
                         work.packet, work.service, work.destination);
    if (reason == Reason::none) [[likely]] {
        const DestinationEntry& entry = snapshot.destination(work.destination.slot);
        if (!entry.elsewhere())
            return;
        leave_elsewhere(snapshot, burst, work.frame, work.destination.slot);
        if (followed && !entry.tunnelled() && flow_cache_.exists() &&
            snapshot.egress(work.destination.slot).takes_redirects)
            offer_to_cache(snapshot, work, now);
        return;
    }
    Cold& cold = leave_hot_loop(work.frame, reason);
    cold.fate = {work.service, work.destination};
    if (is_answered(reason))
        cold.packet = work.packet;
}

void Core::cold_stage(const Snapshot& snapshot, Burst& burst, Tick now) {
    for (Cold& cold : std::span(cold_.data(), cold_count_)) {
        Reason reason = cold.reason;
        if (reason == Reason::fragment)
            reason = handle_fragment(snapshot, burst, cold, now);
        else if (reason == Reason::icmp)
            reason = handle_icmp(snapshot, burst, cold, now);
        if (is_answered(reason)) {
            if (snapshot.access_of(cold.packet.client) == Access::blocked)
                reason = Reason::source_blocked;
            else
                answer(snapshot, burst.frames[cold.frame], cold, reason, now);
        }
        burst.verdicts[cold.frame] = info(reason).verdict;
        burst.reasons[cold.frame] = reason;
        if (reason == Reason::none && snapshot.destination(cold.fate.destination.slot).elsewhere())
            [[unlikely]]
            leave_elsewhere(snapshot, burst, cold.frame, cold.fate.destination.slot);
        counters_.count(reason, 1);
    }
}

Fates Core::fates() const {
    Fates fates;
    for (const Work& work : std::span(work_.data(), work_count_))
        fates[work.frame] = {work.service, work.destination};
    for (const Cold& cold : std::span(cold_.data(), cold_count_))
        fates[cold.frame] = cold.fate;
    return fates;
}

// One whose connection is the one that was expected, and goes on as it is. Not so, too, when an
// earlier packet of the burst has taken the node.
[[gnu::always_inline]] inline const DestinationEntry* Core::follow(const Snapshot& snapshot,
                                                                   Work& work, Tick now) {
    constexpr std::uint8_t changing = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst;
    if (work.candidate == nullptr) [[unlikely]]
        return nullptr;
    Connection& connection = *work.candidate;
    const DestinationEntry& entry = snapshot.destination(connection.destination);
    const ConnectionState state = connection.state;
    if (!work.is_of(connection) || entry.generation != connection.destination_generation ||
        !entry.resolved || !is_lasting(state) || (work.packet.tcp_flags & changing) != 0 ||
        work.packet.hops <= 1 || is_past(connection.deadline(), now)) [[unlikely]]
        return nullptr;
    ConnectionTable::touch(connection, snapshot.service(work.service.slot).timeouts.of(state), now);
    work.destination = {connection.destination, connection.destination_generation};
    return &entry;
}

Reason Core::follow_or_begin(const Snapshot& snapshot, const Work& work, Tick now,
                             Identity& destination) {
    const ConnectionIndex index = connections_.find(work.key(), work.hash);
    if (index == no_connection) [[unlikely]]
        return begin(snapshot, work, now, destination);

    Connection& connection = connections_.at(index);
    catch_up(snapshot, connection, now);
    const DestinationEntry& entry = snapshot.destination(connection.destination);
    const bool removed = entry.generation != connection.destination_generation;
    const bool expired = is_past(connection.deadline(), now);
    if (expired || (work.packet.opens() && (removed || is_closing(connection.state))))
        [[unlikely]] {
        end(snapshot, index, now);
        return begin(snapshot, work, now, destination);
    }
    if (removed) [[unlikely]] {
        leave_cache(connection, now);
        return Reason::destination_removed;
    }
    if (!entry.resolved) [[unlikely]]
        return Reason::destination_unresolved;
    const ConnectionState state = next_state(connection.state, work.packet.tcp_flags);
    if (state == connection.state)
        ConnectionTable::touch(connection, snapshot.service(work.service.slot).timeouts.of(state),
                               now);
    else
        change_state(snapshot, work, index, state, now);
    destination = {connection.destination, connection.destination_generation};
    return Reason::none;
}

// A packet without a connection.
Reason Core::begin(const Snapshot& snapshot, const Work& work, Tick now, Identity& destination) {
    const Access access = snapshot.access_of(work.packet.client);
    if (access == Access::blocked)
        return Reason::source_blocked;
    if (work.is_fragment || peers_may_know() || may_have_moved(snapshot, work, now)) [[unlikely]] {
        if (const std::optional<Identity> known = ask_peers(snapshot, work, now)) {
            destination = *known;
            const Reason reason = check_destination(snapshot, destination);
            if (reason == Reason::none && !work.is_fragment)
                take_over(snapshot, work, destination, now);
            return reason;
        }
    }
    // A segment in the middle of a connection that has no entry.
    const bool recovers = !work.packet.opens();
    if (recovers && !stateless_.is_open(now))
        return Reason::no_connection;
    if (!work.packet.has_valid_client())
        return Reason::source_invalid;
    const Admission admission = admit(snapshot, work, access, now);
    if (admission == Admission::limited)
        return Reason::source_limited;

    const ServiceEntry& service = snapshot.service(work.service.slot);
    const bool one_packet = is_one_packet(service, work);
    const bool stateless =
        admission != Admission::scheduled || (!one_packet && connections_.full());
    std::optional<Identity> bound;
    destination = choose(snapshot, work, stateless, now, bound);
    if (destination.slot == no_slot)
        return Reason::no_destination;

    if (admission == Admission::deferred) {
        counters_.count(Event::connection_deferred);
        return Reason::none;
    }
    if (!one_packet && !make_room(snapshot, service, now)) {
        counters_.count(Event::forwarded_stateless);
        return Reason::none;
    }
    if (recovers)
        counters_.count(Event::connection_recovered);
    PersistenceTable::Bound placed{.destination = destination};
    if (service.persistence_timeout_s > 0)
        placed = bind(snapshot, work, bound, destination, now);
    destination = placed.destination;
    count_connection(work, destination);
    if (!one_packet) {
        record(snapshot, work, placed, first_state(work), now);
        counters_.count(Event::connection_created);
    } else if (placed.binding != no_binding) {
        persistence_.release(placed.binding);
    }
    return Reason::none;
}

bool Core::make_room(const Snapshot& snapshot, const ServiceEntry& service, Tick now) {
    if (!connections_.full())
        return true;
    // A connection without an entry can be idle for as long as one with an entry.
    stateless_.extend(now + service.timeouts.of(ConnectionState::established));
    const ConnectionIndex oldest = connections_.oldest_half_open();
    if (oldest == no_connection)
        return false;
    end(snapshot, oldest, now);
    counters_.count(Event::half_open_evicted);
    return true;
}

void Core::count_connection(const Work& work, const Identity& destination) {
    counters_.service(work.service.slot, work.service.generation).connections.add(1);
    counters_.destination(destination.slot, destination.generation).connections.add(1);
}

ConnectionIndex Core::record(const Snapshot& snapshot, const Work& work,
                             const PersistenceTable::Bound& bound, ConnectionState state,
                             Tick now) {
    const Tick timeout = snapshot.service(work.service.slot).timeouts.of(state);
    const ConnectionIndex index = connections_.create(work.key(), work.hash, state, timeout, now);
    Connection& connection = connections_.at(index);
    connections_.assign(index, bound.destination);
    connection.binding = bound.binding;
    if (work.is_fragment && peers_ != nullptr) {
        connection.opened_by_fragment = true;
        peers_->opened_by_fragment.fetch_add(1, std::memory_order_relaxed);
    }
    gauge(counters_.destination(bound.destination.slot, bound.destination.generation), state)
        .add(1);
    loads_.add(snapshot, bound.destination, load_of(state));
    return index;
}

void Core::change_state(const Snapshot& snapshot, const Work& work, ConnectionIndex index,
                        ConnectionState state, Tick now) {
    const Tick timeout = snapshot.service(work.service.slot).timeouts.of(state);
    Connection& connection = connections_.at(index);
    if (!is_lasting(state))
        leave_cache(connection, now);
    TrafficCounters& counters =
        counters_.destination(connection.destination, connection.destination_generation);
    gauge(counters, connection.state).subtract(1);
    gauge(counters, state).add(1);
    loads_.add(snapshot, {connection.destination, connection.destination_generation},
               load_of(state) + -load_of(connection.state));
    connections_.change_state(index, state, timeout, now);
}

void Core::end(const Snapshot& snapshot, ConnectionIndex index, Tick now) {
    Connection& connection = connections_.at(index);
    leave_cache(connection, now);
    // The slot may belong to another destination by now.
    if (TrafficCounters* counters =
            counters_.find_destination(connection.destination, connection.destination_generation);
        counters != nullptr)
        gauge(*counters, connection.state).subtract(1);
    loads_.add(snapshot, {connection.destination, connection.destination_generation},
               -load_of(connection.state));
    if (connection.binding != no_binding)
        persistence_.release(connection.binding);
    if (connection.opened_by_fragment)
        peers_->opened_by_fragment.fetch_sub(1, std::memory_order_relaxed);
    connections_.destroy(index);
}

bool Core::scan(const Snapshot& snapshot, FlowScan& scan, Tick now) {
    const auto capacity = static_cast<ConnectionIndex>(connections_.capacity());
    const ConnectionIndex end_of_piece = std::min(scan.next + scan_nodes, capacity);
    std::uint32_t ended = 0;
    for (; scan.next < end_of_piece && ended < scan_ends; ++scan.next) {
        Connection& connection = connections_.at(scan.next);
        catch_up(snapshot, connection, now);
        const bool exists = connection.service != 0 && !is_past(connection.deadline(), now);
        if (!exists || !scan.matches(connection))
            continue;
        scan.visit(connection, now);
        if (!scan.ends())
            continue;
        end(snapshot, scan.next, now);
        counters_.count(Event::connection_ended);
        ++ended;
    }
    loads_.flush(snapshot);
    return scan.next == capacity;
}

void Core::expire(const Snapshot& snapshot, Tick now) {
    flow_cache_.set_tick(now);
    for (std::uint64_t left = fragments_.expire(now); left > 0; --left)
        counters_.count(Event::fragment_given_up);
    std::uint32_t budget = expire_budget;
    for (;;) {
        const ConnectionIndex index = connections_.next_expired(now, budget);
        if (index == no_connection)
            break;
        Connection& connection = connections_.at(index);
        catch_up(snapshot, connection, now);
        if (!is_past(connection.deadline(), now))
            continue;
        end(snapshot, index, now);
        counters_.count(Event::connection_expired);
    }
    loads_.flush(snapshot);
}

}  // namespace headgate::dataplane
