// The rules, one after the other, as the design states them.
#include "tests/unit/core/reference_model.h"

#include <algorithm>

#include <fmt/format.h>

#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

namespace flag = packets::flag;

bool opens(const ModelPacket& packet) {
    const std::uint8_t relevant = packet.flags & (flag::syn | flag::ack | flag::fin | flag::rst);
    return packet.protocol == Protocol::udp || relevant == flag::syn;
}

bool one_packet(const ServiceConfig& service) {
    return service.one_packet && service.protocol == Protocol::udp;
}

bool valid_client(const ModelPacket& packet) {
    const IpAddress& client = packet.client.address;
    if (client == packet.service.address)
        return false;
    if (!client.is_v4())
        return !client.is_unspecified() && !client.is_multicast() && client.to_string() != "::1";
    const std::uint8_t first = client.bytes()[0];
    return first >= 1 && first <= 223 && first != 127;
}

}  // namespace

std::string ReferenceModel::expect(Reason wanted, const ModelResult& result) {
    if (result.reason == wanted)
        return {};
    return fmt::format("the reason is {}, not {}", info(result.reason).name, info(wanted).name);
}

std::string ReferenceModel::expect_to(const DestinationConfig& wanted, const ModelResult& result) {
    if (result.reason != Reason::none)
        return expect(Reason::none, result);
    if (result.to != *wanted.mac)
        return fmt::format("it went to {}, not to {}", result.to.to_string(),
                           wanted.mac->to_string());
    const int egress = wanted.egress ? wanted.egress->ifindex : 0;
    if (result.egress != egress)
        return fmt::format("it left by {}, not by {}", result.egress, egress);
    std::optional<IpAddress> through;
    if (wanted.tunnel)
        through = wanted.endpoint.address;
    if (result.through != through)
        return fmt::format("it went {}, not {}",
                           result.through ? "into " + result.through->to_string() : "directly",
                           through ? "into " + through->to_string() : "directly");
    return {};
}

Tick ReferenceModel::timeout(const ServiceConfig& service, State state) {
    const bool configurable = service.protocol != Protocol::sctp;
    switch (state) {
        case State::syn:
            return 60;
        case State::established:
            return configurable ? service.timeouts.tcp_s : 900;
        case State::fin:
            return configurable ? service.timeouts.tcp_fin_s : 120;
        case State::closed:
            return 10;
        case State::udp:
            return service.timeouts.udp_s;
    }
    return 0;
}

ReferenceModel::State ReferenceModel::next(State state, std::uint8_t flags) {
    if (state == State::udp || state == State::closed)
        return state;
    if (flags & flag::rst)
        return State::closed;
    if (flags & flag::syn)
        return state;
    if (flags & flag::fin)
        return State::fin;
    return state == State::syn ? State::established : state;
}

void ReferenceModel::configure(const ForwardingConfig& config,
                               const std::vector<AccessRule>& rules) {
    protection_ = config.protection;
    rules_ = rules;
    enforce_access();
    std::map<ServiceKey, Service> old = std::move(services_);
    services_.clear();
    stateless_picks_.clear();
    hash_picks_.clear();
    std::map<std::string, Incarnation> old_groups = std::move(groups_);
    groups_.clear();
    for (const ServiceConfig& item : config.services) {
        if (item.group.empty())
            continue;
        Incarnation& before = old_groups[item.group];
        if (before == 0)
            before = ++last_incarnation_;
        groups_[item.group] = before;
    }
    for (const ServiceConfig& item : config.services) {
        const ServiceKey key{item.endpoint, item.protocol};
        const auto before = old.find(key);
        const bool known = before != old.end();
        Service& service = services_[key];
        service.incarnation = known ? before->second.incarnation : ++last_incarnation_;
        service.config = item;
        for (const DestinationConfig& destination : item.destinations) {
            Incarnation incarnation = 0;
            if (known && before->second.destinations.contains(destination.endpoint))
                incarnation = before->second.destinations.at(destination.endpoint).incarnation;
            else
                incarnation = ++last_incarnation_;
            service.destinations[destination.endpoint] = {incarnation, destination};
        }
    }
}

ReferenceModel::Destination* ReferenceModel::find(Service& service, Incarnation incarnation) {
    for (auto& [endpoint, destination] : service.destinations)
        if (destination.incarnation == incarnation)
            return &destination;
    return nullptr;
}

ReferenceModel::Service* ReferenceModel::find(const ModelPacket& packet) {
    const Endpoint any_port{packet.service.address, 0};
    for (const Endpoint& endpoint : {packet.service, any_port})
        if (const auto found = services_.find({endpoint, packet.protocol});
            found != services_.end())
            return &found->second;
    return nullptr;
}

