// How many connections a destination has: what the schedulers of the lc family compare, and what
// uthreshold and lthreshold limit.
//
// DestinationLoad is shared by the workers of an interface and lives as long as the destination's
// identity. A worker notes its changes in its own WorkerLoads and adds them to the shared numbers
// once per call of the core, so that the workers write to a shared cache line once per burst and
// not once per connection. A worker sees the shared numbers and its own notes: with one worker
// these are exact. With W workers a number lacks, of each of the W - 1 others, what that one has
// done in the burst that it is at: at most burst_max connections that began.
//
// Destinations with a threshold are counted at once, so that one worker keeps to it exactly, and W
// workers exceed it by at most W - 1 connections.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

class Snapshot;

// Both numbers in one word, so that they are read and changed together. A difference may be
// negative in either; sums of all workers are not.
class ConnectionCount {
public:
    constexpr ConnectionCount() = default;
    static constexpr ConnectionCount from_raw(std::uint64_t raw) { return ConnectionCount(raw); }
    static constexpr ConnectionCount one_active() {
        return ConnectionCount(std::uint64_t{1} << 32U);
    }
    static constexpr ConnectionCount one_inactive() { return ConnectionCount(1); }

    // In IPVS's words: established TCP, and every other state and protocol.
    [[nodiscard]] constexpr std::uint32_t active() const {
        return static_cast<std::uint32_t>(raw_ >> 32U);
    }
    [[nodiscard]] constexpr std::uint32_t inactive() const {
        return static_cast<std::uint32_t>(raw_);
    }
    [[nodiscard]] constexpr std::uint64_t total() const {
        return std::uint64_t{active()} + inactive();
    }
    [[nodiscard]] constexpr std::uint64_t raw() const { return raw_; }
    constexpr ConnectionCount operator+(ConnectionCount other) const {
        return ConnectionCount(raw_ + other.raw_);
    }
    constexpr ConnectionCount operator-() const { return ConnectionCount(0 - raw_); }
    bool operator==(const ConnectionCount&) const = default;

private:
    constexpr explicit ConnectionCount(std::uint64_t raw) : raw_(raw) {}
    std::uint64_t raw_ = 0;
};

class DestinationLoad {
public:
    // Control thread. 0: no limit. A lower threshold of 0 stands for three quarters of the upper.
    void set_thresholds(std::uint32_t upper, std::uint32_t lower);
    // Control thread. The destination is no longer the locality schedulers' choice.
    void leave_locality() { local_since_.store(0, std::memory_order_relaxed); }

    // ---- any thread ----
    void add(ConnectionCount change);
    [[nodiscard]] ConnectionCount count() const {
        return ConnectionCount::from_raw(count_.load(std::memory_order_relaxed));
    }
    [[nodiscard]] bool limited() const { return upper_.load(std::memory_order_relaxed) != 0; }
    // The upper threshold was reached, and the number has not fallen below the lower one since.
    [[nodiscard]] bool overloaded() const { return overloaded_.load(std::memory_order_relaxed); }

    // For lblc and lblcr: whether clients are sent here for the sake of its cache, and since when.
    void join_locality(Tick now) { local_since_.store(now | 1U, std::memory_order_relaxed); }
    [[nodiscard]] bool is_local() const { return local_since() != 0; }
    [[nodiscard]] Tick local_since() const { return local_since_.load(std::memory_order_relaxed); }

private:
    void settle();

    std::atomic<std::uint64_t> count_{0};
    std::atomic<std::uint32_t> upper_{0};
    std::atomic<std::uint32_t> lower_{0};
    std::atomic<bool> overloaded_{false};
    std::atomic<Tick> local_since_{0};  // 0: it is not
};

// Worker-local.
class WorkerLoads {
public:
    WorkerLoads() : noted_(destinations_max) {}

    // Notes a change. Of a destination that `snapshot` no longer has nobody counts any more.
    void add(const Snapshot& snapshot, const Identity& destination, ConnectionCount change);
    // What the destination of `slot`, whose shared load is `load`, has now as far as this worker
    // can tell.
    [[nodiscard]] ConnectionCount count(const DestinationLoad& load, Slot slot) const {
        return load.count() + noted_[slot];
    }
    // As if `change` had been noted, for the question what would be; the same, negated, takes it
    // back. Others see nothing of it.
    void suppose(Slot slot, ConnectionCount change) { noted_[slot] = noted_[slot] + change; }
    // Adds what is noted to the shared numbers. Requires: it was noted under the same snapshot.
    void flush(const Snapshot& snapshot);

private:
    std::vector<ConnectionCount> noted_;  // by destination slot
    std::array<Slot, 256> changed_{};     // the slots with a note, some of them twice
    std::size_t changed_count_ = 0;
};

}  // namespace headgate::dataplane
