// ConnectionTable: the connections of one worker. Worker-local, single writer, no locks.
// Other workers may call follow_as_peer(), which reads what it finds without a lock: whatever it
// reads, the owner writes by atomic stores, and the key is read again in the end.
//
// Two arrays, allocated at construction. A bucket is one cache line: eight 16-bit tags beside eight
// 32-bit node indices, and the head of a chain for the rare bucket that overflows. A node is one
// cache line with everything about a connection. A lookup in a table of any size touches one line
// of each, and a burst prefetches both.
//
// Expiry is lazy: a packet only writes the node's deadline. A wheel of one-second slots looks at a
// node when the deadline it was linked with has passed and moves it on if there is a later one.
// Half-open connections are also in a queue by age, so that the oldest can make room.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "common/net.h"
#include "dataplane/core/connection_state.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/flow_cache.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/huge_array.h"
#include "dataplane/core/persistence_table.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/tick.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

using ConnectionIndex = std::uint32_t;
inline constexpr ConnectionIndex no_connection = 0xffffffff;

// Loads and stores of what a peer reads or writes. On the machines this runs on, they are the
// instructions of any load and store.
template <typename T>
T load_shared(const T& place, std::memory_order order = std::memory_order_relaxed) {
    return std::atomic_ref(const_cast<T&>(place)).load(order);
}
template <typename T>
void store_shared(T& place, std::type_identity_t<T> value,
                  std::memory_order order = std::memory_order_relaxed) {
    std::atomic_ref(place).store(value, order);
}

// What a connection is known by, besides the client's address.
struct ConnectionPorts {
    // The service's generation: no other service, past or present, has it, so it stands for
    // address and protocol, and connections of a removed service match nothing.
    std::uint32_t service = 0;
    Be16 client_port;
    Be16 service_port;  // the packet's: a service may be for every port

    // All of it in a register, to be hashed and compared at once.
    [[nodiscard]] std::uint64_t word() const {
        return service | std::uint64_t{client_port.raw()} << 32U |
               std::uint64_t{service_port.raw()} << 48U;
    }
};

struct ConnectionKey : ConnectionPorts {
    WideAddress client{};

    ConnectionKey() = default;
    ConnectionKey(const WideAddress& from, const ConnectionPorts& ports)
        : ConnectionPorts(ports), client(from) {}
    bool operator==(const ConnectionKey& other) const {
        return word() == other.word() && client == other.client;
    }
};

// Free while its `service` is 0.
struct alignas(64) Connection : ConnectionKey {
    Slot destination = no_slot;  // set by ConnectionTable::assign()
    std::uint32_t destination_generation = 0;
    BindingIndex binding = no_binding;  // of the persistence table; released with the connection
    ConnectionState state = ConnectionState::syn;
    bool opened_by_fragment = false;
    std::uint8_t followed = 0;  // packets on the way into the flow cache

    // A peer may move it.
    [[nodiscard]] Tick deadline() const { return load_shared(deadline_); }

    [[nodiscard]] const ConnectionKey& key() const { return *this; }

    // Its place in the flow cache; a half-open connection has none.
    [[nodiscard]] CacheIndex cached() const {
        return state == ConnectionState::syn ? not_cached : half_open_next_or_cached_;
    }
    // Requires: it is not half-open.
    void set_cached(CacheIndex index) { half_open_next_or_cached_ = index; }

private:
    friend class ConnectionTable;
    Tick deadline_ = 0;
    ConnectionIndex overflow_next_ = no_connection;
    ConnectionIndex wheel_next_ = no_connection;  // or the next free node
    std::uint32_t wheel_previous_ = 0;            // a node, or first_in_slot | slot
    std::uint32_t half_open_next_or_cached_ = no_connection;
    ConnectionIndex half_open_previous_ = no_connection;
};
static_assert(not_cached == no_connection, "one value for neither");
static_assert(sizeof(Connection) == 64, "one cache line per connection");

class ConnectionTable {
    struct Bucket;

public:
    ConnectionTable(std::uint32_t capacity, const HashSeed& seed);

