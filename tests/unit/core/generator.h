// Generator: configurations and packets by chance, for the comparison of the core with its model:
// few clients and few destinations, so that everything meets everything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <random>
#include <vector>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "tests/packets/packet_builder.h"
#include "tests/unit/core/reference_model.h"

namespace headgate::dataplane {

namespace flag = packets::flag;

inline const MacAddress own_mac = packets::mac("02:00:00:00:00:01");
inline const MacAddress client_mac = packets::mac("02:00:00:00:00:02");

inline constexpr std::uint16_t gue_port = 6080;
// What frames come from that leave by the interface with this number.
inline MacAddress egress_mac(int ifindex) {
    MacAddress mac = own_mac;
    mac.bytes[4] = static_cast<std::uint8_t>(ifindex);
    return mac;
}
inline const IpAddress tunnel_source_v4 = packets::ip("10.9.9.9");
inline const IpAddress tunnel_source_v6 = packets::ip("fc00::9");

class Generator {
public:
    // Timeouts of connections are multiples of `unit`.
    Generator(std::uint32_t seed, std::uint32_t unit) : engine_(seed) {
        for (ConnectionTimeouts& timeouts : timeouts_)
            timeouts = {unit * (1 + below(2000)), unit * (1 + below(200)), unit * (1 + below(600))};
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
    // Of the flow of one of those before, and mostly one that goes on as it is.
    ModelPacket packet_after(const std::vector<ModelPacket>& before) {
        ModelPacket result = before[below(static_cast<std::uint32_t>(before.size()))];
        result.form = Form::whole;
        if (result.protocol != Protocol::udp)
            result.flags = one_in(8) ? flag::syn : flag::ack;
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
            if (one_in(3)) {
                const int ifindex = 2 + static_cast<int>(below(3));
                destination.egress = {ifindex, "other", egress_mac(ifindex), 1500, !one_in(4)};
            }
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

}  // namespace headgate::dataplane
