// Validation first, so that a configuration that fails leaves no trace; then slots, then tables.
#include "dataplane/core/snapshot_builder.h"

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dataplane/core/pick_tables.h"

namespace headgate::dataplane {
namespace {

std::string_view protocol_name(Protocol protocol) {
    switch (protocol) {
        case Protocol::tcp:
            return "tcp";
        case Protocol::udp:
            return "udp";
        case Protocol::sctp:
            break;
    }
    return "sctp";
}

std::string service_name(const ServiceConfig& service) {
    return fmt::format("{}/{}", service.endpoint.to_string(), protocol_name(service.protocol));
}

Result<void> validate_service(const ServiceConfig& service) {
    const std::uint8_t bits = service.endpoint.address.bits();
    if (service.persistence_prefix_length > bits)
        return fail("service {}: persistence prefix length {} is more than {}",
                    service_name(service), service.persistence_prefix_length, bits);
    if (service.persistence_timeout_s > persistence_timeout_max_s)
        return fail("service {}: persistence timeout {} s is more than {} s", service_name(service),
                    service.persistence_timeout_s, persistence_timeout_max_s);
    std::set<Endpoint> seen;
    for (const DestinationConfig& destination : service.destinations) {
        if (destination.endpoint.address.family() != service.endpoint.address.family())
            return fail("service {}: destination {} is of another family", service_name(service),
                        destination.endpoint.to_string());
        if (!seen.insert(destination.endpoint).second)
            return fail("service {}: destination {} is given twice", service_name(service),
                        destination.endpoint.to_string());
    }
    return {};
}

Result<void> validate(const ForwardingConfig& config) {
    if (config.services.size() > services_max)
        return fail("{} services are more than the {} the dataplane can carry",
                    config.services.size(), services_max);
    std::size_t destinations = 0;
    std::set<std::pair<Endpoint, Protocol>> seen;
    for (const ServiceConfig& service : config.services) {
        if (Result<void> valid = validate_service(service); !valid)
            return valid;
        if (!seen.insert({service.endpoint, service.protocol}).second)
            return fail("service {} is given twice", service_name(service));
        destinations += service.destinations.size();
    }
    if (destinations > destinations_max)
        return fail("{} destinations are more than the {} the dataplane can carry", destinations,
                    destinations_max);
    return {};
}

// The tables of `previous` again when nothing about them changes: building them is the expensive
// part of a publication, and most publications concern one service or none.
std::shared_ptr<const PickTables> pick_tables(std::vector<PickCandidate> candidates,
                                              const std::shared_ptr<const PickTables>& previous) {
    if (previous != nullptr && previous->candidates == candidates)
        return previous;
    return std::make_shared<const PickTables>(build_pick_tables(std::move(candidates)));
}

}  // namespace

void SnapshotBuilder::retain(const ForwardingConfig& config) {
    std::set<ServiceKey> services;
    std::set<DestinationKey> destinations;
    for (const ServiceConfig& service : config.services) {
        const ServiceKey key{service.endpoint, service.protocol};
        services.insert(key);
        for (const DestinationConfig& destination : service.destinations)
            destinations.insert({key, destination.endpoint});
    }
    services_.retain(services);
    destinations_.retain(destinations);
}

void SnapshotBuilder::add_service(const ServiceConfig& config, const Snapshot& previous,
                                  Snapshot& snapshot) {
    const ServiceKey key{config.endpoint, config.protocol};
    const Identity identity = services_.identify(key);
    ServiceSlots slots{identity.slot, {}};
    std::vector<PickCandidate> candidates;
    for (const DestinationConfig& destination : config.destinations) {
        const Identity place = destinations_.identify({key, destination.endpoint});
        slots.destinations.push_back(place.slot);
        snapshot.set_destination(place.slot, {.generation = place.generation,
                                              .mac = destination.mac.value_or(MacAddress{}),
                                              .resolved = destination.mac.has_value()});
        if (destination.weight > 0 && destination.mac.has_value()) {
            const bool weighted = config.scheduler == Scheduler::wrr;
            candidates.push_back(
                {place.slot, destination.endpoint, weighted ? destination.weight : 1});
        }
    }
    snapshot.set_service(identity.slot,
                         {.generation = identity.generation,
                          .active = config.active,
                          .any_port = config.endpoint.port == 0,
                          .persistence_prefix_length = static_cast<std::uint8_t>(
                              config.persistence_prefix_length +
                              (config.endpoint.address.is_v4() ? mapped_prefix_length : 0)),
                          .persistence_timeout_s = config.persistence_timeout_s,
                          .pick = pick_tables(std::move(candidates), previous.pick(identity))});
    snapshot.slots_.push_back(std::move(slots));
}

Result<std::unique_ptr<const Snapshot>> SnapshotBuilder::build(const ForwardingConfig& config,
                                                               const Snapshot& previous) {
    if (Result<void> valid = validate(config); !valid)
        return tl::unexpected(valid.error());
    // Slots that become free are free for the new services of the same configuration: the bounds
    // hold for what is configured, not for what changes at once.
    retain(config);
    auto snapshot = std::make_unique<Snapshot>();
    snapshot->config_ = config;
    for (const ServiceConfig& service : config.services)
        add_service(service, previous, *snapshot);
    snapshot->build_index();
    return snapshot;
}

}  // namespace headgate::dataplane
