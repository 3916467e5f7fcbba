// Validation first, so that a configuration that fails leaves no trace; then slots, then tables.
#include "dataplane/core/snapshot_builder.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "dataplane/core/pick_tables.h"
#include "dataplane/core/rewrite.h"

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

// How its packets get there.
Result<void> validate_way(const ServiceConfig& service, const DestinationConfig& destination) {
    const IpAddress& address = destination.endpoint.address;
    const std::optional<TunnelConfig>& tunnel = destination.tunnel;
    if (!tunnel && address.family() != service.endpoint.address.family())
        return fail("service {}: destination {} is of another family", service_name(service),
                    destination.endpoint.to_string());
    if (!destination.mac)
        return {};
    if (destination.egress && destination.egress->mtu < mtu_min(address.is_v4()))
        return fail("service {}: the way to {} by {} has an MTU of {}; {} is the least",
                    service_name(service), destination.endpoint.to_string(),
                    destination.egress->name, destination.egress->mtu, mtu_min(address.is_v4()));
    if (!tunnel)
        return {};
    if (tunnel->source.family() != address.family())
        return fail("service {}: the tunnel to {} has a source of another family",
                    service_name(service), destination.endpoint.to_string());
    if (tunnel->mtu < mtu_min(address.is_v4()))
        return fail("service {}: the way to {} has an MTU of {}; {} is the least",
                    service_name(service), destination.endpoint.to_string(), tunnel->mtu,
                    mtu_min(address.is_v4()));
    return {};
}

Result<void> validate_service(const ServiceConfig& service) {
    const std::uint8_t bits = service.endpoint.address.bits();
    if (service.persistence_prefix_length > bits)
        return fail("service {}: persistence prefix length {} is more than {}",
                    service_name(service), service.persistence_prefix_length, bits);
    for (const std::uint32_t timeout_s : {service.persistence_timeout_s, service.timeouts.tcp_s,
                                          service.timeouts.tcp_fin_s, service.timeouts.udp_s}) {
        if (timeout_s > timeout_max_s)
            return fail("service {}: a timeout of {} s is more than {} s", service_name(service),
                        timeout_s, timeout_max_s);
    }
    std::set<Endpoint> seen;
    for (const DestinationConfig& destination : service.destinations) {
        if (Result<void> valid = validate_way(service, destination); !valid)
            return valid;
        if (!seen.insert(destination.endpoint).second)
            return fail("service {}: destination {} is given twice", service_name(service),
                        destination.endpoint.to_string());
    }
    return {};
}

Result<void> validate_protection(const Protection& protection) {
    if (protection.source_prefix_length_v4 > 32 || protection.source_prefix_length_v6 > 128)
        return fail("source prefix lengths of {} and {} are more than 32 and 128",
                    protection.source_prefix_length_v4, protection.source_prefix_length_v6);
    return {};
}

Result<void> validate(const ForwardingConfig& config) {
    if (config.services.size() > services_max)
        return fail("{} services are more than the {} the dataplane can carry",
                    config.services.size(), services_max);
    if (Result<void> valid = validate_protection(config.protection); !valid)
        return valid;
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

Egress egress_of(const EgressConfig& config) {
    constexpr std::uint32_t ip_bytes_max = 65535;
    return {mac_word(config.mac), config.mac, config.ifindex,
            static_cast<std::uint16_t>(std::min(config.mtu, ip_bytes_max)), config.takes_redirects};
}

std::uint8_t detours_of(const DestinationConfig& destination) {
    std::uint8_t detours = 0;
    if (destination.tunnel)
        detours |= DestinationEntry::by_tunnel;
    if (destination.mac && destination.egress)
        detours |= DestinationEntry::by_another_interface;
    return detours;
}

bool keeps_clients(const ServiceConfig& service, const DestinationConfig& destination) {
    const bool quiescent = destination.inhibited || destination.weight == 0;
    return !destination.leaving && !(service.expire_quiescent && quiescent);
}

// The tables of `previous` again when nothing about them changes: building them is the expensive
// part of a publication, and most publications concern one service or none.
std::shared_ptr<const PickTables> pick_tables(PickInput input,
                                              const std::shared_ptr<const PickTables>& previous) {
    if (previous != nullptr && previous->input == input)
        return previous;
    return std::make_shared<const PickTables>(build_pick_tables(std::move(input)));
}

}  // namespace

