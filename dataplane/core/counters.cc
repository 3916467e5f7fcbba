// The rare part of the counters: a slot changes its user.
#include "dataplane/core/counters.h"

namespace headgate::dataplane {

WorkerCounters::WorkerCounters() : services_(services_max), destinations_(destinations_max) {}

void WorkerCounters::restart(TrafficCounters& counters, std::uint32_t generation) {
    // Zeros first: a reader that sees the new generation must not see the old counts.
    counters.generation.store(0, std::memory_order_relaxed);
    counters.connections.set(0);
    counters.packets.set(0);
    counters.bytes.set(0);
    counters.active_connections.set(0);
    counters.inactive_connections.set(0);
    counters.generation.store(generation, std::memory_order_release);
}

}  // namespace headgate::dataplane
