// LoopMeter: how long the turns of a worker's loop take in which there is something to do, and what
// share of its time they are: how far it is from having none left.
//
// A single writer, the worker; any thread may read. Costs an addition or two a turn; the worker
// reads its clock once per turn anyhow.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/clock.h"
#include "dataplane/core/counters.h"

namespace headgate::dataplane {

class LoopMeter {
public:
    // Turns by how long they took: bucket n has those of at most 2^n us that are in none below,
    // the last one all others.
    static constexpr std::size_t buckets = 18;

    // ---- worker ----
    // A turn in which there was something to do.
    void add(Duration took);
    // At the begin of each turn. True about once a second: then busy_permille() is new.
    bool begin(Instant now);

    // ---- any thread ----
    [[nodiscard]] std::uint32_t busy_permille() const {
        return static_cast<std::uint32_t>(permille_.get());
    }
    [[nodiscard]] std::uint64_t busy_us() const { return busy_ns_.get() / 1000; }
    [[nodiscard]] std::uint64_t turns(std::size_t bucket) const { return turns_[bucket].get(); }

private:
    std::array<Counter, buckets> turns_;
    Counter busy_ns_;
    Counter permille_;
    // Worker only.
    bool begun_ = false;
    Instant second_began_{};
    std::uint64_t busy_before_ns_ = 0;
};

}  // namespace headgate::dataplane
