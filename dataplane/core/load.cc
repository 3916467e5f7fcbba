// Thresholds with hysteresis as in IPVS (ip_vs_bind_dest and ip_vs_unbind_dest of Linux).
#include "dataplane/core/load.h"

#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

void DestinationLoad::set_thresholds(std::uint32_t upper, std::uint32_t lower) {
    const std::uint32_t before = upper_.exchange(upper, std::memory_order_relaxed);
    lower_.store(lower, std::memory_order_relaxed);
    // With more room than before it takes connections again, whatever the lower threshold says.
    if (upper == 0 || upper > before)
        overloaded_.store(false, std::memory_order_seq_cst);
    settle();
}

void DestinationLoad::add(ConnectionCount change) {
    count_.fetch_add(change.raw(), std::memory_order_seq_cst);
    if (limited())
        settle();
}

// Makes the flag what the number says. Another thread may change the number meanwhile and settle
// before this one has stored its flag: so look again until the number stands still.
void DestinationLoad::settle() {
    for (;;) {
        const std::uint64_t raw = count_.load(std::memory_order_seq_cst);
        const std::uint64_t total = ConnectionCount::from_raw(raw).total();
        const std::uint64_t upper = upper_.load(std::memory_order_relaxed);
        const std::uint64_t lower = lower_.load(std::memory_order_relaxed);
        const bool below = lower != 0 ? total < lower : total * 4 < upper * 3;
        if (upper != 0 && total >= upper)
            overloaded_.store(true, std::memory_order_seq_cst);
        else if (upper == 0 || below)
            overloaded_.store(false, std::memory_order_seq_cst);
        if (count_.load(std::memory_order_seq_cst) == raw)
            return;
    }
}

void WorkerLoads::add(const Snapshot& snapshot, const Identity& destination,
                      ConnectionCount change) {
    if (snapshot.destination(destination.slot).generation != destination.generation)
        return;
    DestinationLoad& load = snapshot.load(destination.slot);
    if (load.limited()) {
        load.add(change);
        return;
    }
    if (changed_count_ == changed_.size())
        flush(snapshot);
    ConnectionCount& noted = noted_[destination.slot];
    if (noted == ConnectionCount())
        changed_[changed_count_++] = destination.slot;
    noted = noted + change;
}

void WorkerLoads::flush(const Snapshot& snapshot) {
    for (std::size_t index = 0; index < changed_count_; ++index) {
        ConnectionCount& noted = noted_[changed_[index]];
        if (noted != ConnectionCount())
            snapshot.load(changed_[index]).add(noted);
        noted = {};
    }
    changed_count_ = 0;
}

}  // namespace headgate::dataplane
