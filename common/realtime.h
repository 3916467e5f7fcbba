// Makes the calling thread one that the rest of the machine cannot keep waiting: real-time
// scheduling, and no page of its code or data that has to come from a disk first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headgate {

// How such a thread is to run.
struct Scheduling {
    int realtime_priority = 1;   // SCHED_FIFO: 1 (the lowest) to 99
    int nice = 0;                // -20 to 19; counts only where real-time scheduling is refused
    std::vector<unsigned> cpus;  // empty: wherever the kernel likes
    bool operator==(const Scheduling&) const = default;
};

// May be called again with another scheduling. Returns one sentence for each refusal, with `thread`
// as the name of the thread, which works without, only less punctually.
//
// Scheduling: SCHED_FIFO. At its lowest priority, the default, it is above everything that is not
// real-time and below kernel threads and whoever else knows what he does. Children do not inherit
// it.
//
// Memory: what is mapped now stays in memory once it has been touched (MCL_CURRENT | MCL_ONFAULT).
// Not MCL_FUTURE, which would lock all that the other threads of the process ever map, nor
// MCL_CURRENT alone, which fills every thread's stack and every library with real pages. The code
// of the executable is touched here, so that the first take-over, perhaps after months, does not
// wait for it; other libraries' code is used by every advert.
std::vector<std::string> become_realtime(std::string_view thread, const Scheduling& scheduling);

}  // namespace headgate
