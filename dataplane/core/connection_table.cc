// The three structures that hold a node: the index, the wheel, the queue of half-open ones.
#include "dataplane/core/connection_table.h"

#include <bit>

#include "common/check.h"

namespace headgate::dataplane {
namespace {

// Buckets hold eight; on average five are used when the table is full, and then about one
// connection in a hundred is in an overflow chain.
std::size_t bucket_count(std::uint32_t capacity) {
    return capacity / 5 + 1;
}

}  // namespace

ConnectionTable::ConnectionTable(std::uint32_t capacity, const HashSeed& seed)
    : seed_(seed), buckets_(bucket_count(capacity)), nodes_(capacity) {
    check(capacity > 0 && capacity < first_in_slot, "an index fits beside the wheel's flag bit");
    wheel_.fill(no_connection);
    for (ConnectionIndex index = capacity; index-- > 0;) {
        nodes_[index].wheel_next_ = free_;
        free_ = index;
    }
}

ConnectionIndex ConnectionTable::find(const ConnectionKey& key, std::uint64_t hash) const {
    const Bucket& bucket = buckets_[bucket_of(hash)];
    for (std::uint32_t left = matching_ways(bucket, tag_of(hash)); left != 0; left &= left - 1) {
        const ConnectionIndex index =
            bucket.nodes[static_cast<std::size_t>(std::countr_zero(left))];
        if (nodes_[index].key() == key)
            return index;
    }
    ConnectionIndex index = bucket.overflow;
    while (index != no_connection && nodes_[index].key() != key)
        index = nodes_[index].overflow_next_;
    return index;
}

ConnectionIndex ConnectionTable::create(const ConnectionKey& key, std::uint64_t hash,
                                        ConnectionState state, Tick timeout, Tick now) {
    check(!full(), "a connection is created in a table with room");
    const ConnectionIndex index = free_;
    Connection& connection = nodes_[index];
    free_ = connection.wheel_next_;
    size_.add(1);
    store_shared(connection.client.first, key.client.first);
    store_shared(connection.client.second, key.client.second);
    store_shared(connection.client_port, key.client_port);
    store_shared(connection.service_port, key.service_port);
    store_shared(connection.destination, no_slot, std::memory_order_release);
    store_shared(connection.service, key.service);
    store_shared(connection.state, state);
    connection.binding = no_binding;
    connection.opened_by_fragment = false;
    connection.followed = 0;
    connection.half_open_next_or_cached_ = no_connection;
    touch(connection, timeout, now);
    index_insert(index, hash);
    wheel_link(index, slot_after(connection.deadline()));
    if (state == ConnectionState::syn)
        half_open_append(index);
    return index;
}

void ConnectionTable::change_state(ConnectionIndex index, ConnectionState state, Tick timeout,
                                   Tick now) {
    Connection& connection = nodes_[index];
    if (connection.state == ConnectionState::syn)
        half_open_remove(index);
    // The wheel finds a later deadline by itself, but it must not look too late for an earlier one.
    const bool sooner = is_past(now + timeout, connection.deadline());
    store_shared(connection.state, state);
    touch(connection, timeout, now);
    if (sooner) {
        wheel_unlink(index);
        wheel_link(index, slot_after(connection.deadline()));
    }
    if (state == ConnectionState::syn)
        half_open_append(index);
}

void ConnectionTable::destroy(ConnectionIndex index) {
    Connection& connection = nodes_[index];
    check(connection.service != 0, "the connection that ends exists");
    if (connection.state == ConnectionState::syn)
        half_open_remove(index);
    wheel_unlink(index);
    index_remove(index);
    store_shared(connection.service, 0U);
    connection.wheel_next_ = free_;
    free_ = index;
    size_.subtract(1);
}

void ConnectionTable::assign(ConnectionIndex index, const Identity& destination) {
    Connection& connection = nodes_[index];
    store_shared(connection.destination_generation, destination.generation,
                 std::memory_order_release);
    store_shared(connection.destination, destination.slot, std::memory_order_release);
}

// ---- what peers do ----

std::optional<Identity> ConnectionTable::follow_as_peer(const ConnectionKey& key,
                                                        const StateTimeouts& timeouts, Tick now) {
    ConnectionIndex index = no_connection;
    const std::optional<Identity> destination = find_as_peer(key, index);
    if (destination) {
        Connection& node = nodes_[index];
        store_shared(node.deadline_, now + timeouts.of(load_shared(node.state)));
    }
    return destination;
}

std::optional<Identity> ConnectionTable::find_as_peer(const ConnectionKey& key,
                                                      ConnectionIndex& found) const {
    const std::uint64_t wanted = hash(key);
    const Bucket& bucket = buckets_[bucket_of(wanted)];
    for (std::size_t way = 0; way < ways; ++way) {
        if (load_shared(bucket.tags[way]) != tag_of(wanted))
            continue;
        found = load_shared(bucket.nodes[way]);
        if (const auto destination = read_as_peer(found, key))
            return destination;
    }
    // The owner may be changing the chain: a walk ends even if it went astray.
    found = load_shared(bucket.overflow);
    for (std::size_t steps = 0; found != no_connection && steps < 2 * ways; ++steps) {
        if (const auto destination = read_as_peer(found, key))
            return destination;
        found = load_shared(nodes_[found].overflow_next_);
    }
    return std::nullopt;
}

std::optional<Identity> ConnectionTable::read_as_peer(ConnectionIndex index,
                                                      const ConnectionKey& key) const {
    const Connection& node = nodes_[index];
    const auto is_key = [&] {
        return load_shared(node.service) == key.service &&
               load_shared(node.client.first) == key.client.first &&
               load_shared(node.client.second) == key.client.second &&
               load_shared(node.client_port) == key.client_port &&
               load_shared(node.service_port) == key.service_port;
    };
    if (!is_key())
        return std::nullopt;
    const Identity destination{load_shared(node.destination, std::memory_order_acquire),
                               load_shared(node.destination_generation, std::memory_order_acquire)};
    // The owner writes the key before the destination: had the node become another connection, its
    // key would be seen now; and had it become this one again since, another destination.
    if (destination.slot == no_slot || !is_key() ||
        load_shared(node.destination, std::memory_order_acquire) != destination.slot)
        return std::nullopt;
    return destination;
}

// ---- the index ----

void ConnectionTable::index_insert(ConnectionIndex index, std::uint64_t hash) {
    Bucket& bucket = buckets_[bucket_of(hash)];
    const std::uint32_t unused = matching_ways(bucket, 0);
    if (unused == 0) {
        store_shared(nodes_[index].overflow_next_, bucket.overflow);
        store_shared(bucket.overflow, index);
        return;
    }
    const auto way = static_cast<std::size_t>(std::countr_zero(unused));
    store_shared(bucket.tags[way], tag_of(hash));
    store_shared(bucket.nodes[way], index);
}

void ConnectionTable::index_remove(ConnectionIndex index) {
    const std::uint64_t hash = hash_of(nodes_[index]);
    Bucket& bucket = buckets_[bucket_of(hash)];
    for (std::uint32_t left = matching_ways(bucket, tag_of(hash)); left != 0; left &= left - 1) {
        const auto way = static_cast<std::size_t>(std::countr_zero(left));
        if (bucket.nodes[way] != index)
            continue;
        // One that waits in the overflow chain takes the place.
        const ConnectionIndex heir = bucket.overflow;
        if (heir == no_connection) {
            store_shared(bucket.tags[way], std::uint16_t{0});
        } else {
            store_shared(bucket.overflow, nodes_[heir].overflow_next_);
            store_shared(bucket.tags[way], tag_of(hash_of(nodes_[heir])));
            store_shared(bucket.nodes[way], heir);
        }
        return;
    }
    ConnectionIndex* link = &bucket.overflow;
    while (*link != index) {
        check(*link != no_connection, "a connection is in its bucket");
        link = &nodes_[*link].overflow_next_;
    }
    store_shared(*link, nodes_[index].overflow_next_);
}

// ---- the wheel ----

void ConnectionTable::wheel_link(ConnectionIndex index, std::uint32_t slot) {
    const ConnectionIndex next = wheel_[slot];
    nodes_[index].wheel_next_ = next;
    nodes_[index].wheel_previous_ = first_in_slot | slot;
    if (next != no_connection)
        nodes_[next].wheel_previous_ = index;
    wheel_[slot] = index;
}

void ConnectionTable::wheel_unlink(ConnectionIndex index) {
    const std::uint32_t previous = nodes_[index].wheel_previous_;
    const ConnectionIndex next = nodes_[index].wheel_next_;
    if ((previous & first_in_slot) != 0)
        wheel_[previous & ~first_in_slot] = next;
    else
        nodes_[previous].wheel_next_ = next;
    if (next != no_connection)
        nodes_[next].wheel_previous_ = previous;
}

ConnectionIndex ConnectionTable::next_expired(Tick now, std::uint32_t& budget) {
    // At the first call, and after a long sleep: every slot once is enough.
    if (!wheel_turns_ || (is_past(wheel_now_, now) && now - wheel_now_ > wheel_slots))
        wheel_now_ = now - wheel_slots;
    wheel_turns_ = true;
    for (;;) {
        while (wheel_[firing_slot] != no_connection) {
            if (budget == 0)
                return no_connection;
            --budget;
            const ConnectionIndex index = wheel_[firing_slot];
            const Connection& connection = nodes_[index];
            if (connection.wheel_next_ != no_connection)
                __builtin_prefetch(&nodes_[connection.wheel_next_], 1);
            if (is_past(connection.deadline(), now))
                return index;
            wheel_unlink(index);
            wheel_link(index, slot_after(connection.deadline()));
        }
        if (is_past(now, wheel_now_))
            return no_connection;
        const std::uint32_t slot = wheel_now_++ % wheel_slots;
        const ConnectionIndex first = wheel_[slot];
        wheel_[slot] = no_connection;
        wheel_[firing_slot] = first;
        if (first != no_connection)
            nodes_[first].wheel_previous_ = first_in_slot | firing_slot;
    }
}

// ---- half-open connections, oldest first ----

void ConnectionTable::half_open_append(ConnectionIndex index) {
    nodes_[index].half_open_next_or_cached_ = no_connection;
    nodes_[index].half_open_previous_ = half_open_last_;
    if (half_open_last_ != no_connection)
        nodes_[half_open_last_].half_open_next_or_cached_ = index;
    else
        half_open_first_ = index;
    half_open_last_ = index;
}

void ConnectionTable::half_open_remove(ConnectionIndex index) {
    const ConnectionIndex next = nodes_[index].half_open_next_or_cached_;
    const ConnectionIndex previous = nodes_[index].half_open_previous_;
    if (previous != no_connection)
        nodes_[previous].half_open_next_or_cached_ = next;
    else
        half_open_first_ = next;
    if (next != no_connection)
        nodes_[next].half_open_previous_ = previous;
    else
        half_open_last_ = previous;
    nodes_[index].half_open_next_or_cached_ = no_connection;
}

}  // namespace headgate::dataplane
