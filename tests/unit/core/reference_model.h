// ReferenceModel: what the core must do, written as plainly as possible: std::map, no bursts, no
// slots, no wheel, no hashing. It does not schedule: for a new connection it takes the core's
// choice and checks that the choice was allowed, of round robin that it was fair over whole rounds,
// of a hash that it is the same again. SchedulerModel knows the schedulers and thresholds.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

// What of a packet comes: all of it, a fragment, or an ICMP error that quotes its answer.
enum class Form : std::uint8_t { whole, first_fragment, later_fragment, icmp_error };

// A packet before it becomes bytes.
struct ModelPacket {
    Form form = Form::whole;
    std::uint16_t id = 0;  // of fragments
    IpAddress router;      // of an ICMP error: who sends it
    Endpoint client;
    Endpoint service;
    Protocol protocol = Protocol::tcp;
    std::uint8_t flags = 0;  // of TCP; of SCTP, what its chunk does in those terms
};

// What the core did with it; `to` is zero unless it was transmitted, `through` is the other end of
// the tunnel when it went through one.
struct ModelResult {
    Reason reason;
    MacAddress to;
    std::optional<IpAddress> through;
    int egress = 0;  // the ifindex of another interface than it came in on
};

class ReferenceModel {
public:
    explicit ReferenceModel(std::size_t capacity) : capacity_(capacity) {}

    // `rules` are what config.protection.access was built from.
    void configure(const ForwardingConfig& config, const std::vector<AccessRule>& rules);
    // Empty when `result` is right, else what is wrong with it.
    std::string judge(const ModelPacket& packet, const ModelResult& result, Tick now);
    // Where the fragments go that the last packet has released, in their order.
    [[nodiscard]] const std::vector<MacAddress>& released() const { return released_; }
    void expire(Tick now);

    [[nodiscard]] std::size_t connections() const { return connections_.size(); }
    // Of a configured destination: established TCP, and all others.
    struct Gauges {
        std::uint64_t active = 0;
        std::uint64_t inactive = 0;
    };
    [[nodiscard]] Gauges gauges(const ServiceConfig& service, const Endpoint& destination) const;

private:
    using ServiceKey = std::pair<Endpoint, Protocol>;
    using Incarnation = std::uint64_t;  // a service or destination from its coming to its going

    struct Destination {
        Incarnation incarnation = 0;
        DestinationConfig config;
    };
    struct Service {
        Incarnation incarnation = 0;
        ServiceConfig config;
        std::map<Endpoint, Destination> destinations;
        std::map<Endpoint, std::uint64_t> picks;  // by the scheduler, since its round is the same
    };
    using ConnectionKey = std::tuple<Incarnation, Endpoint, std::uint16_t>;  // + the VIP's port
    // The service, or the group and its name; the masked client.
    using BindingKey = std::tuple<Incarnation, std::string, IpAddress>;
    using HashKey = std::pair<Incarnation, Endpoint>;
    using StatelessKey = std::tuple<Incarnation, IpAddress, std::uint16_t, std::uint16_t>;

    enum class State : std::uint8_t { syn, established, fin, closed, udp };
    struct Connection {
        Incarnation destination = 0;
        State state = State::syn;
        Tick deadline = 0;
        std::optional<BindingKey> binding;
    };
    struct Binding {
        Incarnation destination = 0;
        Tick deadline = 0;
        std::uint32_t connections = 0;
    };

