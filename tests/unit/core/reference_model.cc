// The rules, one after the other, as the design states them.
#include "tests/unit/core/reference_model.h"

#include <array>
#include <numeric>

#include <fmt/format.h>

#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

namespace flag = packets::flag;

bool opens(const ModelPacket& packet) {
    const std::uint8_t relevant = packet.flags & (flag::syn | flag::ack | flag::fin | flag::rst);
    return packet.protocol == Protocol::udp || relevant == flag::syn;
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

bool valid_client(const ModelPacket& packet) {
    const IpAddress& client = packet.client.address;
    if (client == packet.service.address)
        return false;
    if (!client.is_v4())
        return !client.is_unspecified() && !client.is_multicast() && client.to_string() != "::1";
    const std::uint8_t first = client.bytes()[0];
    return first >= 1 && first <= 223 && first != 127;
}

std::string expect(Reason wanted, const ModelResult& result) {
    if (result.reason == wanted)
        return {};
    return fmt::format("the reason is {}, not {}", info(result.reason).name, info(wanted).name);
}

std::string expect_to(const MacAddress& wanted, const ModelResult& result) {
    if (result.reason != Reason::none)
        return expect(Reason::none, result);
    if (result.to == wanted)
        return {};
    return fmt::format("it went to {}, not to {}", result.to.to_string(), wanted.to_string());
}

}  // namespace

Tick ReferenceModel::timeout(State state) {
    switch (state) {
        case State::syn:
            return 60;
        case State::established:
            return 900;
        case State::fin:
            return 120;
        case State::closed:
            return 10;
        case State::udp:
            return 300;
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

void ReferenceModel::configure(const ForwardingConfig& config) {
    std::map<ServiceKey, Service> old = std::move(services_);
    services_.clear();
    stateless_picks_.clear();
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

bool ReferenceModel::schedulable(const Destination& destination) {
    return destination.config.weight > 0 && destination.config.mac.has_value();
}

ReferenceModel::Destination* ReferenceModel::find(Service& service, Incarnation incarnation) {
    for (auto& [endpoint, destination] : service.destinations)
        if (destination.incarnation == incarnation)
            return &destination;
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
    const FragmentKey key = fragment_key(packet);
    const std::string wrong = judge_whole(packet, result, now);
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
    return expect_to(*destination->config.mac, result);
}

std::string ReferenceModel::judge_icmp(const ModelPacket& packet, const ModelResult& result,
                                       Tick now) {
    Service* service = find(packet);
    if (service == nullptr)
        return expect(Reason::icmp, result);
    if (!service->config.active)
        return expect(Reason::service_inactive, result);
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
    connection.deadline = now + timeout(connection.state);
    return expect_to(*destination->config.mac, result);
}

std::string ReferenceModel::begin(Service& service, const ModelPacket& packet,
                                  const ModelResult& result, Tick now) {
    const bool recovers = !opens(packet) && stateless_until_ && now <= *stateless_until_;
    if (!opens(packet) && !recovers)
        return expect(Reason::no_connection, result);
    if (!valid_client(packet))
        return expect(Reason::source_invalid, result);

    const bool stateless = recovers || connections_.size() == capacity_;
    if (const std::string wrong = judge_pick(service, packet, result, stateless, now);
        !wrong.empty() || result.reason != Reason::none)
        return wrong;
    const Destination* picked = find_by_mac(service, result);

    if (!make_room(now))
        return {};
    Connection connection;
    connection.destination = picked->incarnation;
    connection.state = packet.protocol == Protocol::udp ? State::udp : State::syn;
    connection.deadline = now + timeout(connection.state);
    if (service.config.persistence_timeout_s > 0) {
        const BindingKey client{service.incarnation, masked(packet, service.config)};
        find_binding(client, now);
        Binding& entry = bindings_[client];
        entry.destination = picked->incarnation;
        entry.deadline = now + service.config.persistence_timeout_s;
        ++entry.connections;
        connection.binding = client;
    }
    const ConnectionKey key{service.incarnation, packet.client, packet.service.port};
    connections_[key] = connection;
    if (connection.state == State::syn)
        half_open_.push_back(key);
    return {};
}

ReferenceModel::Destination* ReferenceModel::find_by_mac(Service& service,
                                                         const ModelResult& result) {
    Destination* picked = nullptr;
    for (auto& [endpoint, destination] : service.destinations)
        if (result.reason == Reason::none && destination.config.mac == result.to)
            picked = &destination;
    return picked;
}

// Whether a packet without a connection may have gone where it went.
std::string ReferenceModel::judge_pick(Service& service, const ModelPacket& packet,
                                       const ModelResult& result, bool stateless, Tick now) {
    const bool persistent = service.config.persistence_timeout_s > 0;
    const BindingKey client{service.incarnation, masked(packet, service.config)};
    const Binding* binding = persistent ? find_binding(client, now) : nullptr;
    const Destination* bound = binding != nullptr ? find(service, binding->destination) : nullptr;
    if (bound != nullptr && bound->config.mac) {
        const std::string wrong = expect_to(*bound->config.mac, result);
        return wrong.empty() ? wrong : "the client is bound: " + wrong;
    }
    bool any = false;
    for (const auto& [endpoint, destination] : service.destinations)
        any = any || schedulable(destination);
    if (!any)
        return expect(Reason::no_destination, result);
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
    if (!stateless)
        return check_fairness(service, picked);
    const bool persistent = service.config.persistence_timeout_s > 0;
    const bool any_port = service.config.endpoint.port == 0;
    const StatelessKey alike{service.incarnation, masked(packet, service.config), 0,
                             any_port ? 0 : packet.service.port};
    const StatelessKey exact{service.incarnation, packet.client.address, packet.client.port,
                             packet.service.port};
    const auto [entry, is_new] =
        stateless_picks_.try_emplace(persistent ? alike : exact, picked.incarnation);
    if (!is_new && entry->second != picked.incarnation)
        return "a pick without memory was not the same again";
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

bool ReferenceModel::make_room(Tick now) {
    if (connections_.size() < capacity_)
        return true;
    stateless_until_ = now + 900;
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
