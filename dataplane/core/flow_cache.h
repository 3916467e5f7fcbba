// FlowCache: the writer's side of the flow cache (bpf/abi.h), of one worker. What stands in it, the
// XDP program forwards by itself; the worker does not see those packets.
//
// *Worker-local*, but for the memory that it shares with the program. It knows nothing of how
// connections live: Core decides what enters, and takes out what ends or changes.
//
// A flow can lie in two buckets, and a bucket has few ways: it is a cache, and a flow that finds no
// room goes on through the worker. A way that was taken out is filled again a full second later at
// the earliest (why: abi.h), so to make room for another is not to give it the way at once.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "bpf/abi.h"
#include "dataplane/core/counters.h"
#include "dataplane/core/packet.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

// A way, of the buckets of IPv4 first, then of IPv6.
using CacheIndex = std::uint32_t;
inline constexpr CacheIndex not_cached = 0xffffffff;

// Of one queue, and shared with the program, which reads all of it and writes goals' `last_seen`.
// The number of buckets of each family is a power of two, and at least 2. Without buckets there
// is no cache. `control` may be null when nothing shares it.
struct FlowCacheMemory {
    lb_flow_control* control = nullptr;
    std::span<lb_flow4_bucket> buckets4{};
    std::span<lb_flow6_bucket> buckets6{};
    std::uint64_t seed = 0;  // the program's
};

class FlowCache {
public:
    explicit FlowCache(const FlowCacheMemory& memory);

    [[nodiscard]] bool exists() const { return !memory_.buckets4.empty(); }

    // What the program takes for the time. Cheap when it has not changed.
    void set_tick(Tick now);
    [[nodiscard]] Tick tick() const {
        return memory_.control == nullptr ? 0 : memory_.control->tick;
    }
    // While it is, the program leaves every packet to the worker.
    void set_bypassed(bool bypassed);

    // Whose flow it is: what Core calls it, which is never `nobody`.
    using Owner = std::uint32_t;
    static constexpr Owner nobody = 0xffffffff;

    // Where the flow of `packet` would lie. No other has to go while a way is about to be free. The
    // same flow, of a connection that the service's packets do not belong to any more, hides it.
    struct Way {
        CacheIndex index = not_cached;  // not_cached: there is no room now
        Owner owner = nobody;           // who is to go: long without a packet, or the same flow
    };
    [[nodiscard]] Way find_way(const Packet& packet, Tick idle_s, Tick now) const;

    // The program forwards the packets of the flow of `packet` to `destination` from now on.
    // Requires: the way was just found for it, and is nobody's.
    void fill(CacheIndex index, const Packet& packet, const Identity& destination, Owner owner,
              const Identity& service, Tick now);
    // Its packets come to the worker again.
    void withdraw(CacheIndex index, Tick now);

    // Of a way that is filled: the second of its last packet; it can be one early, since a worker
    // that sleeps does not set the tick. Until there is one: the second before fill().
    [[nodiscard]] Tick last_seen(CacheIndex index) const;
    [[nodiscard]] const Identity& service(CacheIndex index) const { return ways_[index].service; }

    // What another process has left in a way; nothing: it is free.
    struct Found {
        bool is_v6 = false;
        Protocol protocol = Protocol::tcp;
        WideAddress client;
        WideAddress address;
        Be16 client_port;
        Be16 port;
        Identity destination;
    };
    [[nodiscard]] std::optional<Found> find(CacheIndex index) const;
    // Requires: something was found there, and nobody has it yet. It is the owner's from now on,
    // or it leaves the cache.
    void adopt(CacheIndex index, Owner owner, const Identity& service);
    void discard(CacheIndex index, Tick now);

    // Any thread: how many ways are filled.
    [[nodiscard]] std::uint64_t size() const { return size_.get(); }
    [[nodiscard]] std::uint64_t capacity() const { return ways_.size(); }

private:
    void clear(CacheIndex index, Tick now);

    // What the program has no use for.
    struct Filled {
        Owner owner = nobody;
        Identity service;
    };

    // The first ways of the two buckets that the flow of `packet` can be in.
    [[nodiscard]] std::array<CacheIndex, 2> buckets(const Packet& packet) const;
    [[nodiscard]] lb_flow_goal& goal(CacheIndex index) const;
    [[nodiscard]] bool is_of(CacheIndex index, const Packet& packet) const;
    [[nodiscard]] bool is_v6(CacheIndex index) const { return index >= ways4_; }

    FlowCacheMemory memory_;
    CacheIndex ways4_;  // of IPv4; those of IPv6 come behind
    std::vector<Filled> ways_;
    Counter size_;
};

}  // namespace headgate::dataplane
