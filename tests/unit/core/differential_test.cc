// Goal: over random packets, configurations and time, the core decides as the reference model does,
// packet by packet, and no frame is lost from the counts.
// Method: a seeded generator; few clients, few destinations and a small table, so that everything
// meets everything. HEADGATE_SEED=n repeats a run.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "dataplane/core/stats.h"
#include "tests/packets/packet_builder.h"
#include "tests/packets/unwrap.h"
#include "tests/unit/core/reference_model.h"

namespace headgate::dataplane {
namespace {

namespace flag = packets::flag;
using packets::PacketBuilder;

const MacAddress own_mac = packets::mac("02:00:00:00:00:01");
const MacAddress client_mac = packets::mac("02:00:00:00:00:02");

constexpr std::uint16_t gue_port = 6080;
const IpAddress tunnel_source_v4 = packets::ip("10.9.9.9");
const IpAddress tunnel_source_v6 = packets::ip("fc00::9");

class Generator {
public:
    explicit Generator(std::uint32_t seed) : engine_(seed) {
        for (ConnectionTimeouts& timeouts : timeouts_)
            timeouts = {1 + below(2000), 1 + below(200), 1 + below(600)};
        source_length_v4_ = static_cast<std::uint8_t>(24 + below(9));
        source_length_v6_ = static_cast<std::uint8_t>(32 + below(97));
    }

    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
    }
    bool one_in(std::uint32_t chances) { return below(chances) == 0; }

    ForwardingConfig config() {
        ForwardingConfig result;
        result.interface_macs = {own_mac};
        for (std::uint32_t number = 0; number < services; ++number)
            if (!one_in(6))
                result.services.push_back(service(number));
        set_rates(result.protection);
        return result;
    }

    // Of clients and routers, one within the other.
    std::vector<AccessRule> rules() {
        std::vector<AccessRule> result;
        for (std::uint32_t count = one_in(2) ? below(8) : 0; count > 0; --count) {
            const bool is_v4 = one_in(2);
            const IpAddress address = one_in(4) ? router(is_v4) : some_client(is_v4);
            const auto length = static_cast<std::uint8_t>(address.bits() - below(is_v4 ? 12 : 80));
            // The same prefix is always in the same list.
            const bool blocks = length % 2 == 0;
            result.push_back({Prefix{address, length}, blocks ? Access::blocked : Access::allowed});
        }
        return result;
    }
    static IpAddress router(bool is_v4) {
        return packets::ip(is_v4 ? "203.0.113.9" : "2001:db8:9::1");
    }

    ModelPacket packet() {
        ModelPacket result;
        const std::uint32_t number = below(services + 1);
        result.service = endpoint(number);
        result.protocol = number == services ? Protocol::tcp : kinds[number].protocol;
        if (result.service.port == 0)
            result.service.port = static_cast<std::uint16_t>(79 + below(3));
        result.client = {client(result.service.address), static_cast<std::uint16_t>(below(5))};
        result.router = router(result.service.address.is_v4());
        if (one_in(4)) {
            result.form = static_cast<Form>(1 + below(3));
            result.id = static_cast<std::uint16_t>(below(2));
        }
        static constexpr std::uint8_t flags[] = {flag::syn, flag::syn,
                                                 flag::syn, flag::ack,
                                                 flag::ack, flag::psh | flag::ack,
                                                 0,         flag::fin | flag::ack,
                                                 flag::rst, flag::syn | flag::ack};
        if (result.protocol == Protocol::tcp)
            result.flags = flags[below(std::size(flags))];
        else if (result.protocol == Protocol::sctp)
            result.flags = chunks[below(std::size(chunks))].flags;
        return result;
    }

    // An SCTP packet has no flags: the chunk that means the same.
    static std::uint8_t chunk_of(std::uint8_t flags) {
        return std::ranges::find(chunks, flags, &Chunk::flags)->type;
    }

private:
    struct Kind {
        const char* address;
        std::uint16_t port;
        Protocol protocol;
        const char* group;
    };
    // One for every port beside one for a single port of the address, too.
    static constexpr Kind kinds[] = {
        {"192.0.2.10", 80, Protocol::tcp, "four"},  {"192.0.2.10", 80, Protocol::udp, ""},
        {"192.0.2.10", 80, Protocol::sctp, "four"}, {"192.0.2.11", 0, Protocol::tcp, "four"},
        {"192.0.2.11", 80, Protocol::tcp, ""},      {"2001:db8::10", 80, Protocol::tcp, "six"},
        {"2001:db8::10", 0, Protocol::udp, "six"}};
    static constexpr std::uint32_t services = std::size(kinds);

