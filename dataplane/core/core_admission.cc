// Which packets may begin a connection, and how: block list, limits of prefixes, the gate.
#include <algorithm>

#include "dataplane/core/core.h"

namespace headgate::dataplane {

// Requires: the packet opens a connection, or stateless_ is open.
Core::Admission Core::admit(const Snapshot& snapshot, const Work& work, Access access, Tick now) {
    const bool opens = work.packet.opens();
    if (access == Access::allowed)
        return opens ? Admission::scheduled : Admission::repeatable;
    if (opens && !take_source(snapshot, work.packet.client, now))
        return Admission::limited;
    const ServiceEntry& service = snapshot.service(work.service.slot);
    if (is_one_packet(service, work))
        return Admission::scheduled;  // it never has an entry
    const Protocol protocol = work.packet.protocol;
    const auto kind = opens ? ConnectionGate::Kind::opening : ConnectionGate::Kind::returning;
    if (gate_.take(kind, snapshot.protection().connection_rate, now))
        return !opens || repeatable(protocol).is_open(now) ? Admission::repeatable
                                                           : Admission::scheduled;
    // It can be idle for as long as with an entry.
    ConnectionState state = ConnectionState::established;
    if (opens)
        state = protocol == Protocol::udp ? ConnectionState::udp : ConnectionState::syn;
    const Tick until = now + service.timeouts.of(state);
    stateless_.extend(until);
    if (opens)
        repeatable(protocol).extend(until);
    return Admission::deferred;
}

// admit(), with nothing taken.
Core::Admission Core::trace_admission(const Snapshot& snapshot, const Work& work, Access access,
                                      Tick now) const {
    const bool opens = work.packet.opens();
    if (access == Access::allowed)
        return opens ? Admission::scheduled : Admission::repeatable;
    if (opens) {
        const auto limit = source_limit(snapshot, work.packet.client);
        if (limit && !sources_.has(limit->prefix, limit->share, now))
            return Admission::limited;
    }
    if (is_one_packet(snapshot.service(work.service.slot), work))
        return Admission::scheduled;
    const auto kind = opens ? ConnectionGate::Kind::opening : ConnectionGate::Kind::returning;
    if (!gate_.has(kind, snapshot.protection().connection_rate, now))
        return Admission::deferred;
    return !opens || repeatable(work.packet.protocol).is_open(now) ? Admission::repeatable
                                                                   : Admission::scheduled;
}

// Whether the client's prefix may open one more connection.
bool Core::take_source(const Snapshot& snapshot, const WideAddress& client, Tick now) {
    const auto limit = source_limit(snapshot, client);
    return !limit || sources_.take(limit->prefix, limit->share, now);
}

std::optional<Core::SourceLimit> Core::source_limit(const Snapshot& snapshot,
                                                    const WideAddress& client) const {
    const Protection& protection = snapshot.protection();
    const std::uint64_t rate = protection.source_rate;
    const std::uint64_t share = (rate + worker_count_ - 1) / worker_count_;
    if (share > SourceLimiter::limit_max)
        return std::nullopt;
    const auto length = static_cast<std::uint8_t>(
        is_v4(client) ? mapped_prefix_length + protection.source_prefix_length_v4
                      : protection.source_prefix_length_v6);
    return SourceLimit{masked(client, length), static_cast<std::uint32_t>(share)};
}

bool Core::enforce_access(const Snapshot& snapshot, Tick now) {
    const auto capacity = static_cast<ConnectionIndex>(connections_.capacity());
    if (access_generation_ != snapshot.access_generation()) {
        access_generation_ = snapshot.access_generation();
        const AccessList* list = snapshot.protection().access.get();
        enforced_ = list != nullptr && list->blocks() ? 0 : capacity;
    }
    if (enforced_ == capacity) [[likely]]
        return false;
    const ConnectionIndex end_of_piece = std::min(enforced_ + scan_nodes, capacity);
    std::uint32_t ended = 0;
    for (; enforced_ < end_of_piece && ended < scan_ends; ++enforced_) {
        const Connection& connection = connections_.at(enforced_);
        if (connection.service == 0 || snapshot.access_of(connection.client) != Access::blocked)
            continue;
        end(snapshot, enforced_, now);
        counters_.count(Event::connection_blocked);
        ++ended;
    }
    loads_.flush(snapshot);
    return enforced_ < capacity;
}

}  // namespace headgate::dataplane
