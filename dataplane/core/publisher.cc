// The two sides of the reclamation; publisher.h says how it works.
#include "dataplane/core/publisher.h"

#include <algorithm>
#include <utility>

namespace headgate::dataplane {

const Snapshot& SnapshotReader::current() {
    const std::uint64_t epoch = publisher_->epoch_.load(std::memory_order_acquire);
    if (epoch_.load(std::memory_order_relaxed) == asleep) {
        // The control thread may be looking right now whether this worker is asleep. Sequential
        // consistency decides: either it sees this store and waits, or the load below sees the
        // snapshot that it published before it looked.
        epoch_.store(epoch, std::memory_order_seq_cst);
    } else {
        epoch_.store(epoch, std::memory_order_release);
    }
    return *publisher_->current_.load(std::memory_order_seq_cst);
}

void SnapshotReader::offline() {
    epoch_.store(asleep, std::memory_order_release);
}

Publisher::Publisher(std::size_t worker_count)
    : readers_(worker_count), latest_(std::make_unique<const Snapshot>()) {
    for (SnapshotReader& reader : readers_)
        reader.publisher_ = this;
    current_.store(latest_.get(), std::memory_order_seq_cst);
}

Publisher::~Publisher() = default;

Result<void> Publisher::publish(const ForwardingConfig& config) {
    Result<std::unique_ptr<const Snapshot>> built = builder_.build(config, *latest_);
    if (!built)
        return tl::unexpected(built.error());
    current_.store(built->get(), std::memory_order_seq_cst);
    // A worker that has announced this epoch has loaded the pointer after the store above.
    const std::uint64_t epoch = epoch_.fetch_add(1, std::memory_order_seq_cst) + 1;
    retired_.push_back({std::exchange(latest_, std::move(*built)), epoch});
    reclaim();
    return {};
}

std::size_t Publisher::reclaim() {
    std::uint64_t oldest = epoch_.load(std::memory_order_relaxed);
    for (const SnapshotReader& reader : readers_) {
        const std::uint64_t announced = reader.epoch_.load(std::memory_order_seq_cst);
        if (announced != SnapshotReader::asleep)
            oldest = std::min(oldest, announced);
    }
    std::erase_if(retired_, [oldest](const Retired& item) { return item.epoch <= oldest; });
    return retired_.size();
}

}  // namespace headgate::dataplane