    struct Chunk {
        std::uint8_t flags;
        std::uint8_t type;
    };
    static constexpr Chunk chunks[] = {
        {flag::syn, 1}, {flag::ack, 0}, {flag::rst, 6}, {flag::fin | flag::ack, 7}};

    static Endpoint endpoint(std::uint32_t number) {
        if (number == services)
            return {packets::ip("192.0.2.99"), 80};
        return {packets::ip(kinds[number].address), kinds[number].port};
    }
    // Few of them, and now and then one that cannot be.
    IpAddress client(const IpAddress& service) {
        const std::uint32_t kind = below(200);
        if (kind == 0)
            return packets::ip(service.is_v4() ? "0.0.0.1" : "::1");
        if (kind == 1)
            return service;
        return some_client(service.is_v4());
    }
    IpAddress some_client(bool is_v4) {
        const std::uint32_t number = below(8);
        if (is_v4)
            return IpAddress::v4(Be32(0x0a010000U + number * 64));
        std::array<std::uint8_t, 16> bytes{0x20, 1, 0xd, 0xb8};
        bytes[number % 2 == 0 ? 7 : 15] = static_cast<std::uint8_t>(number);
        return IpAddress::v6(bytes);
    }
    ServiceConfig service(std::uint32_t number) {
        ServiceConfig result;
        result.endpoint = endpoint(number);
        result.protocol = kinds[number].protocol;
        const bool is_v4 = result.endpoint.address.is_v4();
        result.scheduler = static_cast<Scheduler>(
            one_in(2) ? below(2) : below(static_cast<std::uint32_t>(Scheduler::twos) + 1));
        set_flags(result);
        result.timeouts = timeouts_[number];
        if (!one_in(3))
            result.group = kinds[number].group;
        result.active = !one_in(10);
        if (one_in(2)) {
            result.persistence_timeout_s = 1 + below(200);
            const bool whole = one_in(2);
            result.persistence_prefix_length = static_cast<std::uint8_t>(
                is_v4 ? (whole ? 32 : 25) : (whole ? 128 : 60 + below(8)));
        }
        for (std::uint8_t server = 1; server <= 5; ++server) {
            if (one_in(3))
                continue;
            DestinationConfig& destination = result.destinations.emplace_back();
            destination.endpoint = {
                is_v4 ? IpAddress::v4(Be32(0x0a000000U + server)) : IpAddress::v6({0xfd, server}),
                result.endpoint.port};
            destination.weight = below(4);
            destination.inhibited = one_in(8);
            destination.leaving = one_in(12);
            if (!one_in(6))
                destination.mac = MacAddress{{2, 0, 0, 0, 1, server}};
            if (one_in(3))
                set_tunnel(server, destination);
        }
        return result;
    }

    // Of any kind and family. What is too big for one is the corpus's matter.
    void set_tunnel(std::uint8_t server, DestinationConfig& destination) {
        const bool outer_v4 = one_in(2);
        destination.endpoint.address =
            outer_v4 ? IpAddress::v4(Be32(0x0a090000U + server)) : IpAddress::v6({0xfc, server});
        TunnelConfig& tunnel = destination.tunnel.emplace();
        tunnel.type = static_cast<TunnelType>(below(3));
        tunnel.port = tunnel.type == TunnelType::gue ? gue_port : std::uint16_t{0};
        tunnel.checksum = one_in(2);
        tunnel.source = outer_v4 ? tunnel_source_v4 : tunnel_source_v6;
        tunnel.mtu = 1500;
    }

    void set_rates(Protection& protection) {
        const auto rate = [this](std::uint32_t bound) {
            return one_in(2) ? TokenBudget::unlimited : below(bound);
        };
        if (one_in(2))
            protection.connection_rate = rate(10);
        protection.source_rate = rate(6);
        protection.source_prefix_length_v4 = source_length_v4_;
        protection.source_prefix_length_v6 = source_length_v6_;
        protection.fragment_rate = rate(4);
        protection.icmp_error_rate = rate(4);
    }

    void set_flags(ServiceConfig& service) {
        const bool hashes =
            service.scheduler == Scheduler::sh || service.scheduler == Scheduler::mh;
        service.hash_port = hashes && one_in(2);
        service.hash_fallback = hashes && one_in(2);
        service.one_packet = service.protocol == Protocol::udp && one_in(3);
        service.expire_quiescent = one_in(2);
    }

