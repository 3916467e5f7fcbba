// Snapshot: everything the packet path needs to know about services, in one immutable object.
// Built by the control thread (SnapshotBuilder), immutable after publish, read by every worker.
//
// Services and destinations live in slots. A slot keeps its identity (slot number + generation)
// from one snapshot to the next for as long as the same service (address, port, protocol) or the
// same destination of it (address, port) stays configured; when it returns after a removal it is
// another one. So a connection that remembers slot and generation survives every republication
// that concerns others, and one comparison tells that its destination is gone.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/pick_tables.h"
#include "dataplane/core/slot.h"
#include "dataplane/core/slot_registry.h"

namespace headgate::dataplane {

struct ServiceEntry {
    std::uint32_t generation = 0;  // 0: the slot is empty
    bool active = false;
    std::uint8_t persistence_prefix_length = 0;
    std::uint32_t persistence_timeout_s = 0;
    std::shared_ptr<const PickTables> pick;  // shared with other snapshots while nothing changes
};

struct alignas(16) DestinationEntry {
    std::uint32_t generation = 0;  // 0: the slot is empty
    MacAddress mac;
    bool resolved = false;  // mac is known
};
static_assert(sizeof(DestinationEntry) == 16, "four destinations share a cache line");

// Where the services of the configuration, in its order, have their slots.
struct ServiceSlots {
    Slot service = no_slot;
    std::vector<Slot> destinations;
};

inline constexpr DestinationEntry no_destination_entry{};

class Snapshot {
public:
    Snapshot();  // no services, no interfaces

    // The slot of the service, or no_slot. `address` as it lies in the packet.
    [[nodiscard]] Slot find_service(Be32 address, Be16 port, Protocol protocol) const {
        const std::uint64_t key = service_key(address, port, protocol);
        for (std::size_t at = service_hash(key) & index_mask_;; at = (at + 1) & index_mask_) {
            if (index_[at].key == key)
                return index_[at].slot;
            if (index_[at].slot == no_slot)
                return no_slot;
        }
    }

    // Requires: a slot that find_service() returned.
    [[nodiscard]] const ServiceEntry& service(Slot slot) const { return services_[slot]; }
    // Of any slot, also one that an earlier or later snapshot has given out: a slot that is not in
    // use here has generation 0.
    [[nodiscard]] const DestinationEntry& destination(Slot slot) const {
        return slot < destinations_.size() ? destinations_[slot] : no_destination_entry;
    }

    [[nodiscard]] std::size_t interface_count() const { return config_.interface_macs.size(); }
    [[nodiscard]] const MacAddress& interface_mac(std::size_t interface) const {
        return config_.interface_macs[interface];
    }

    // What this snapshot was built from, for the control thread.
    [[nodiscard]] const ForwardingConfig& config() const { return config_; }
    [[nodiscard]] const std::vector<ServiceSlots>& slots() const { return slots_; }

private:
    friend class SnapshotBuilder;

    struct IndexEntry {
        std::uint64_t key = 0;
        Slot slot = no_slot;
    };

    // For the builder.
    void set_service(Slot slot, ServiceEntry entry);
    void set_destination(Slot slot, const DestinationEntry& entry);
    void build_index();
    // The tables of that service, or nullptr when it has none here.
    [[nodiscard]] std::shared_ptr<const PickTables> pick(const Identity& service) const;

    static std::uint64_t service_key(Be32 address, Be16 port, Protocol protocol) {
        return std::uint64_t{address.raw()} << 32U | std::uint64_t{port.raw()} << 16U |
               static_cast<std::uint64_t>(protocol);
    }
    static std::size_t service_hash(std::uint64_t key) {
        // Fibonacci hashing: the configured keys are few and are nobody's attack surface.
        return static_cast<std::size_t>((key * 0x9e3779b97f4a7c15U) >> 32U);
    }

    std::vector<IndexEntry> index_;  // open addressing, at most half full, a power of two
    std::size_t index_mask_ = 0;
    std::vector<ServiceEntry> services_;
    std::vector<DestinationEntry> destinations_;
    ForwardingConfig config_;
    std::vector<ServiceSlots> slots_;
};

}  // namespace headgate::dataplane
