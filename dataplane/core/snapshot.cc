// The parts of Snapshot that only the control thread runs.
#include "dataplane/core/snapshot.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace headgate::dataplane {

Snapshot::Snapshot() {
    build_index();
}

void Snapshot::set_service(Slot slot, ServiceEntry entry) {
    if (slot >= services_.size())
        services_.resize(slot + 1);
    services_[slot] = std::move(entry);
}

void Snapshot::set_destination(Slot slot, const DestinationEntry& entry,
                               std::shared_ptr<DestinationLoad> load, std::uint32_t member) {
    if (slot >= destinations_.size()) {
        destinations_.resize(slot + 1);
        destination_count_ = slot + 1;
        loads_.resize(slot + 1);
        members_.resize(slot + 1);
    }
    destinations_[slot] = entry;
    loads_[slot] = std::move(load);
    members_[slot] = member;
}

void Snapshot::set_tunnel(Slot slot, const TunnelHeader& header) {
    if (slot >= tunnels_.size())
        tunnels_.resize(slot + 1);
    tunnels_[slot] = header;
}

void Snapshot::set_egress(Slot slot, const Egress& egress) {
    if (slot >= egresses_.size())
        egresses_.resize(slot + 1);
    egresses_[slot] = egress;
}

void Snapshot::index_add(const IndexKey& key, const FoundService& service) {
    std::size_t at = key.hash() & index_mask_;
    while (index_[at].service.identity.slot != no_slot && !index_[at].is(key))
        at = (at + 1) & index_mask_;
    index_[at] = {key.address, key.rest, service};
}

// A list that says the same is the same: the connections of all workers are held against it once.
void Snapshot::keep_access(const Snapshot& previous) {
    std::shared_ptr<const AccessList>& list = config_.protection.access;
    const std::shared_ptr<const AccessList>& before = previous.config_.protection.access;
    access_generation_ = previous.access_generation_;
    if (list != nullptr && before != nullptr && *list == *before)
        list = before;
    if (list != before)
        ++access_generation_;
}

void Snapshot::build_index() {
    // Each service, and its address alone. At most half full, so that the search for an unknown key
    // soon meets a free entry.
    index_.assign(std::bit_ceil(std::max<std::size_t>(4 * config_.services.size(), 2)), {});
    index_mask_ = index_.size() - 1;
    for (std::size_t number = 0; number < config_.services.size(); ++number) {
        const ServiceConfig& service = config_.services[number];
        const WideAddress address = wide(service.endpoint.address);
        has_any_port_ |= service.endpoint.port == 0;
        const Slot slot = slots_[number].service;
        const FoundService found{{slot, services_[slot].generation}, service.active};
        index_add({address, rest_of(Be16(service.endpoint.port), service.protocol)}, found);
        index_add({address, address_alone}, found);
    }
}

std::shared_ptr<const PickTables> Snapshot::pick(const Identity& service) const {
    if (service.slot >= services_.size() ||
        services_[service.slot].generation != service.generation)
        return nullptr;
    return services_[service.slot].pick;
}

Identity Snapshot::in_service(const ServiceEntry& service, const Identity& place) const {
    if (service.group == 0)
        return place;
    if (destination(place.slot).generation != place.generation)
        return {};
    const auto found =
        std::ranges::lower_bound(service.members, members_[place.slot], {}, &GroupMember::member);
    if (found == service.members.end() || found->member != members_[place.slot])
        return {};
    return {found->destination, destination(found->destination).generation};
}

std::shared_ptr<DestinationLoad> Snapshot::find_load(const Identity& place) const {
    if (destination(place.slot).generation != place.generation)
        return nullptr;
    return loads_[place.slot];
}

}  // namespace headgate::dataplane
