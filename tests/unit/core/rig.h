// Rig: a core with one worker, its configuration, and time, for tests that send single packets.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "common/check.h"
#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "dataplane/core/stats.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {

namespace flag = packets::flag;

inline const MacAddress director = packets::mac("02:00:00:00:00:01");

struct Sent {
    Verdict verdict;
    Reason reason;
    MacAddress to;  // the frame's destination MAC address afterwards
};

class Rig {
public:
    explicit Rig(std::uint32_t connections_max = 4096, std::uint32_t bindings_max = 4096,
                 const FlowCacheMemory& flow_cache = {})
        : persistence(bindings_max, {}),
          core({.connections_max = connections_max, .seed = {}, .flow_cache = flow_cache},
               persistence) {
        config.interface_macs = {director};
    }

    // 192.0.2.10:80/tcp unless told otherwise; destinations are numbered from 1.
    ServiceConfig& add_service(std::string_view address = "192.0.2.10", std::uint16_t port = 80,
                               Protocol protocol = Protocol::tcp) {
        ServiceConfig& service = config.services.emplace_back();
        service.endpoint = {packets::ip(address), port};
        service.protocol = protocol;
        return service;
    }
    static MacAddress mac_of(std::uint8_t number) { return {{0x02, 0, 0, 0, 0x01, number}}; }
    static DestinationConfig destination(std::uint8_t number, std::uint32_t weight = 1) {
        return {{IpAddress::v4(Be32(0x0a000000U + number)), 80}, weight, mac_of(number)};
    }
    static std::vector<DestinationConfig> destinations(std::uint8_t count) {
        std::vector<DestinationConfig> result;
        for (std::uint8_t number = 1; number <= count; ++number)
            result.push_back(destination(number));
        return result;
    }
    void publish() {
        const Result<void> done = publisher.publish(config);
        check(done.has_value(), "the test's configuration is right");
    }

    Sent send(packets::PacketBuilder packet) {
        packets::Bytes frame = packet.macs(director, mac_of(200)).build();
        Burst burst;
        burst.count = 1;
        burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
        core.process(publisher.reader(0).current(), burst, now);
        Sent sent{burst.verdicts[0], burst.reasons[0], {}};
        std::copy_n(frame.begin(), 6, sent.to.bytes.begin());
        return sent;
    }
    // Of client number `client`; its address is 10.1.x.y.
    Sent send_tcp(std::uint32_t client, std::uint8_t flags, std::uint16_t port = 40000) {
        return send(packets::PacketBuilder::tcp(flags)
                        .from(client_endpoint(client, port))
                        .to("192.0.2.10", 80));
    }
    Sent send_udp(std::uint32_t client, std::uint16_t port = 40000) {
        return send(
            packets::PacketBuilder::udp().from(client_endpoint(client, port)).to("192.0.2.10", 53));
    }
    Sent establish(std::uint32_t client, std::uint16_t port = 40000) {
        send_tcp(client, flag::syn, port);
        return send_tcp(client, flag::ack, port);
    }
    static Endpoint client_endpoint(std::uint32_t client, std::uint16_t port) {
        return {IpAddress::v4(Be32(0x0a010000U + client)), port};
    }

    // Lets time pass second by second, as a worker would see it.
    void wait(std::uint32_t seconds) {
        for (std::uint32_t second = 0; second < seconds; ++second) {
            ++now;
            core.expire(publisher.latest(), now);
            persistence.expire(publisher.latest(), now);
        }
    }

    // New connections of `clients` by the number of the destination they went to.
    std::map<int, int> spread(std::uint32_t first_client, std::uint32_t clients) {
        std::map<int, int> counts;
        for (std::uint32_t client = first_client; client < first_client + clients; ++client)
            ++counts[send_tcp(client, flag::syn).to.bytes[5]];
        return counts;
    }

    [[nodiscard]] ForwardingStats stats() const {
        const Core* workers[] = {&core};
        return collect_stats(publisher.latest(), workers);
    }
    [[nodiscard]] std::uint64_t events(Event event) const { return core.counters().get(event); }

    ForwardingConfig config;
    Publisher publisher{1};
    PersistenceTable persistence;
    Core core;
    Tick now = 1000;
};

}  // namespace headgate::dataplane
