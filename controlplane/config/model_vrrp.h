// The typed configuration of VRRP: see model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/limits.h"
#include "common/net.h"
#include "common/realtime.h"
#include "controlplane/config/location.h"
#include "controlplane/config/model_addresses.h"
#include "controlplane/config/model_announce.h"
#include "controlplane/config/model_election.h"
#include "controlplane/config/model_routes.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/config/model_vmac.h"
#include "controlplane/config/model_vrrp_transport.h"

namespace headgate::config {

enum class VrrpInitialState : std::uint8_t { backup, master };

// Of the router that owns the addresses; it never changes.
inline constexpr std::uint8_t owner_priority = 255;

struct VrrpInstance {
    std::string name;
    SourceLocation location;
    VrrpInitialState initial_state = VrrpInitialState::backup;
    std::string interface;            // with `use_ipvlan`: the ipvlan
    std::optional<Ipvlan> ipvlan;     // made for it; without `vmac`
    std::optional<Vmac> vmac;         // made on `interface`; adverts come from there
    std::vector<Vmac> address_vmacs;  // for addresses on other interfaces, or of the other family
    std::uint8_t vrid = 0;
    std::uint8_t priority = 100;
    std::uint8_t version = 2;  // 2 or 3
    Duration advert_interval = std::chrono::seconds(1);
    // auth_type PASS or AH: at most eight bytes; version 2 over IPv4 only.
    std::optional<std::string> auth_pass;
    VrrpTransport transport;
    bool preempt = true;
    Election election;
    std::vector<VirtualAddress> virtual_addresses;
    // Held like the others, but not in adverts; of any family.
    std::vector<VirtualAddress> excluded_addresses;
    std::vector<Route> routes;
    std::vector<Rule> rules;
    // The other IPv4 addresses of a network stay when the first of them goes.
    bool promote_secondaries = false;
    // Whether this host takes packets to its addresses while it is MASTER; an owner does.
    bool accept = true;
    // A VIP disappears from the kernel this long after the last renewal.
    std::chrono::seconds vip_lease = limits::vip_lease_default;
    Announcing announcing;
    std::vector<TrackerUse> trackers;
    bool track_primary = true;  // in FAULT while `interface` is down
};

// The `interface` of the configuration: what others call it, and what may be made on it.
inline const std::string& base_interface(const VrrpInstance& instance) {
    return instance.ipvlan ? instance.ipvlan->base : instance.interface;
}

// Where those of its addresses are that name no interface.
inline const std::string& address_interface(const VrrpInstance& instance) {
    return instance.vmac ? instance.vmac->name : instance.interface;
}

// Every interface with a MAC address of its own that is made for it.
inline std::vector<Vmac> all_vmacs(const VrrpInstance& instance) {
    std::vector<Vmac> all = instance.address_vmacs;
    if (instance.vmac)
        all.push_back(*instance.vmac);
    return all;
}

// Virtual and excluded addresses.
inline std::vector<VirtualAddress> all_addresses(const VrrpInstance& instance) {
    std::vector<VirtualAddress> all = instance.virtual_addresses;
    all.insert(all.end(), instance.excluded_addresses.begin(), instance.excluded_addresses.end());
    return all;
}

// What this host has all the time that the daemon runs, whoever is MASTER.
struct StaticEntries {
    std::vector<VirtualAddress> addresses;
    std::vector<Route> routes;
    std::vector<Rule> rules;
    // The instances that cannot work without the entries of a track_group.
    std::map<std::string, std::vector<std::string>, std::less<>> track_groups;

    [[nodiscard]] bool empty() const {
        return addresses.empty() && routes.empty() && rules.empty();
    }
};

// The table of nftables that carries out `no_accept`.
struct Firewall {
    std::string table;  // empty: the daemon's own name for it
    int priority = -1;  // of its chains
    bool has_counters = false;
    bool operator==(const Firewall&) const = default;
};

// All that the VRRP thread works from.
struct Vrrp {
    AnnounceLimits announce_limits;
    std::vector<VrrpInstance> instances;
    std::vector<SyncGroup> sync_groups;
    StartupDelay startup_delay;
    std::vector<InterfaceDelay> interface_delays;
    Scheduling scheduling;
    bool log_unknown_vrids = false;
    StaticEntries statics;
    Firewall firewall;
};

}  // namespace headgate::config
