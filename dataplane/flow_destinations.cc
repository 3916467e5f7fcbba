#include "dataplane/flow_destinations.h"

#include <atomic>
#include <cstddef>
#include <cstring>
#include <set>
#include <utility>

#include "common/check.h"
#include "dataplane/core/connection_table.h"
#include "dataplane/core/rewrite.h"

namespace headgate::dataplane {
namespace {

using AddressAndProtocol = std::pair<IpAddress, Protocol>;

void set_address(__u32 (&words)[4], const IpAddress& address) {
    const WideAddress wide_address = wide(address);
    std::uint32_t parts[4] = {};
    std::memcpy(parts, &wide_address, sizeof parts);
    for (std::size_t word = 0; word < 4; ++word)
        store_shared(words[word], parts[word]);
}

Endpoint endpoint_of(const __u32 (&words)[4], __u16 port_be) {
    WideAddress wide_address;
    std::memcpy(&wide_address, words, sizeof wide_address);
    return {address_of(wide_address), Be16::from_raw(port_be).host()};
}

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

FlowDestinations::FlowDestinations(const FlowDestinationsMemory& memory)
    : memory_(memory), egresses_(memory.controls, memory.set_device) {
    if (!exists())
        return;
    check(memory.destinations.size() == memory.controls.size() * LB_DESTINATIONS_MAX &&
              memory.names.size() == LB_DESTINATIONS_MAX && memory.inheritance != nullptr &&
              memory.set_device,
          "each queue has its destinations, and each of them a name");
    for (Slot slot = 0; slot < LB_DESTINATIONS_MAX; ++slot) {
        const std::uint64_t packets = counted(slot).packets;
        packets_before_ += packets;
        if (packets != 0 || memory_.names[slot].generation != 0)
            slots_.resize(slot + 1);
    }
}

std::vector<KnownDestination> FlowDestinations::known() const {
    std::vector<KnownDestination> known;
    for (Slot slot = 0; slot < memory_.names.size(); ++slot) {
        const lb_destination_name& name = memory_.names[slot];
        if (name.generation == 0)
            continue;
        known.push_back({endpoint_of(name.service_address_be, name.service_port_be),
                         static_cast<Protocol>(name.protocol),
                         endpoint_of(name.address_be, name.port_be),
                         {slot, name.generation}});
    }
    return known;
}

std::uint32_t FlowDestinations::generation_bound() const {
    return exists() ? memory_.inheritance->generation_bound : 1;
}

void FlowDestinations::follow(const Snapshot& snapshot) {
    if (!exists())
        return;
    const std::uint64_t own_mac = snapshot.interface_count() == 0
                                      ? std::uint64_t{LB_NO_MAC}
                                      : mac_word(snapshot.interface_mac(0));
    for (lb_flow_control& control : memory_.controls)
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
        for (std::size_t at = 0; at < slots.destinations.size(); ++at) {
            const Slot slot = slots.destinations[at];
            const DestinationEntry& entry = snapshot.destination(slot);
            name(slot, entry, config, config.destinations[at].endpoint);
            const std::optional<Way> way =
                config.active && is_whole ? way_to(snapshot, slot) : std::nullopt;
            count_for(slot, entry.generation, service);
            send(slot, way.value_or(Way{}), way ? entry.generation : 0);
            if (slot < here.size())
                here[slot] = true;
        }
    }
    for (Slot slot = 0; slot < here.size(); ++slot) {
        if (here[slot])
            continue;
        send(slot, {}, 0);
        forget_name(slot);
        count_for(slot, 0, 0);
    }
    egresses_.release_unused();
    for (const ServiceSlots& slots : snapshot.slots()) {
        const std::uint32_t service = snapshot.service(slots.service).generation;
        if (const auto found = removed_.find(service); found != removed_.end())
            removed.insert(*found);
    }
    removed_ = std::move(removed);
}

// A reader finds either the name of one destination or none, wherever this is interrupted.
void FlowDestinations::name(Slot slot, const DestinationEntry& entry, const ServiceConfig& service,
                            const Endpoint& destination) {
    lb_destination_name& name = memory_.names[slot];
    if (name.generation == entry.generation)
        return;
    forget_name(slot);
    set_address(name.service_address_be, service.endpoint.address);
    store_shared(name.service_port_be, Be16(service.endpoint.port).raw());
    store_shared(name.protocol, static_cast<std::uint8_t>(service.protocol));
    set_address(name.address_be, destination.address);
    store_shared(name.port_be, Be16(destination.port).raw());
    // First the bound: no process may give this generation to another destination.
    std::uint32_t& bound = memory_.inheritance->generation_bound;
    if (entry.generation >= bound)
        store_shared(bound, entry.generation + 1);
    store_shared(name.generation, entry.generation, std::memory_order_release);
}

void FlowDestinations::forget_name(Slot slot) {
    store_shared(memory_.names[slot].generation, 0U);
}

std::optional<FlowDestinations::Way> FlowDestinations::way_to(const Snapshot& snapshot, Slot slot) {
    const DestinationEntry& entry = snapshot.destination(slot);
    if (!entry.resolved || entry.tunnelled())
        return std::nullopt;
    if (!entry.elsewhere())
        return Way{entry.mac, 0};
    const Egress& egress = snapshot.egress(slot);
    const std::uint32_t number = egress.takes_redirects ? egresses_.use(egress) : 0;
    if (number == 0)
        return std::nullopt;
    return Way{lb_way(entry.mac, number), egress.mtu};
}

// To another generation only through none: the program must not find the address of one destination
// under the generation of another.
void FlowDestinations::send(Slot slot, const Way& way, std::uint32_t generation) {
    for (std::size_t queue = 0; queue < memory_.controls.size(); ++queue) {
        lb_flow_destination& destination = memory_.destinations[queue * LB_DESTINATIONS_MAX + slot];
        const std::atomic_ref to_way(destination.way);
        const std::atomic_ref to_generation(destination.generation);
        const std::uint32_t before = to_generation.load(std::memory_order_relaxed);
        if (before != generation)
            to_generation.store(0, std::memory_order_relaxed);
        if (generation == 0)
            continue;
        store_shared(destination.mtu, way.mtu);
        if (to_way.load(std::memory_order_relaxed) != way.word)
            to_way.store(way.word, std::memory_order_release);
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
    for (std::size_t queue = 0; queue < memory_.controls.size(); ++queue) {
        lb_flow_destination& destination = memory_.destinations[queue * LB_DESTINATIONS_MAX + slot];
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
    if (!exists())
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
    return sum - packets_before_;
}

}  // namespace headgate::dataplane
