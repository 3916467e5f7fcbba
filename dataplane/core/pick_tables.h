// Who gets the next connection, precomputed so that a pick takes one memory access.
// Built by the control thread, immutable after publish. Maglev: Eisenbud et al., NSDI 2016, 3.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "common/net.h"
#include "dataplane/core/slot.h"

namespace headgate::dataplane {

// A destination that can take a connection: weight > 0, MAC address known.
struct PickCandidate {
    Slot slot = no_slot;
    Endpoint endpoint;
    std::uint32_t weight = 1;  // the scheduler's view of it: always 1 for rr
    bool operator==(const PickCandidate&) const = default;
};

// All hold destination slots, and are empty when no destination can take a connection.
struct PickTables {
    std::vector<PickCandidate> candidates;  // what the tables were built from

    // rr and wrr: one round, in which every destination appears in proportion to its weight and
    // its turns lie as far apart as they can. Walked by a cursor.
    std::vector<Slot> sequence;

    // Indexed by a hash of the client: the pick that needs no memory. The same on every node with
    // the same configuration; when a destination comes or goes, few clients change theirs.
    std::vector<Slot> maglev;
};

// The longest round. Weights whose ratio needs a longer one are approximated.
inline constexpr std::uint32_t sequence_max = 4096;

PickTables build_pick_tables(std::vector<PickCandidate> candidates);

}  // namespace headgate::dataplane
