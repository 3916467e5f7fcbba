#include "dataplane/flow_destinations.h"

#include <atomic>
#include <cstddef>
#include <set>
#include <utility>

#include "common/check.h"
#include "dataplane/core/connection_table.h"
#include "dataplane/core/rewrite.h"

namespace headgate::dataplane {
namespace {

using AddressAndProtocol = std::pair<IpAddress, Protocol>;

// Those with a service for a single port.
std::set<AddressAndProtocol> with_single_port(const ForwardingConfig& config) {
    std::set<AddressAndProtocol> result;
    for (const ServiceConfig& service : config.services)
        if (service.endpoint.port != 0)
            result.insert({service.endpoint.address, service.protocol});
    return result;
}

}  // namespace

FlowDestinations::Traffic& FlowDestinations::Traffic::operator+=(const Traffic& other) {
    packets += other.packets;
    bytes += other.bytes;
    return *this;
}

FlowDestinations::Traffic& FlowDestinations::Traffic::operator-=(const Traffic& other) {
    packets -= other.packets;
    bytes -= other.bytes;
    return *this;
}

FlowDestinations::FlowDestinations(std::span<lb_flow_destination> destinations,
                                   std::span<lb_flow_control> controls)
    : destinations_(destinations), controls_(controls) {
    check(destinations.empty() || destinations.size() == controls.size() * LB_DESTINATIONS_MAX,
          "each queue has its destinations");
}

void FlowDestinations::follow(const Snapshot& snapshot) {
    if (destinations_.empty())
        return;
    const std::uint64_t own_mac = snapshot.interface_count() == 0
                                      ? std::uint64_t{LB_NO_MAC}
                                      : mac_word(snapshot.interface_mac(0));
    for (lb_flow_control& control : controls_)
        std::atomic_ref(control.own_mac).store(own_mac, std::memory_order_relaxed);

    const std::set<AddressAndProtocol> single = with_single_port(snapshot.config());
    std::vector<bool> here(slots_.size());
    std::unordered_map<std::uint32_t, Traffic> removed;
    for (std::size_t index = 0; index < snapshot.slots().size(); ++index) {
        const ServiceSlots& slots = snapshot.slots()[index];
        const std::uint32_t service = snapshot.service(slots.service).generation;
        const ServiceConfig& config = snapshot.config().services[index];
        const bool is_whole = config.endpoint.port != 0 ||
                              !single.contains({config.endpoint.address, config.protocol});
        for (const Slot slot : slots.destinations) {
            const DestinationEntry& entry = snapshot.destination(slot);
            const bool sends = config.active && is_whole && entry.resolved && !entry.tunnelled;
            count_for(slot, entry.generation, service);
            send(slot, entry.mac, sends ? entry.generation : 0);
            if (slot < here.size())
                here[slot] = true;
        }
    }
    for (Slot slot = 0; slot < here.size(); ++slot) {
        if (here[slot])
            continue;
        send(slot, 0, 0);
        count_for(slot, 0, 0);
    }
    for (const ServiceSlots& slots : snapshot.slots()) {
        const std::uint32_t service = snapshot.service(slots.service).generation;
        if (const auto found = removed_.find(service); found != removed_.end())
            removed.insert(*found);
    }
    removed_ = std::move(removed);
}

// To another generation only through none: the program must not find the address of one destination
// under the generation of another.
void FlowDestinations::send(Slot slot, std::uint64_t mac, std::uint32_t generation) {
    for (std::size_t queue = 0; queue < controls_.size(); ++queue) {
        lb_flow_destination& destination = destinations_[queue * LB_DESTINATIONS_MAX + slot];
        const std::atomic_ref to_mac(destination.mac);
        const std::atomic_ref to_generation(destination.generation);
        const std::uint32_t before = to_generation.load(std::memory_order_relaxed);
        if (before != generation)
            to_generation.store(0, std::memory_order_relaxed);
        if (generation == 0)
            continue;
        if (to_mac.load(std::memory_order_relaxed) != mac)
            to_mac.store(mac, std::memory_order_release);
        if (before != generation)
            to_generation.store(generation, std::memory_order_release);
    }
}

void FlowDestinations::count_for(Slot slot, std::uint32_t generation, std::uint32_t service) {
    if (slot >= slots_.size())
        slots_.resize(slot + 1);
    Counted& counted = slots_[slot];
    if (counted.generation == generation)
        return;
    if (counted.generation != 0)
        removed_[counted.service] += since(slot);
    counted = {generation, service, this->counted(slot)};
}

FlowDestinations::Traffic FlowDestinations::counted(Slot slot) const {
    Traffic sum;
    for (std::size_t queue = 0; queue < controls_.size(); ++queue) {
        lb_flow_destination& destination = destinations_[queue * LB_DESTINATIONS_MAX + slot];
        sum += {load_shared(destination.packets), load_shared(destination.bytes)};
    }
    return sum;
}

FlowDestinations::Traffic FlowDestinations::since(Slot slot) const {
    Traffic traffic = counted(slot);
    traffic -= slots_[slot].before;
    return traffic;
}

void FlowDestinations::add_to(ForwardingStats& stats, const Snapshot& snapshot) const {
    if (destinations_.empty())
        return;
    for (std::size_t index = 0; index < snapshot.slots().size(); ++index) {
        const ServiceSlots& slots = snapshot.slots()[index];
        ServiceTrafficStats& service = stats.services[index];
        Traffic total;
        if (const auto found = removed_.find(snapshot.service(slots.service).generation);
            found != removed_.end())
            total = found->second;
        for (std::size_t at = 0; at < slots.destinations.size(); ++at) {
            const Traffic traffic = since(slots.destinations[at]);
            service.destinations[at].packets += traffic.packets;
            service.destinations[at].bytes += traffic.bytes;
            total += traffic;
        }
        service.total.packets += total.packets;
        service.total.bytes += total.bytes;
    }
}

std::uint64_t FlowDestinations::packets() const {
    std::uint64_t sum = 0;
    for (Slot slot = 0; slot < slots_.size(); ++slot)
        sum += counted(slot).packets;
    return sum;
}

}  // namespace headgate::dataplane
