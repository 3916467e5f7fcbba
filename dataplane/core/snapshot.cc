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

void Snapshot::set_destination(Slot slot, const DestinationEntry& entry) {
    if (slot >= destinations_.size())
        destinations_.resize(slot + 1);
    destinations_[slot] = entry;
}

void Snapshot::build_index() {
    // At most half full, so that the search for an unknown key soon meets a free entry.
    index_.assign(std::bit_ceil(std::max<std::size_t>(2 * config_.services.size(), 2)), {});
    index_mask_ = index_.size() - 1;
    for (std::size_t number = 0; number < config_.services.size(); ++number) {
        const ServiceConfig& service = config_.services[number];
        const IndexKey key{wide(service.endpoint.address),
                           rest_of(Be16(service.endpoint.port), service.protocol)};
        has_any_port_ |= service.endpoint.port == 0;
        std::size_t at = service_hash(key) & index_mask_;
        while (index_[at].slot != no_slot)
            at = (at + 1) & index_mask_;
        index_[at] = {key, slots_[number].service};
    }
}

std::shared_ptr<const PickTables> Snapshot::pick(const Identity& service) const {
    if (service.slot >= services_.size() ||
        services_[service.slot].generation != service.generation)
        return nullptr;
    return services_[service.slot].pick;
}

}  // namespace headgate::dataplane
