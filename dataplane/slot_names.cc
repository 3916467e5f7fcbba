#include "dataplane/slot_names.h"

namespace headgate::dataplane {

void SlotNames::add(const Snapshot& snapshot) {
    const auto& configs = snapshot.config().services;
    for (std::size_t number = 0; number < configs.size(); ++number) {
        const ServiceConfig& config = configs[number];
        const ServiceSlots& slots = snapshot.slots()[number];
        Service& service = services_[snapshot.service(slots.service).generation];
        service = {config.endpoint, config.protocol, config.scheduler, config.active, {}};
        for (std::size_t at = 0; at < config.destinations.size(); ++at) {
            const Slot slot = slots.destinations[at];
            const Identity identity{slot, snapshot.destination(slot).generation};
            const DestinationLoad& load = snapshot.load(slot);
            servers_[identity.generation] = {config.destinations[at], load.count(),
                                             load.overloaded()};
            service.servers.push_back(identity);
        }
    }
}

const SlotNames::Service* SlotNames::service(std::uint32_t generation) const {
    const auto found = services_.find(generation);
    return found == services_.end() ? nullptr : &found->second;
}

const SlotNames::Server* SlotNames::server(const Identity& destination) const {
    const auto found = servers_.find(destination.generation);
    return found == servers_.end() ? nullptr : &found->second;
}

}  // namespace headgate::dataplane
