// Who gets the next connection, as far as it can be computed beforehand: what each scheduler walks,
// searches or indexes. Built by the control thread, immutable after publish.
// Maglev: Eisenbud et al., NSDI 2016, 3.4.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/load.h"
#include "dataplane/core/slot.h"

namespace headgate::dataplane {

// A destination of the service.
struct PickCandidate {
    Slot slot = no_slot;
    Endpoint endpoint;
    std::uint32_t weight = 1;  // as configured, also of one that is inhibited
    bool open = true;          // can take connections: not inhibited, MAC address known
    std::shared_ptr<DestinationLoad> load;
    bool operator==(const PickCandidate&) const = default;

    [[nodiscard]] bool takes_connections() const { return open && weight > 0; }
};

// All that the tables depend on.
struct PickInput {
    Scheduler scheduler = Scheduler::rr;
    std::vector<PickCandidate> candidates;  // in the order of the configuration
    bool operator==(const PickInput&) const = default;
};

// A destination that takes connections.
struct Choice {
    DestinationLoad* load = nullptr;  // owned by PickInput
    Slot slot = no_slot;
    std::uint32_t weight = 1;
};

using ChoiceIndex = std::uint32_t;  // into PickTables::choices
// In `buckets`: a destination that takes no connections has this place.
inline constexpr ChoiceIndex closed_choice = 0xffffffff;

// Empty, except for `input`, when no destination can take a connection.
struct PickTables {
    PickInput input;
    std::vector<Choice> choices;  // in the order of the configuration

    // rr, wrr, twos: one round, in which every choice appears in proportion to its weight (rr:
    // once) and its turns lie as far apart as they can.
    std::vector<ChoiceIndex> sequence;

    // fo, ovf: the heaviest first, of equal ones the first of the configuration.
    std::vector<ChoiceIndex> by_weight;

    // sh, dh, mh: indexed by a hash. Other than all else here, they have places for destinations
    // that take no connections at the moment, so that the clients of the others stay where they
    // are.
    std::vector<ChoiceIndex> buckets;

    // The other schedulers: indexed by a hash of the client, the pick that needs no memory. The
    // same on every node with the same configuration; when a destination comes or goes, few clients
    // change theirs.
    std::vector<ChoiceIndex> maglev;
};

// The longest round. Weights whose ratio needs a longer one are approximated.
inline constexpr std::uint32_t sequence_max = 4096;
// Buckets of sh and dh, as many as IPVS has.
inline constexpr unsigned source_hash_bits = 8;

// Whether a scheduler picks by a hash of the packet's addresses.
constexpr bool is_hashing(Scheduler scheduler) {
    return scheduler == Scheduler::sh || scheduler == Scheduler::dh || scheduler == Scheduler::mh;
}

PickTables build_pick_tables(PickInput input);

}  // namespace headgate::dataplane
