// Publisher: hands immutable Snapshots from the control thread to the workers without a lock.
//
// Quiescent-state based reclamation: each worker asks for the current snapshot once per loop, and
// with that says that it no longer uses the one before. A replaced snapshot is freed when every
// worker that is not asleep has said so. A worker that is about to sleep goes offline first, so it
// never holds up the control thread.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/result.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/snapshot_builder.h"

namespace headgate::dataplane {

class Publisher;

// Worker-local handle. Owned by the Publisher.
class SnapshotReader {
public:
    // The current snapshot. Valid until the next call of current() or offline().
    const Snapshot& current();
    // The worker holds no snapshot until its next call of current().
    void offline();

private:
    friend class Publisher;
    static constexpr std::uint64_t asleep = 0;

    // Own cache line: the worker writes it in every loop.
    alignas(64) std::atomic<std::uint64_t> epoch_{asleep};
    const Publisher* publisher_ = nullptr;
};

class Publisher {
public:
    // Starts with a snapshot without services.
    explicit Publisher(std::size_t worker_count);
    // Requires: no worker uses a reader any more.
    ~Publisher();
    Publisher(const Publisher&) = delete;
    Publisher& operator=(const Publisher&) = delete;

    // Control thread. See SnapshotBuilder::restore().
    void restore(const std::vector<KnownDestination>& known, std::uint32_t first_generation) {
        builder_.restore(known, first_generation);
    }

    // Control thread. Builds a snapshot and makes it current; the workers see it in their next
    // loop. Fails, and changes nothing, when the configuration cannot be forwarded (a duplicate
    // service, an address family or a size that is not supported); the message names the service.
    Result<void> publish(const ForwardingConfig& config);

    // Control thread. Frees the replaced snapshots that no worker uses; returns how many remain.
    // publish() does it too; call it from a timer so that the last one goes as well.
    std::size_t reclaim();

    // Control thread. The snapshot of the last successful publish().
    [[nodiscard]] const Snapshot& latest() const { return *latest_; }

    // Requires: worker < worker_count. Use it on that worker's thread only.
    [[nodiscard]] SnapshotReader& reader(std::size_t worker) { return readers_[worker]; }

private:
    friend class SnapshotReader;

    struct Retired {
        std::unique_ptr<const Snapshot> snapshot;
        std::uint64_t epoch;  // workers that have announced it use a later snapshot
    };

    std::vector<SnapshotReader> readers_;
    std::atomic<const Snapshot*> current_;
    std::atomic<std::uint64_t> epoch_{1};
    // Control thread only, from here on.
    std::unique_ptr<const Snapshot> latest_;
    std::vector<Retired> retired_;
    SnapshotBuilder builder_;
};

}  // namespace headgate::dataplane