    std::mt19937 engine_;
    // The same as long as the model runs: after a shorter one the table may keep a node for longer.
    std::array<ConnectionTimeouts, services> timeouts_;
    // The same likewise: what was counted of a prefix is forgotten with the second.
    std::uint8_t source_length_v4_ = 0;
    std::uint8_t source_length_v6_ = 0;
};

class Comparison {
public:
    explicit Comparison(std::uint32_t seed)
        : random_(seed),
          persistence_(64 * 64, {}),
          core_({.connections_max = capacity, .seed = {}}, persistence_),
          model_(capacity) {}

    void run(int steps) {
        reconfigure();
        for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            if (random_.one_in(20))
                reconfigure();
            if (random_.one_in(5))
                pass_time();
            send_burst();
            compare_state();
        }
    }

private:
    static constexpr std::uint32_t capacity = 60;

    void reconfigure() {
        ForwardingConfig config = random_.config();
        const std::vector<AccessRule> rules = random_.rules();
        const Result<AccessList> access = AccessList::build(rules);
        ASSERT_TRUE(access);
        if (!rules.empty())
            config.protection.access = std::make_shared<const AccessList>(*access);
        ASSERT_TRUE(publisher_.publish(config));
        while (core_.enforce_access(publisher_.latest(), now_)) {
        }
        model_.configure(config, rules);
    }

    void pass_time() {
        now_ += 1 + random_.below(random_.one_in(10) ? 1000 : 40);
        // As often as it takes: one call is a bounded piece of work.
        for (std::uint64_t before = core_.flows() + 1; before != core_.flows();) {
            before = core_.flows();
            core_.expire(publisher_.latest(), now_);
        }
        persistence_.expire(publisher_.latest(), now_);
        model_.expire(now_);
    }

    static packets::Bytes bytes_of(const ModelPacket& packet) {
        PacketBuilder builder = PacketBuilder::udp();
        if (packet.protocol == Protocol::tcp)
            builder = PacketBuilder::tcp(packet.flags);
        else if (packet.protocol == Protocol::sctp)
            builder = PacketBuilder::sctp(Generator::chunk_of(packet.flags));
        builder.macs(own_mac, client_mac);
        switch (packet.form) {
            case Form::whole:
                break;
            case Form::first_fragment:
                cut(builder, packet, 0, true);
                break;
            case Form::later_fragment:
                builder = PacketBuilder::raw(static_cast<std::uint8_t>(packet.protocol),
                                             packets::Bytes(8));
                cut(builder.macs(own_mac, client_mac), packet, 64, false);
                break;
            case Form::icmp_error: {
                const bool is_v4 = packet.service.address.is_v4();
                // What the real server has sent, and a router that could not pass it on.
                packets::Bytes quote =
                    builder.from(packet.service).to(packet.client).build_packet();
                return PacketBuilder::icmp(is_v4 ? 3 : 2, is_v4 ? 4 : 0, 1300, std::move(quote))
                    .macs(own_mac, client_mac)
                    .from(Endpoint{packet.router, 0})
                    .to(packet.service)
                    .build();
            }
        }
        return builder.from(packet.client).to(packet.service).build();
    }

    static void cut(PacketBuilder& builder, const ModelPacket& packet, std::uint16_t offset,
                    bool more) {
        if (packet.service.address.is_v4()) {
            builder.identification(packet.id).fragment(
                static_cast<std::uint16_t>(offset / 8U | (more ? 0x2000U : 0)));
            return;
        }
        packets::Bytes header(8);
        header[3] = static_cast<std::uint8_t>(offset | (more ? 1U : 0));
        header[7] = static_cast<std::uint8_t>(packet.id);
        builder.extension(44, header);
    }

