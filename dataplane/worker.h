// Worker: one thread that moves bursts from its port through its core and back.
//
// After start(), port and core belong to the thread; their counters may be read from any. The
// loop takes no lock, allocates nothing and logs nothing; with nothing to do it sleeps in the
// port's wait(). The control thread creates, starts and stops workers.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "common/clock.h"
#include "common/fd.h"
#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "dataplane/loop_meter.h"
#include "dataplane/port/port.h"

namespace headgate::dataplane {

// The same for every worker of the host: seconds of CLOCK_MONOTONIC.
Tick tick_of(Instant now);

class Worker {
public:
    // `reader` and `persistence` outlive the worker.
    Worker(std::unique_ptr<Port> port, SnapshotReader& reader, PersistenceTable& persistence,
           const CoreOptions& options);
    // Stops the thread if it runs.
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // Makes the worker one of `peers`, which outlive its run. Before any of them starts.
    void join(CorePeers& peers);

    // Core::adopt_cache(), before it starts.
    std::uint64_t adopt_cache(const Snapshot& snapshot, Tick now) {
        return core_.adopt_cache(snapshot, now);
    }

    // `name` is what ps and top show, at most 15 characters.
    void start(const std::string& name);
    // Returns when the thread has ended; at once when it never ran.
    void stop();

    // One pass over what has come in; false when nothing had, and nothing else is to be done. The
    // thread's loop; call it directly only when the thread does not run.
    bool run_once(Tick now);

    // Control thread. Asks the core: between its bursts the worker answers, then it finishes the
    // question and writes to `done`, an eventfd; when the worker stops, it finishes it as far as it
    // is. Requires: the question that was posted before is finished.
    void post(CoreQuestion& question, int done);

    [[nodiscard]] const Core& core() const { return core_; }
    [[nodiscard]] const Port& port() const { return *port_; }
    [[nodiscard]] const LoopMeter& meter() const { return meter_; }

private:
    void run();
    void process_watched(const Snapshot& snapshot, Tick now);
    // True when there is more to do.
    bool answer_piece(const Snapshot& snapshot, Tick now);
    void finish_question();

    std::unique_ptr<Port> port_;
    SnapshotReader& reader_;
    Core core_;
    Burst burst_;
    LoopMeter meter_;
    Fd wake_;  // an eventfd: ends the port's wait()
    std::atomic<bool> stopping_{false};
    std::atomic<CoreQuestion*> question_{nullptr};
    int question_done_ = -1;  // written before, read after question_
    std::thread thread_;
};

}  // namespace headgate::dataplane
