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
#include "dataplane/core/connection_state.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/hash.h"
#include "dataplane/core/load.h"
#include "dataplane/core/pick_tables.h"
#include "dataplane/core/slot.h"
#include "dataplane/core/slot_registry.h"
#include "dataplane/core/tunnel.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

// A real server as all services of a group know it, and the destination that it is here.
struct GroupMember {
    std::uint32_t member = 0;
    Slot destination = no_slot;
};

struct ServiceEntry {
    std::uint32_t generation = 0;  // 0: the slot is empty
    bool any_port = false;
    bool hash_port = false;
    bool hash_fallback = false;
    bool one_packet = false;
    StateTimeouts timeouts;
    std::uint8_t persistence_prefix_length = 0;  // of a WideAddress
    std::uint32_t persistence_timeout_s = 0;
    std::uint32_t group = 0;                 // its generation; 0: the service is in none
    std::vector<GroupMember> members;        // of the group, in the order of their numbers
    std::shared_ptr<const PickTables> pick;  // shared with other snapshots while nothing changes
};

struct alignas(16) DestinationEntry {
    std::uint32_t generation = 0;  // 0: the slot is empty
    bool resolved = false;         // its MAC address is known
    bool keeps_clients = false;    // those that persistence binds to it
    // Both together are 0 where a frame only gets other addresses, which most do.
    std::uint8_t detours = 0;
    std::uint64_t mac = 0;  // as mac_word() makes it

    static constexpr std::uint8_t by_tunnel = 1;             // Snapshot::tunnel() says how
    static constexpr std::uint8_t by_another_interface = 2;  // Snapshot::egress() says which
    [[nodiscard]] bool tunnelled() const { return (detours & by_tunnel) != 0; }
    [[nodiscard]] bool elsewhere() const { return (detours & by_another_interface) != 0; }
};
static_assert(sizeof(DestinationEntry) == 16, "four destinations share a cache line");

// Where the services of the configuration, in its order, have their slots.
struct ServiceSlots {
    Slot service = no_slot;
    std::vector<Slot> destinations;
};

inline constexpr DestinationEntry no_destination_entry{};

// EgressConfig, as the packet path wants it.
struct Egress {
    std::uint64_t mac = 0;  // as mac_word() makes it
    MacAddress source;      // the same
    int ifindex = 0;
    std::uint16_t mtu = 0;
    bool takes_redirects = false;
};

class Snapshot {
public:
    Snapshot();  // no services, no interfaces

    // What a lookup tells of a service without a look at its entry.
    struct FoundService {
        Identity identity;  // without a slot: there is none
        bool active = false;
    };
    // A service for every port answers when none has the port itself.
    [[nodiscard]] const FoundService& find_service(const WideAddress& address, Be16 port,
                                                   Protocol protocol) const {
        const FoundService& exact = find_in_index({address, rest_of(port, protocol)});
        if (exact.identity.slot != no_slot || !has_any_port_) [[likely]]
            return exact;
        return find_in_index({address, rest_of(Be16(0), protocol)});
    }

    // The same for the packets of a burst: one after the other they are mostly for one service.
    // Requires: the snapshot outlives it.
    class Lookup {
    public:
        explicit Lookup(const Snapshot& snapshot) : snapshot_(snapshot) {}
        const FoundService& find(const WideAddress& address, Be16 port, Protocol protocol) {
            const std::uint32_t rest = rest_of(port, protocol);
            if (address != address_ || rest != rest_) [[unlikely]] {
                address_ = address;
                rest_ = rest;
                found_ = snapshot_.find_service(address, port, protocol);
            }
            return found_;
        }

    private:
        const Snapshot& snapshot_;
        WideAddress address_;
        std::uint32_t rest_ = 0;  // which no packet has
        FoundService found_;
    };

    // Whether any service has this address: its fragments, which may have no ports, are theirs.
    [[nodiscard]] bool serves(const WideAddress& address) const {
        return find_in_index({address, address_alone}).identity.slot != no_slot;
    }

    // Requires: a slot that find_service() returned.
    [[nodiscard]] const ServiceEntry& service(Slot slot) const { return services_[slot]; }
    // Of any service that there was or is; nullptr: it is not here.
    [[nodiscard]] const StateTimeouts* timeouts_of(const Identity& service) const {
        const bool is_here = service.slot < services_.size() &&
                             services_[service.slot].generation == service.generation;
        return is_here ? &services_[service.slot].timeouts : nullptr;
    }
    // Of any slot, also one that an earlier or later snapshot has given out: a slot that is not in
    // use here has generation 0.
    [[nodiscard]] const DestinationEntry& destination(Slot slot) const {
        return slot < destination_count_ ? destinations_[slot] : no_destination_entry;
    }