    void send_burst() {
        Burst burst;
        burst.count = 1 + random_.below(burst_max);
        std::vector<ModelPacket> sent;
        std::vector<packets::Bytes> frames;
        burst.headroom = frame_headroom_bytes;
        for (std::uint32_t index = 0; index < burst.count; ++index) {
            sent.push_back(random_.packet());
            packets::Bytes& memory = frames.emplace_back(frame_headroom_bytes);
            const packets::Bytes bytes = bytes_of(sent.back());
            memory.insert(memory.end(), bytes.begin(), bytes.end());
        }
        for (std::uint32_t index = 0; index < burst.count; ++index)
            burst.frames[index] = {
                frames[index].data() + frame_headroom_bytes,
                static_cast<std::uint32_t>(frames[index].size() - frame_headroom_bytes)};
        core_.process(publisher_.reader(0).current(), burst, now_);
        sent_ += burst.count;
        // What is rare is handled behind the rest of the burst.
        std::vector<MacAddress> released;
        for (const bool rare : {false, true}) {
            for (std::uint32_t index = 0; index < burst.count; ++index) {
                if ((sent[index].form != Form::whole) == rare)
                    judge(burst, index, sent[index], released);
            }
        }
        ASSERT_EQ(core_.released().size(), released.size());
        for (std::size_t index = 0; index < released.size(); ++index)
            ASSERT_TRUE(std::equal(released[index].bytes.begin(), released[index].bytes.end(),
                                   core_.released()[index].data));
    }

    void judge(const Burst& burst, std::uint32_t index, const ModelPacket& sent,
               std::vector<MacAddress>& released) {
        ModelResult result{burst.reasons[index], {}, {}};
        ASSERT_EQ(burst.verdicts[index], info(result.reason).verdict);
        const Frame& frame = burst.frames[index];
        if (result.reason == Reason::none)
            take_result(frame, sent, result);
        else
            ASSERT_EQ(packets::Bytes(frame.data, frame.data + frame.length), bytes_of(sent));
        ASSERT_EQ(model_.judge(sent, result, now_), "")
            << "packet " << index << " of the burst: " << sent.client.to_string() << " to "
            << sent.service.to_string() << " flags " << int{sent.flags} << " form "
            << static_cast<int>(sent.form);
        released.insert(released.end(), model_.released().begin(), model_.released().end());
    }

    // Where the frame went: directly, or through which tunnel.
    static void take_result(const Frame& frame, const ModelPacket& sent, ModelResult& result) {
        std::copy_n(frame.data, 6, result.to.bytes.begin());
        const packets::Bytes before = bytes_of(sent);
        if (std::equal(before.begin() + 12, before.begin() + 14, frame.data + 12) &&
            frame.length == before.size())
            return;
        const packets::Unwrapped unwrapped = packets::unwrap({frame.data, frame.length}, gue_port);
        EXPECT_EQ(unwrapped.problem, "");
        EXPECT_EQ(unwrapped.packet, packets::packet_after_hop(before));
        EXPECT_EQ(unwrapped.source, unwrapped.source.is_v4() ? tunnel_source_v4 : tunnel_source_v6);
        result.through = unwrapped.destination;
    }

    void compare_state() {
        ASSERT_EQ(core_.flows(), model_.connections());
        const Core* workers[] = {&core_};
        const ForwardingStats stats = collect_stats(publisher_.latest(), workers);
        std::uint64_t counted = 0;
        for (const std::uint64_t count : stats.reasons)
            counted += count;
        ASSERT_EQ(counted, sent_) << "every frame is counted once";
        const Snapshot& snapshot = publisher_.latest();
        const auto& services = snapshot.config().services;
        for (std::size_t service = 0; service < services.size(); ++service) {
            const auto& destinations = services[service].destinations;
            for (std::size_t number = 0; number < destinations.size(); ++number) {
                const auto wanted = model_.gauges(services[service], destinations[number].endpoint);
                const TrafficStats& seen = stats.services[service].destinations[number];
                ASSERT_EQ(seen.active_connections, wanted.active);
                ASSERT_EQ(seen.inactive_connections, wanted.inactive);
                const Slot slot = snapshot.slots()[service].destinations[number];
                const ConnectionCount load = snapshot.load(slot).count();
                ASSERT_EQ(load.active(), wanted.active);
                ASSERT_EQ(load.inactive(), wanted.inactive);
            }
        }
    }

    Generator random_;
    Publisher publisher_{1};
    PersistenceTable persistence_;
    Core core_;
    ReferenceModel model_;
    Tick now_ = 0;
    std::uint64_t sent_ = 0;
};

TEST(Differential, TheCoreDecidesAsTheModelDoes) {
    const char* given = std::getenv("HEADGATE_SEED");
    const auto first = given != nullptr ? static_cast<std::uint32_t>(std::atoll(given))
                                        : std::uint32_t{std::random_device{}()};
    const std::uint32_t runs = given != nullptr ? 1 : 20;
    for (std::uint32_t seed = first; seed != first + runs && !HasFailure(); ++seed) {
        SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed));
        Comparison(seed).run(1000);
    }
}

}  // namespace
}  // namespace headgate::dataplane