    [[nodiscard]] std::uint64_t hash(const WideAddress& client, std::uint64_t ports) const {
        return hash_flow(client, ports, seed_);
    }
    [[nodiscard]] std::uint64_t hash(const ConnectionKey& key) const {
        return hash(key.client, key.word());
    }

    // ---- a lookup in steps, each over a whole burst, so that its misses overlap ----
    // A prefetch alone is not enough: processors drop it when it misses the TLB, too, which in a
    // table of many megabytes is often. touch() is a load that nobody waits for: in a loop of
    // little else tens of them are under way at once.
    class Place {
    public:
        void touch() const { load_line(bucket_); }

    private:
        friend class ConnectionTable;
        const Bucket* bucket_ = nullptr;
    };
    [[nodiscard]] Place prefetch_place(std::uint64_t hash) const {
        Place place;
        place.bucket_ = &buckets_[bucket_of(hash)];
        __builtin_prefetch(place.bucket_);
        return place;
    }
    // The node that is most likely the right one, or nullptr when none can be. Verify it by its
    // key; when that fails only find() knows.
    [[nodiscard]] Connection* prefetch_candidate(const Place& place, std::uint64_t hash) {
        const Bucket& bucket = *place.bucket_;
        const std::uint32_t matching = matching_ways(bucket, tag_of(hash));
        ConnectionIndex index = bucket.overflow;
        if (matching != 0) [[likely]]
            index = bucket.nodes[static_cast<std::size_t>(std::countr_zero(matching))];
        if (index == no_connection) [[unlikely]]
            return nullptr;
        __builtin_prefetch(&nodes_[index]);
        return &nodes_[index];
    }
    static void touch_candidate(const Connection* candidate) { load_line(candidate); }

    // ---- the table itself; `hash` is that of `key` ----
    [[nodiscard]] ConnectionIndex find(const ConnectionKey& key, std::uint64_t hash) const;
    [[nodiscard]] Connection& at(ConnectionIndex index) { return nodes_[index]; }
    // Requires: a connection of this table.
    [[nodiscard]] ConnectionIndex index_of(const Connection& connection) const {
        return static_cast<ConnectionIndex>(&connection - &nodes_[0]);
    }
    // A connection in `state` that ends when it is idle for `timeout` seconds from now on;
    // destination and binding are the caller's to set. Requires: not full(), and the key is not
    // there. Timeouts are at most timeout_max_s.
    ConnectionIndex create(const ConnectionKey& key, std::uint64_t hash, ConnectionState state,
                           Tick timeout, Tick now);
    // The connection's timeout starts again. When it has become shorter, its node may be held for
    // as long as the old one, but what matters is its deadline.
    // Most packets of a busy connection come in the same second as the one before: their line stays
    // clean, and need not be written back to memory.
    static void touch(Connection& connection, Tick timeout, Tick now) {
        if (const Tick deadline = now + timeout; connection.deadline() != deadline)
            store_shared(connection.deadline_, deadline);
    }
    // Where the connection goes, as peers see it, too.
    void assign(ConnectionIndex index, const Identity& destination);
    // As touch(), in another state.
    void change_state(ConnectionIndex index, ConnectionState state, Tick timeout, Tick now);
    void destroy(ConnectionIndex index);

    // The half-open connection that was created first, or no_connection.
    [[nodiscard]] ConnectionIndex oldest_half_open() const { return half_open_first_; }
    // A connection whose deadline has passed, or no_connection when no more are due or `budget` is
    // used up; each node that is looked at costs one. The caller destroys it.
    ConnectionIndex next_expired(Tick now, std::uint32_t& budget);

    // Any thread. The destination of the connection, if it is here; its timeout, which is one of
    // `timeouts`, starts again.
    [[nodiscard]] std::optional<Identity> follow_as_peer(const ConnectionKey& key,
                                                         const StateTimeouts& timeouts, Tick now);

    // Any thread. The same, and its timeout stays as it is.
    [[nodiscard]] std::optional<Identity> look_as_peer(const ConnectionKey& key) const {
        ConnectionIndex found = no_connection;
        return find_as_peer(key, found);
    }