void SnapshotBuilder::restore(const std::vector<KnownDestination>& known,
                              std::uint32_t first_generation) {
    std::vector<std::pair<DestinationKey, Identity>> identities;
    identities.reserve(known.size());
    for (const KnownDestination& each : known)
        identities.push_back({{{each.service, each.protocol}, each.destination}, each.identity});
    destinations_.restore(identities, first_generation);
}

void SnapshotBuilder::retain(const ForwardingConfig& config) {
    std::set<ServiceKey> services;
    std::set<DestinationKey> destinations;
    std::set<std::string> groups;
    std::set<MemberKey> members;
    for (const ServiceConfig& service : config.services) {
        const ServiceKey key{service.endpoint, service.protocol};
        services.insert(key);
        for (const DestinationConfig& destination : service.destinations)
            destinations.insert({key, destination.endpoint});
        if (service.group.empty())
            continue;
        groups.insert(service.group);
        for (const DestinationConfig& destination : service.destinations)
            members.insert({service.group, destination.endpoint.address});
    }
    groups_.retain(groups);
    members_.retain(members);
    services_.retain(services);
    destinations_.retain(destinations);
}

void SnapshotBuilder::add_service(const ServiceConfig& config, const Snapshot& previous,
                                  Snapshot& snapshot) {
    const ServiceKey key{config.endpoint, config.protocol};
    const Identity identity = services_.identify(key);
    ServiceSlots slots{identity.slot, {}};
    const bool grouped = !config.group.empty();
    std::vector<GroupMember> members;
    PickInput input{config.scheduler, {}};
    const bool by_locality =
        config.scheduler == Scheduler::lblc || config.scheduler == Scheduler::lblcr;
    for (const DestinationConfig& destination : config.destinations) {
        const Identity place = destinations_.identify({key, destination.endpoint});
        std::shared_ptr<DestinationLoad> load = previous.find_load(place);
        if (load == nullptr)
            load = std::make_shared<DestinationLoad>();
        load->set_thresholds(destination.connections_upper, destination.connections_lower);
        if (!by_locality)
            load->leave_locality();
        slots.destinations.push_back(place.slot);
        std::uint32_t member = 0;
        if (grouped) {
            member = members_.identify({config.group, destination.endpoint.address}).generation;
            members.push_back({member, place.slot});
        }
        snapshot.set_destination(place.slot,
                                 {.generation = place.generation,
                                  .resolved = destination.mac.has_value(),
                                  .keeps_clients = keeps_clients(config, destination),
                                  .detours = detours_of(destination),
                                  .mac = mac_word(destination.mac.value_or(MacAddress{}))},
                                 load, member);
        if (destination.tunnel && destination.mac)
            snapshot.set_tunnel(place.slot,
                                build_tunnel_header(destination, config.endpoint.address.is_v4()));
        if (destination.egress && destination.mac)
            snapshot.set_egress(place.slot, egress_of(*destination.egress));
        if (destination.leaving)
            continue;
        input.candidates.push_back({place.slot, destination.endpoint, destination.weight,
                                    !destination.inhibited && destination.mac.has_value(),
                                    std::move(load)});
    }
    std::ranges::sort(members, {}, &GroupMember::member);
    snapshot.set_service(
        identity.slot,
        {.generation = identity.generation,
         .any_port = config.endpoint.port == 0,
         .hash_port = config.hash_port,
         .hash_fallback = config.hash_fallback,
         .one_packet = config.one_packet,
         .timeouts = StateTimeouts(config.protocol == Protocol::sctp ? ConnectionTimeouts{}
                                                                     : config.timeouts),
         .persistence_prefix_length = static_cast<std::uint8_t>(
             config.persistence_prefix_length +
             (config.endpoint.address.is_v4() ? mapped_prefix_length : 0)),
         .persistence_timeout_s = config.persistence_timeout_s,
         .group = grouped ? groups_.identify(config.group).generation : 0,
         .members = std::move(members),
         .pick = pick_tables(std::move(input), previous.pick(identity))});
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
    snapshot->keep_access(previous);
    for (const ServiceConfig& service : config.services)
        add_service(service, previous, *snapshot);
    snapshot->build_index();
    return snapshot;
}

}  // namespace headgate::dataplane