    // What the destination `place`, of any service of the group, is for `service`; no_slot in it:
    // nothing. Of a service without a group: itself.
    [[nodiscard]] Identity in_service(const ServiceEntry& service, const Identity& place) const;

    // Requires: a slot of a destination of this snapshot. Shared with other snapshots.
    [[nodiscard]] DestinationLoad& load(Slot slot) const { return *loads_[slot]; }

    // Requires: a slot of a destination of this snapshot that is tunnelled and resolved.
    [[nodiscard]] const TunnelHeader& tunnel(Slot slot) const { return tunnels_[slot]; }

    // Requires: a slot of a destination of this snapshot that is elsewhere.
    [[nodiscard]] const Egress& egress(Slot slot) const { return egresses_[slot]; }

    [[nodiscard]] std::size_t interface_count() const { return config_.interface_macs.size(); }
    [[nodiscard]] const MacAddress& interface_mac(std::size_t interface) const {
        return config_.interface_macs[interface];
    }

    [[nodiscard]] const FlowCachePolicy& flow_cache() const { return config_.flow_cache; }
    [[nodiscard]] const Protection& protection() const { return config_.protection; }
    [[nodiscard]] Access access_of(const WideAddress& client) const {
        const AccessList* list = config_.protection.access.get();
        return list == nullptr ? Access::normal : list->find(client);
    }
    // Another one whenever the access list is another.
    [[nodiscard]] std::uint64_t access_generation() const { return access_generation_; }

    // What this snapshot was built from, for the control thread.
    [[nodiscard]] const ForwardingConfig& config() const { return config_; }
    [[nodiscard]] const std::vector<ServiceSlots>& slots() const { return slots_; }

private:
    friend class SnapshotBuilder;

    struct IndexKey {
        WideAddress address;
        std::uint32_t rest = 0;  // port and protocol

        [[nodiscard]] std::uint64_t hash() const { return hash_service(address, rest); }
    };
    struct alignas(32) IndexEntry {
        WideAddress address;
        std::uint32_t rest = 0;
        FoundService service;

        [[nodiscard]] bool is(const IndexKey& key) const {
            return address == key.address && rest == key.rest;
        }
    };
    static_assert(sizeof(IndexEntry) == 32, "two entries share a cache line");

    void index_add(const IndexKey& key, const FoundService& service);
    // For the builder.
    void set_service(Slot slot, ServiceEntry entry);
    void set_destination(Slot slot, const DestinationEntry& entry,
                         std::shared_ptr<DestinationLoad> load, std::uint32_t member);
    void keep_access(const Snapshot& previous);
    void build_index();
    void set_tunnel(Slot slot, const TunnelHeader& header);
    void set_egress(Slot slot, const Egress& egress);
    // The tables of that service, or nullptr when it has none here.
    [[nodiscard]] std::shared_ptr<const PickTables> pick(const Identity& service) const;
    // The load of that destination, or nullptr when it is not here.
    [[nodiscard]] std::shared_ptr<DestinationLoad> find_load(const Identity& destination) const;

    [[nodiscard]] const FoundService& find_in_index(const IndexKey& key) const {
        for (std::size_t at = key.hash() & index_mask_;; at = (at + 1) & index_mask_) {
            const IndexEntry& entry = index_[at];
            if (entry.is(key) || entry.service.identity.slot == no_slot)
                return entry.service;
        }
    }
    // No protocol has the number 0.
    static constexpr std::uint32_t address_alone = 0;
    static std::uint32_t rest_of(Be16 port, Protocol protocol) {
        return std::uint32_t{port.raw()} << 16U | static_cast<std::uint32_t>(protocol);
    }
    std::vector<IndexEntry> index_;  // open addressing, at most half full, a power of two
    std::size_t index_mask_ = 0;
    bool has_any_port_ = false;
    std::vector<ServiceEntry> services_;
    std::vector<DestinationEntry> destinations_;
    Slot destination_count_ = 0;                           // their size
    std::vector<std::shared_ptr<DestinationLoad>> loads_;  // by destination slot
    std::vector<std::uint32_t> members_;                   // likewise; 0: of no group
    std::vector<TunnelHeader> tunnels_;                    // likewise; as long as there is need
    std::vector<Egress> egresses_;                         // likewise
    ForwardingConfig config_;
    std::uint64_t access_generation_ = 0;
    std::vector<ServiceSlots> slots_;
};

}  // namespace headgate::dataplane
