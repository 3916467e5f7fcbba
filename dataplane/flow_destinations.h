// FlowDestinations: what the XDP program does with the flows in the cache, and what it has
// forwarded, by destination: the control thread's side of the flow cache (bpf/abi.h).
//
// A flow in the cache names a slot and a generation. The program follows it as long as the
// destination in that slot has this generation here and an address to send to: so one store stops
// or redirects all flows of a destination, whoever entered them, and however many they are. Each
// destination belongs to one service, so that is also how the flows of a service that becomes
// inactive come back to the workers, who know what to do with them. So do those of a service for
// every port beside one for a single port of its address, whose packets they might have become.
//
// The memory may come from another process (bpf/abi.h): then it tells which destinations there
// were, and their flows go on as soon as the same destinations are followed under the same
// generations.
//
// *Control thread.* The memory is shared with the program, and outlives this.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "bpf/abi.h"
#include "dataplane/core/snapshot.h"
#include "dataplane/core/snapshot_builder.h"
#include "dataplane/core/stats.h"
#include "dataplane/flow_egresses.h"

namespace headgate::dataplane {

// What the control thread writes for the program and for a later process.
struct FlowDestinationsMemory {
    // LB_DESTINATIONS_MAX for each of the controls; none at all: there is no cache.
    std::span<lb_flow_destination> destinations{};
    std::span<lb_flow_control> controls{};
    std::span<lb_destination_name> names{};  // LB_DESTINATIONS_MAX, or none, as above
    lb_inheritance* inheritance = nullptr;   // likewise
    FlowEgresses::SetDevice set_device{};    // likewise
};

class FlowDestinations {
public:
    explicit FlowDestinations(const FlowDestinationsMemory& memory);

    // Those that the memory names, and what their generations have not reached: from before the
    // first follow(), in whatever process.
    [[nodiscard]] std::vector<KnownDestination> known() const;
    [[nodiscard]] std::uint32_t generation_bound() const;

    // Brings the program to the snapshot, which has just been published.
    void follow(const Snapshot& snapshot);

    // Adds what the program has forwarded. Requires: `stats` are those of the snapshot that was
    // followed last.
    void add_to(ForwardingStats& stats, const Snapshot& snapshot) const;

    // Packets that the program has forwarded since this exists.
    [[nodiscard]] std::uint64_t packets() const;

private:
    [[nodiscard]] bool exists() const { return !memory_.destinations.empty(); }

    struct Traffic {
        std::uint64_t packets = 0;
        std::uint64_t bytes = 0;
        Traffic& operator+=(const Traffic& other);
        Traffic& operator-=(const Traffic& other);
    };
    // Whose traffic is counted in a slot now, and what had been counted there before.
    struct Counted {
        std::uint32_t generation = 0;
        std::uint32_t service = 0;  // its generation
        Traffic before;
    };

    [[nodiscard]] Traffic counted(Slot slot) const;  // of all queues, ever
    void name(Slot slot, const DestinationEntry& entry, const ServiceConfig& service,
              const Endpoint& destination);
    void forget_name(Slot slot);
    [[nodiscard]] Traffic since(Slot slot) const;
    void count_for(Slot slot, std::uint32_t generation, std::uint32_t service);
    // Where the program sends the packets of a destination; nothing: they are the workers'.
    struct Way {
        std::uint64_t word = 0;  // lb_way()
        std::uint32_t mtu = 0;
    };
    std::optional<Way> way_to(const Snapshot& snapshot, Slot slot);
    void send(Slot slot, const Way& way, std::uint32_t generation);

    FlowDestinationsMemory memory_;
    FlowEgresses egresses_;
    std::vector<Counted> slots_;  // as many as have ever been in use
    std::uint64_t packets_before_ = 0;
    // Of destinations that services had before, by the service's generation.
    std::unordered_map<std::uint32_t, Traffic> removed_;
};

}  // namespace headgate::dataplane