std::string ReferenceModel::judge(const ModelPacket& packet, const ModelResult& result, Tick now) {
    released_.clear();
    switch (packet.form) {
        case Form::whole:
            return judge_whole(packet, result, now);
        case Form::first_fragment:
            return judge_first(packet, result, now);
        case Form::later_fragment:
            return judge_later(packet, result, now);
        case Form::icmp_error:
            return judge_icmp(packet, result, now);
    }
    return "no such form";
}

bool ReferenceModel::serves(const IpAddress& address) const {
    for (const auto& [key, service] : services_)
        if (key.first.address == address)
            return true;
    return false;
}

ReferenceModel::FragmentKey ReferenceModel::fragment_key(const ModelPacket& packet) {
    const bool is_v4 = packet.client.address.is_v4();
    return {packet.client.address, packet.service.address, packet.id,
            is_v4 ? packet.protocol : Protocol::tcp};
}

std::string ReferenceModel::judge_first(const ModelPacket& packet, const ModelResult& result,
                                        Tick now) {
    if (!serves(packet.service.address))
        return expect(Reason::fragment, result);
    const Access access = access_of(packet.client.address);
    if (access == Access::blocked)
        return expect(Reason::source_blocked, result);
    if (access != Access::allowed && !take(fragments_, protection_.fragment_rate, now))
        return expect(Reason::fragment_limited, result);
    const FragmentKey key = fragment_key(packet);
    std::string wrong = judge_whole(packet, result, now);
    Fate fate{result.reason, result.to, 0, now + 5};
    if (Service* service = find(packet); service != nullptr)
        for (const auto& [endpoint, destination] : service->destinations)
            if (result.reason == Reason::none && destination.config.mac == result.to)
                fate.destination = destination.incarnation;
    fates_[key] = fate;
    for (auto held = held_.begin(); held != held_.end();) {
        if (held->key != key) {
            ++held;
            continue;
        }
        if (fate.reason == Reason::none)
            released_.push_back(fate.to);
        held = held_.erase(held);
    }
    return wrong;
}

std::string ReferenceModel::judge_later(const ModelPacket& packet, const ModelResult& result,
                                        Tick now) {
    if (!serves(packet.service.address))
        return expect(Reason::fragment, result);
    const Access access = access_of(packet.client.address);
    if (access == Access::blocked)
        return expect(Reason::source_blocked, result);
    const FragmentKey key = fragment_key(packet);
    const auto fate = fates_.find(key);
    if (fate != fates_.end() && fate->second.deadline >= now) {
        if (fate->second.reason != Reason::none)
            return expect(fate->second.reason, result);
        for (auto& [service_key, service] : services_)
            if (Destination* destination = find(service, fate->second.destination);
                destination != nullptr)
                return expect_destination(service, fate->second.destination, result);
        return expect(Reason::destination_removed, result);
    }
    if (access != Access::allowed && !take(early_fragments_, protection_.fragment_rate, now))
        return expect(Reason::fragment_limited, result);
    std::size_t beside = 0;
    for (const Held& held : held_)
        beside += held.key == key ? 1 : 0;
    if (beside == 16)
        return expect(Reason::fragment_early, result);
    if (held_.size() == 64)
        held_.pop_front();
    held_.push_back({key, now});
    return expect(Reason::fragment_held, result);
}

std::string ReferenceModel::expect_destination(Service& service, Incarnation wanted,
                                               const ModelResult& result) {
    const Destination* destination = find(service, wanted);
    if (destination == nullptr)
        return expect(Reason::destination_removed, result);
    if (!destination->config.mac)
        return expect(Reason::destination_unresolved, result);
    return expect_to(destination->config, result);
}

std::string ReferenceModel::judge_icmp(const ModelPacket& packet, const ModelResult& result,
                                       Tick now) {
    Service* service = find(packet);
    if (service == nullptr)
        return expect(Reason::icmp, result);
    if (!service->config.active)
        return expect(Reason::service_inactive, result);
    const Access access = access_of(packet.router);
    if (access == Access::blocked)
        return expect(Reason::source_blocked, result);
    if (access != Access::allowed && !take(icmp_errors_, protection_.icmp_error_rate, now))
        return expect(Reason::icmp_limited, result);
    const auto known =
        connections_.find({service->incarnation, packet.client, packet.service.port});
    if (known != connections_.end() && known->second.deadline >= now)
        return expect_destination(*service, known->second.destination, result);
    if (!stateless_until_ || now > *stateless_until_)
        return expect(Reason::icmp_unrelated, result);
    return judge_pick(*service, packet, result, true, now);
}