    [[nodiscard]] bool full() const { return free_ == no_connection; }
    [[nodiscard]] std::uint64_t size() const { return size_.get(); }  // any thread
    [[nodiscard]] std::uint64_t capacity() const { return nodes_.size(); }

    // Memory of nodes and buckets.
    [[nodiscard]] std::size_t bytes() const {
        return nodes_.size() * sizeof(Connection) + buckets_.size() * sizeof(Bucket);
    }

private:
    static constexpr std::size_t ways = 8;
    struct alignas(64) Bucket {
        std::array<std::uint16_t, ways> tags{};  // 0: the way is free
        std::array<ConnectionIndex, ways> nodes{};
        ConnectionIndex overflow = no_connection;
        std::array<std::uint32_t, 3> reserved{};
    };
    static_assert(sizeof(Bucket) == 64, "one cache line per bucket");

    // More than the default timeouts, so that a node is seldom looked at before it is due.
    static constexpr std::uint32_t wheel_slots = 1024;
    static constexpr std::uint32_t firing_slot = wheel_slots;  // those that are due
    static constexpr std::uint32_t first_in_slot = 0x80000000;

    // Its first word comes into the cache, and goes nowhere.
    static void load_line(const void* line) {
        std::uint64_t word = 0;
        std::memcpy(&word, line, sizeof(word));
        asm volatile("" : : "r"(word));
    }
    [[nodiscard]] std::size_t bucket_of(std::uint64_t hash) const {
        // The upper half picks the bucket, the lower bits are the tag.
        return static_cast<std::size_t>(((hash >> 32U) * buckets_.size()) >> 32U);
    }
    // Never 0.
    static std::uint16_t tag_of(std::uint64_t hash) {
        return static_cast<std::uint16_t>(hash | 1U);
    }
    [[nodiscard]] std::uint64_t hash_of(const Connection& connection) const {
        return hash(connection.key());
    }
    // The slot that fires in the first second after the deadline. It also fires a turn of the wheel
    // earlier, and then moves the node on.
    static std::uint32_t slot_after(Tick deadline) { return (deadline + 1) % wheel_slots; }
    // A bit per way.
    static std::uint32_t matching_ways(const Bucket& bucket, std::uint16_t tag) {
#ifdef __SSE2__
        const __m128i tags = _mm_load_si128(reinterpret_cast<const __m128i*>(bucket.tags.data()));
        const __m128i equal = _mm_cmpeq_epi16(tags, _mm_set1_epi16(static_cast<std::int16_t>(tag)));
        const __m128i bytes = _mm_packs_epi16(equal, _mm_setzero_si128());
        return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
#else
        std::uint32_t matching = 0;
        for (std::uint32_t way = 0; way < ways; ++way)
            matching |= std::uint32_t{bucket.tags[way] == tag} << way;
        return matching;
#endif
    }

    [[nodiscard]] std::optional<Identity> find_as_peer(const ConnectionKey& key,
                                                       ConnectionIndex& found) const;
    [[nodiscard]] std::optional<Identity> read_as_peer(ConnectionIndex index,
                                                       const ConnectionKey& key) const;
    void index_insert(ConnectionIndex index, std::uint64_t hash);
    void index_remove(ConnectionIndex index);
    void wheel_link(ConnectionIndex index, std::uint32_t slot);
    void wheel_unlink(ConnectionIndex index);
    void half_open_append(ConnectionIndex index);
    void half_open_remove(ConnectionIndex index);

    HashSeed seed_;
    HugeArray<Bucket> buckets_;
    HugeArray<Connection> nodes_;
    ConnectionIndex free_ = no_connection;
    Counter size_;
    std::array<ConnectionIndex, wheel_slots + 1> wheel_;
    bool wheel_turns_ = false;  // false: it has not been asked yet
    Tick wheel_now_ = 0;        // the second whose slot fires next
    ConnectionIndex half_open_first_ = no_connection;
    ConnectionIndex half_open_last_ = no_connection;
};

}  // namespace headgate::dataplane
