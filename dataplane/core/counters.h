// The counters of one worker: a single writer adds, any thread reads without disturbing it.
// An addition is a plain load and store (no read-modify-write instruction, no lock).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/core/reasons.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

class Counter {
public:
    void add(std::uint64_t amount) { set(get() + amount); }
    void subtract(std::uint64_t amount) { set(get() - amount); }
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::uint64_t> value_{0};
};

// What is counted per service and per destination. One cache line.
struct alignas(64) TrafficCounters {
    // Of the service or destination that is counted here: a slot's next user starts at zero.
    std::atomic<std::uint32_t> generation{0};
    Counter connections;           // ever scheduled
    Counter packets;               // forwarded
    Counter bytes;                 // forwarded, of IP packets
    Counter active_connections;    // now; IPVS words: established TCP
    Counter inactive_connections;  // now; every other state, and UDP

    void add_packets(std::uint64_t count, std::uint64_t ip_bytes) {
        packets.add(count);
        bytes.add(ip_bytes);
    }
};
static_assert(sizeof(TrafficCounters) == 64);

class WorkerCounters {
public:
    WorkerCounters();

    // ---- worker ----
    void count(Reason reason, std::uint64_t frames) {
        reasons_[static_cast<std::size_t>(reason)].add(frames);
    }
    void count(Event event) { events_[static_cast<std::size_t>(event)].add(1); }
    // Counters of a slot, at zero when `generation` is new to it.
    TrafficCounters& service(Slot slot, std::uint32_t generation) {
        return current(services_[slot], generation);
    }
    TrafficCounters& destination(Slot slot, std::uint32_t generation) {
        return current(destinations_[slot], generation);
    }
    // nullptr when the slot's counters are another destination's by now.
    TrafficCounters* find_destination(Slot slot, std::uint32_t generation) {
        return matching(destinations_[slot], generation);
    }

    // ---- any thread ----
    // Reason::none counts the frames that were forwarded: the sum over all reasons is the number
    // of frames that were processed.
    [[nodiscard]] std::uint64_t get(Reason reason) const {
        return reasons_[static_cast<std::size_t>(reason)].get();
    }
    [[nodiscard]] std::uint64_t get(Event event) const {
        return events_[static_cast<std::size_t>(event)].get();
    }
    // nullptr when this worker has counted nothing for that generation of the slot.
    [[nodiscard]] const TrafficCounters* find_service(Slot slot, std::uint32_t generation) const {
        return matching(services_[slot], generation);
    }
    [[nodiscard]] const TrafficCounters* find_destination(Slot slot,
                                                          std::uint32_t generation) const {
        return matching(destinations_[slot], generation);
    }

private:
    static TrafficCounters& current(TrafficCounters& counters, std::uint32_t generation) {
        if (counters.generation.load(std::memory_order_relaxed) != generation) [[unlikely]]
            restart(counters, generation);
        return counters;
    }
    static void restart(TrafficCounters& counters, std::uint32_t generation);
    template <typename Counters>  // TrafficCounters, const or not
    static Counters* matching(Counters& counters, std::uint32_t generation) {
        // Pairs with restart(): who sees the new generation sees the zeros that came before it.
        const bool same = counters.generation.load(std::memory_order_acquire) == generation;
        return same ? &counters : nullptr;
    }

    std::array<Counter, reason_count> reasons_;
    std::array<Counter, event_count> events_;
    std::vector<TrafficCounters> services_;      // by slot
    std::vector<TrafficCounters> destinations_;  // by slot
};

}  // namespace headgate::dataplane