std::string ReferenceModel::judge_whole(const ModelPacket& packet, const ModelResult& result,
                                        Tick now) {
    Service* found = find(packet);
    if (found == nullptr)
        return expect(Reason::no_service, result);
    Service& service = *found;
    if (!service.config.active)
        return expect(Reason::service_inactive, result);
    const ConnectionKey key{service.incarnation, packet.client, packet.service.port};
    const auto known = connections_.find(key);
    if (known != connections_.end())
        return follow(known->second, key, service, packet, result, now);
    return begin(service, packet, result, now);
}

std::string ReferenceModel::follow(Connection& connection, const ConnectionKey& key,
                                   Service& service, const ModelPacket& packet,
                                   const ModelResult& result, Tick now) {
    const Destination* destination = find(service, connection.destination);
    const bool closing = connection.state == State::fin || connection.state == State::closed;
    if (connection.deadline < now || (opens(packet) && (destination == nullptr || closing))) {
        end(key);
        return begin(service, packet, result, now);
    }
    if (destination == nullptr)
        return expect(Reason::destination_removed, result);
    if (!destination->config.mac)
        return expect(Reason::destination_unresolved, result);
    if (connection.state == State::syn && next(connection.state, packet.flags) != State::syn)
        half_open_.remove(key);
    connection.state = next(connection.state, packet.flags);
    connection.deadline = now + timeout(service.config, connection.state);
    return expect_to(destination->config, result);
}

std::string ReferenceModel::begin(Service& service, const ModelPacket& packet,
                                  const ModelResult& result, Tick now) {
    if (access_of(packet.client.address) == Access::blocked)
        return expect(Reason::source_blocked, result);
    const bool recovers = !opens(packet) && stateless_until_ && now <= *stateless_until_;
    if (!opens(packet) && !recovers)
        return expect(Reason::no_connection, result);
    if (!valid_client(packet))
        return expect(Reason::source_invalid, result);

    const bool unremembered = one_packet(service.config);
    const Admission admission = admit(service, packet, !recovers, unremembered, now);
    if (admission == Admission::limited)
        return expect(Reason::source_limited, result);
    const bool stateless =
        admission != Admission::scheduled || (!unremembered && connections_.size() == capacity_);
    if (std::string wrong = judge_pick(service, packet, result, stateless, now);
        !wrong.empty() || result.reason != Reason::none)
        return wrong;
    const Destination* picked = find_by_mac(service, result);
    if (admission == Admission::deferred)
        return {};

    const BindingKey client = binding_key(service, packet);
    const bool persistent = service.config.persistence_timeout_s > 0;
    if (unremembered) {
        if (persistent)
            bind(client, service.config, picked->incarnation, now);
        return {};
    }
    if (!make_room(service.config, now))
        return {};
    Connection connection;
    connection.destination = picked->incarnation;
    connection.state = packet.protocol == Protocol::udp ? State::udp : State::syn;
    connection.deadline = now + timeout(service.config, connection.state);
    if (persistent) {
        bind(client, service.config, picked->incarnation, now);
        ++bindings_[client].connections;
        connection.binding = client;
    }
    const ConnectionKey key{service.incarnation, packet.client, packet.service.port};
    connections_[key] = connection;
    if (connection.state == State::syn)
        half_open_.push_back(key);
    return {};
}

bool ReferenceModel::make_room(const ServiceConfig& service, Tick now) {
    if (connections_.size() < capacity_)
        return true;
    stateless_until_ =
        std::max(stateless_until_.value_or(0), now + timeout(service, State::established));
    if (half_open_.empty())
        return false;
    end(ConnectionKey(half_open_.front()));
    return true;
}

void ReferenceModel::end(const ConnectionKey& key) {
    const auto found = connections_.find(key);
    if (found->second.binding)
        --bindings_[*found->second.binding].connections;
    half_open_.remove(key);
    connections_.erase(found);
}

void ReferenceModel::expire(Tick now) {
    std::erase_if(held_, [now](const Held& held) { return held.since + 1 < now; });
    std::vector<ConnectionKey> over;
    for (const auto& [key, connection] : connections_)
        if (connection.deadline < now)
            over.push_back(key);
    for (const ConnectionKey& key : over)
        end(key);
}

ReferenceModel::Gauges ReferenceModel::gauges(const ServiceConfig& config,
                                              const Endpoint& endpoint) const {
    const Service& service = services_.at({config.endpoint, config.protocol});
    const Incarnation wanted = service.destinations.at(endpoint).incarnation;
    Gauges gauges;
    for (const auto& [key, connection] : connections_)
        if (connection.destination == wanted)
            ++(connection.state == State::established ? gauges.active : gauges.inactive);
    return gauges;
}

}  // namespace headgate::dataplane