    static std::string expect(Reason wanted, const ModelResult& result);
    static std::string expect_to(const DestinationConfig& wanted, const ModelResult& result);
    static Tick timeout(const ServiceConfig& service, State state);
    Service* find(const ModelPacket& packet);
    static State next(State state, std::uint8_t flags);
    std::string follow(Connection& connection, const ConnectionKey& key, Service& service,
                       const ModelPacket& packet, const ModelResult& result, Tick now);
    std::string judge_whole(const ModelPacket& packet, const ModelResult& result, Tick now);
    std::string judge_first(const ModelPacket& packet, const ModelResult& result, Tick now);
    std::string judge_later(const ModelPacket& packet, const ModelResult& result, Tick now);
    std::string judge_icmp(const ModelPacket& packet, const ModelResult& result, Tick now);
    [[nodiscard]] bool serves(const IpAddress& address) const;
    static std::string expect_destination(Service& service, Incarnation destination,
                                          const ModelResult& result);
    std::string begin(Service& service, const ModelPacket& packet, const ModelResult& result,
                      Tick now);
    static Destination* find_by_mac(Service& service, const ModelResult& result);
    std::string judge_pick(Service& service, const ModelPacket& packet, const ModelResult& result,
                           bool stateless, Tick now);
    std::string check_pick(Service& service, const ModelPacket& packet, const Destination& picked,
                           bool stateless);
    std::string check_fairness(Service& service, const Destination& picked);
    bool make_room(const ServiceConfig& service, Tick now);
    void end(const ConnectionKey& key);
    static Destination* find(Service& service, Incarnation destination);
    static bool schedulable(const Destination& destination);
    static bool keeps_clients(const ServiceConfig& service, const Destination& destination);
    [[nodiscard]] BindingKey binding_key(const Service& service, const ModelPacket& packet) const;
    Destination* find_bound(Service& service, const Binding& binding);
    void bind(const BindingKey& client, const ServiceConfig& service, Incarnation destination,
              Tick now);
    std::string check_hash(Service& service, const ModelPacket& packet,
                           std::optional<Incarnation> picked);
    Binding* find_binding(const BindingKey& key, Tick now);

    // Client, VIP, identification, and the protocol of IPv4.
    using FragmentKey = std::tuple<IpAddress, IpAddress, std::uint16_t, Protocol>;
    struct Fate {
        Reason reason = Reason::none;
        MacAddress to;  // of the first fragment
        Incarnation destination = 0;
        Tick deadline = 0;
    };
    struct Held {
        FragmentKey key;
        Tick since = 0;
    };
    static FragmentKey fragment_key(const ModelPacket& packet);

    // What was taken of something in a second.
    struct Count {
        Tick second = 0;
        std::uint32_t taken = 0;
    };
    enum class Admission : std::uint8_t { scheduled, repeatable, deferred, limited };
    [[nodiscard]] Access access_of(const IpAddress& client) const;
    static bool take(Count& count, std::uint32_t rate, Tick now);
    bool take_source(const IpAddress& client, Tick now);
    Admission admit(const Service& service, const ModelPacket& packet, bool opens,
                    bool unremembered, Tick now);
    void enforce_access();

    Protection protection_;
    std::vector<AccessRule> rules_;
    std::map<IpAddress, Count> sources_;  // by any address of the prefix
    Count opened_;
    Count returned_;
    Count fragments_;
    Count early_fragments_;
    Count icmp_errors_;
    std::optional<Tick> repeatable_until_;
    std::optional<Tick> repeatable_until_udp_;

    std::map<FragmentKey, Fate> fates_;
    std::list<Held> held_;  // oldest first
    std::vector<MacAddress> released_;
    std::size_t capacity_;
    Incarnation last_incarnation_ = 0;
    std::map<ServiceKey, Service> services_;
    std::map<ConnectionKey, Connection> connections_;
    std::list<ConnectionKey> half_open_;  // oldest first
    std::map<BindingKey, Binding> bindings_;
    // Picks that need no memory must be the same again while the configuration is.
    std::map<StatelessKey, Incarnation> stateless_picks_;
    // So must those by a hash; nothing: nobody takes the client.
    std::map<HashKey, std::optional<Incarnation>> hash_picks_;
    std::map<std::string, Incarnation> groups_;
    std::optional<Tick> stateless_until_;
};

}  // namespace headgate::dataplane
