// Makes the calling thread one that the rest of the machine cannot keep waiting: real-time
// scheduling, and no page of its code or data that has to come from a disk first.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace headgate {

// Returns one sentence for each refusal, with `thread` as the name of the thread, which works
// without, only less punctually.
//
// Scheduling: SCHED_FIFO at the lowest real-time priority. It is above everything that is not
// real-time and below kernel threads and whoever else knows what he does. Children do not inherit
// it.
//
// Memory: what is mapped now stays in memory once it has been touched (MCL_CURRENT | MCL_ONFAULT).
// Not MCL_FUTURE, which would lock all that the other threads of the process ever map, nor
// MCL_CURRENT alone, which fills every thread's stack and every library with real pages. The code
// of the executable is touched here, so that the first take-over, perhaps after months, does not
// wait for it; other libraries' code is used by every advert.
std::vector<std::string> become_realtime(std::string_view thread);

}  // namespace headgate
