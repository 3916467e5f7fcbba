// Where a packet without a connection may go: persistence, and what the schedulers promise.
#include <array>
#include <numeric>

#include <fmt/format.h>

#include "tests/unit/core/reference_model.h"

namespace headgate::dataplane {
namespace {

bool picks_by_hash(Scheduler scheduler) {
    return scheduler == Scheduler::sh || scheduler == Scheduler::dh || scheduler == Scheduler::mh;
}

// Of one client and service, it depends on nothing but loads.
bool may_refuse(const ServiceConfig& service) {
    return service.scheduler == Scheduler::ovf ||
           (picks_by_hash(service.scheduler) && !service.hash_fallback);
}

// Bit by bit.
IpAddress masked(const ModelPacket& packet, const ServiceConfig& service) {
    const IpAddress& address = packet.client.address;
    std::array<std::uint8_t, 16> kept{};
    for (std::size_t bit = 0; bit < service.persistence_prefix_length; ++bit)
        kept[bit / 8] |= static_cast<std::uint8_t>(address.bytes()[bit / 8] & 0x80U >> bit % 8);
    if (!address.is_v4())
        return IpAddress::v6(kept);
    return IpAddress::v4(Be32(std::uint32_t{kept[0]} << 24U | std::uint32_t{kept[1]} << 16U |
                              std::uint32_t{kept[2]} << 8U | kept[3]));
}

}  // namespace

bool ReferenceModel::schedulable(const Destination& destination) {
    return destination.config.weight > 0 && destination.config.mac.has_value() &&
           !destination.config.inhibited && !destination.config.leaving;
}

bool ReferenceModel::keeps_clients(const ServiceConfig& service, const Destination& destination) {
    const bool quiescent = destination.config.weight == 0 || destination.config.inhibited;
    return destination.config.mac.has_value() && !destination.config.leaving &&
           !(service.expire_quiescent && quiescent);
}

ReferenceModel::BindingKey ReferenceModel::binding_key(const Service& service,
                                                       const ModelPacket& packet) const {
    const std::string& group = service.config.group;
    return {group.empty() ? service.incarnation : groups_.at(group), group,
            masked(packet, service.config)};
}

// The binding may be of another service of the group: then it is for the same address of this one.
ReferenceModel::Destination* ReferenceModel::find_bound(Service& service, const Binding& binding) {
    if (service.config.group.empty())
        return find(service, binding.destination);
    for (auto& [key, other] : services_) {
        if (other.config.group != service.config.group)
            continue;
        const Destination* bound = find(other, binding.destination);
        if (bound == nullptr)
            continue;
        for (auto& [endpoint, destination] : service.destinations)
            if (endpoint.address == bound->config.endpoint.address)
                return &destination;
    }
    return nullptr;
}

ReferenceModel::Binding* ReferenceModel::find_binding(const BindingKey& key, Tick now) {
    const auto found = bindings_.find(key);
    if (found == bindings_.end())
        return nullptr;
    if (found->second.connections == 0 && found->second.deadline < now) {
        bindings_.erase(found);
        return nullptr;
    }
    return &found->second;
}

void ReferenceModel::bind(const BindingKey& client, const ServiceConfig& service,
                          Incarnation destination, Tick now) {
    find_binding(client, now);
    Binding& entry = bindings_[client];
    entry.destination = destination;
    entry.deadline = now + service.persistence_timeout_s;
}

ReferenceModel::Destination* ReferenceModel::find_by_mac(Service& service,
                                                         const ModelResult& result) {
    Destination* picked = nullptr;
    for (auto& [endpoint, destination] : service.destinations)
        if (result.reason == Reason::none && destination.config.mac == result.to &&
            expect_to(destination.config, result).empty())
            picked = &destination;
    return picked;
}

// Whether a packet without a connection may have gone where it went.
std::string ReferenceModel::judge_pick(Service& service, const ModelPacket& packet,
                                       const ModelResult& result, bool stateless, Tick now) {
    const bool persistent = service.config.persistence_timeout_s > 0;
    const Binding* binding = persistent ? find_binding(binding_key(service, packet), now) : nullptr;
    const Destination* bound = binding != nullptr ? find_bound(service, *binding) : nullptr;
    if (bound != nullptr && keeps_clients(service.config, *bound)) {
        const std::string wrong = expect_to(bound->config, result);
        return wrong.empty() ? wrong : "the client is bound: " + wrong;
    }
    bool any = false;
    for (const auto& [endpoint, destination] : service.destinations)
        any = any || schedulable(destination);
    if (!any)
        return expect(Reason::no_destination, result);
    if (result.reason == Reason::no_destination && !stateless && may_refuse(service.config))
        return picks_by_hash(service.config.scheduler) ? check_hash(service, packet, std::nullopt)
                                                       : std::string();
    if (result.reason != Reason::none)
        return expect(Reason::none, result);
    const Destination* picked = find_by_mac(service, result);
    if (picked == nullptr)
        return "it went to nobody we know: " + result.to.to_string();
    return check_pick(service, packet, *picked, stateless);
}

std::string ReferenceModel::check_pick(Service& service, const ModelPacket& packet,
                                       const Destination& picked, bool stateless) {
    if (!schedulable(picked))
        return "it went to a destination that takes no connections";
    const Scheduler scheduler = service.config.scheduler;
    if (!stateless && (scheduler == Scheduler::rr || scheduler == Scheduler::wrr))
        return check_fairness(service, picked);
    if (!stateless)
        return picks_by_hash(scheduler) ? check_hash(service, packet, picked.incarnation)
                                        : std::string();
    const bool persistent = service.config.persistence_timeout_s > 0;
    const bool any_port = service.config.endpoint.port == 0;
    const bool any_address = any_port || !service.config.group.empty();
    const StatelessKey alike{service.incarnation, masked(packet, service.config), 0,
                             any_address ? 0 : packet.service.port};
    const StatelessKey exact{service.incarnation, packet.client.address, packet.client.port,
                             packet.service.port};
    const auto [entry, is_new] =
        stateless_picks_.try_emplace(persistent ? alike : exact, picked.incarnation);
    if (!is_new && entry->second != picked.incarnation)
        return "a pick without memory was not the same again";
    return {};
}

std::string ReferenceModel::check_hash(Service& service, const ModelPacket& packet,
                                       std::optional<Incarnation> picked) {
    Endpoint hashed = packet.client;
    if (service.config.scheduler == Scheduler::dh)
        hashed.address = packet.service.address;
    if (!service.config.hash_port)
        hashed.port = 0;
    const auto [entry, is_new] = hash_picks_.try_emplace({service.incarnation, hashed}, picked);
    if (!is_new && entry->second != picked)
        return "a pick by a hash was not the same again";
    return {};
}

// After whole rounds every destination has had its share exactly.
std::string ReferenceModel::check_fairness(Service& service, const Destination& picked) {
    ++service.picks[picked.config.endpoint];
    const auto share = [&service](const Destination& destination) -> std::uint64_t {
        if (!schedulable(destination))
            return 0;
        return service.config.scheduler == Scheduler::wrr ? destination.config.weight : 1;
    };
    std::uint64_t divisor = 0;
    std::uint64_t total = 0;
    std::uint64_t made = 0;
    for (const auto& [endpoint, destination] : service.destinations) {
        divisor = std::gcd(divisor, share(destination));
        total += share(destination);
        made += service.picks[endpoint];
    }
    const std::uint64_t round = total / divisor;
    if (made % round != 0)
        return {};
    for (const auto& [endpoint, destination] : service.destinations)
        if (service.picks[endpoint] != share(destination) / divisor * (made / round))
            return fmt::format("{} was picked {} times in {} rounds", endpoint.to_string(),
                               service.picks[endpoint], made / round);
    return {};
}

}  // namespace headgate::dataplane
