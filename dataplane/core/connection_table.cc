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
        if (nodes_[index].is(key))
            return index;
    }
    ConnectionIndex index = bucket.overflow;
    while (index != no_connection && !nodes_[index].is(key))
        index = nodes_[index].overflow_next_;
    return index;
}

ConnectionIndex ConnectionTable::create(const ConnectionKey& key, std::uint64_t hash,
                                        ConnectionState state, Tick now) {
    check(!full(), "a connection is created in a table with room");
    const ConnectionIndex index = free_;
    Connection& connection = nodes_[index];
    free_ = connection.wheel_next_;
    size_.add(1);
    connection.client = key.client;
    connection.service = key.service;
    connection.client_port = key.client_port;
    connection.service_port = key.service_port;
    connection.destination = no_slot;
    connection.destination_generation = 0;
    connection.binding = no_binding;
    connection.state = state;
    touch(connection, now);
    index_insert(index, hash);
    wheel_link(index, slot_after(connection.deadline));
    if (state == ConnectionState::syn)
        half_open_append(index);
    return index;
}

void ConnectionTable::change_state(ConnectionIndex index, ConnectionState state, Tick now) {
    Connection& connection = nodes_[index];
    if (connection.state == ConnectionState::syn)
        half_open_remove(index);
    // The wheel finds a later deadline by itself, but it must not look too late for an earlier one.
    const bool sooner = timeout_s(state) < timeout_s(connection.state);
    connection.state = state;
    touch(connection, now);
    if (sooner) {
        wheel_unlink(index);
        wheel_link(index, slot_after(connection.deadline));
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
    connection.service = 0;
    connection.wheel_next_ = free_;
    free_ = index;
    size_.subtract(1);
}

// ---- the index ----

void ConnectionTable::index_insert(ConnectionIndex index, std::uint64_t hash) {
    Bucket& bucket = buckets_[bucket_of(hash)];
    const std::uint32_t unused = matching_ways(bucket, 0);
    if (unused == 0) {
        nodes_[index].overflow_next_ = bucket.overflow;
        bucket.overflow = index;
        return;
    }
    const auto way = static_cast<std::size_t>(std::countr_zero(unused));
    bucket.tags[way] = tag_of(hash);
    bucket.nodes[way] = index;
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
            bucket.tags[way] = 0;
        } else {
            bucket.overflow = nodes_[heir].overflow_next_;
            bucket.tags[way] = tag_of(hash_of(nodes_[heir]));
            bucket.nodes[way] = heir;
        }
        return;
    }
    ConnectionIndex* link = &bucket.overflow;
    while (*link != index) {
        check(*link != no_connection, "a connection is in its bucket");
        link = &nodes_[*link].overflow_next_;
    }
    *link = nodes_[index].overflow_next_;
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
    if (now > wheel_now_ && now - wheel_now_ > wheel_slots)
        wheel_now_ = now - wheel_slots;
    for (;;) {
        while (wheel_[firing_slot] != no_connection) {
            if (budget == 0)
                return no_connection;
            --budget;
            const ConnectionIndex index = wheel_[firing_slot];
            const Connection& connection = nodes_[index];
            if (connection.wheel_next_ != no_connection)
                prefetch_node(connection.wheel_next_);
            if (is_past(connection.deadline, now))
                return index;
            wheel_unlink(index);
            wheel_link(index, slot_after(connection.deadline));
        }
        if (wheel_now_ > now)
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
    nodes_[index].half_open_next_ = no_connection;
    nodes_[index].half_open_previous_ = half_open_last_;
    if (half_open_last_ != no_connection)
        nodes_[half_open_last_].half_open_next_ = index;
    else
        half_open_first_ = index;
    half_open_last_ = index;
}

void ConnectionTable::half_open_remove(ConnectionIndex index) {
    const ConnectionIndex next = nodes_[index].half_open_next_;
    const ConnectionIndex previous = nodes_[index].half_open_previous_;
    if (previous != no_connection)
        nodes_[previous].half_open_next_ = next;
    else
        half_open_first_ = next;
    if (next != no_connection)
        nodes_[next].half_open_previous_ = previous;
    else
        half_open_last_ = previous;
}

}  // namespace headgate::dataplane
