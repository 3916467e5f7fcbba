// Goal: the counters of several workers add up, and can be read while the workers run (run it under
// a thread sanitizer).
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

void send_syn(Core& core, const Snapshot& snapshot, std::uint32_t client) {
    packets::Bytes frame = packets::PacketBuilder::tcp(flag::syn)
                               .macs(director, Rig::mac_of(200))
                               .from(Rig::client_endpoint(client, 1))
                               .to("192.0.2.10", 80)
                               .build();
    Burst burst;
    burst.count = 1;
    burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
    core.process(snapshot, burst, 1000);
}

ForwardingConfig one_destination() {
    ForwardingConfig config;
    config.interface_macs = {director};
    ServiceConfig& service = config.services.emplace_back();
    service.endpoint = {packets::ip("192.0.2.10"), 80};
    service.destinations = Rig::destinations(1);
    return config;
}

TEST(Stats, AddUpOverWorkersWhileTheseRun) {
    constexpr std::uint32_t connections = 2000;
    Publisher publisher(2);
    ASSERT_TRUE(publisher.publish(one_destination()));
    PersistenceTable persistence(64, {});
    Core first({.connections_max = connections, .seed = {}}, persistence);
    Core second({.connections_max = connections, .seed = {}}, persistence);
    const Core* workers[] = {&first, &second};
    const auto work = [&publisher](Core& core, std::size_t number) {
        for (std::uint32_t client = 0; client < connections; ++client)
            send_syn(core, publisher.reader(number).current(), client);
        publisher.reader(number).offline();
    };
    std::thread one(work, std::ref(first), 0);
    std::thread other(work, std::ref(second), 1);
    std::uint64_t last = 0;
    for (int reading = 0; reading < 100; ++reading) {
        const ForwardingStats stats = collect_stats(publisher.latest(), workers);
        EXPECT_GE(stats.services[0].total.packets, last);
        last = stats.services[0].total.packets;
    }
    one.join();
    other.join();
    const ForwardingStats stats = collect_stats(publisher.latest(), workers);
    const TrafficStats& destination = stats.services[0].destinations[0];
    EXPECT_EQ(destination.connections, 2 * connections);
    EXPECT_EQ(destination.packets, 2 * connections);
    EXPECT_EQ(destination.bytes, 2 * connections * 40);
    EXPECT_EQ(destination.inactive_connections, 2 * connections);
    EXPECT_EQ(stats.services[0].total.connections, 2 * connections);
    EXPECT_EQ(stats.reasons[0], 2 * connections);
    EXPECT_EQ(stats.flows, 2 * connections);
    EXPECT_EQ(stats.flow_capacity, 2 * connections);
}

// In one burst the packets of two services change off, at first in runs.
TEST(Stats, TellTheServicesOfABurstApart) {
    Rig rig;
    constexpr std::array<std::uint16_t, 2> services{80, 81};
    constexpr std::array<std::uint16_t, 7> received{80, 80, 80, 81, 81, 80, 81};
    for (const std::uint16_t port : services) {
        ServiceConfig& service = rig.config.services.emplace_back();
        service.endpoint = {packets::ip("192.0.2.10"), port};
        service.destinations = Rig::destinations(1);
    }
    rig.publish();
    std::vector<packets::Bytes> frames;
    for (const std::uint16_t port : received) {
        const auto packet = [port](std::uint8_t flags) {
            return packets::PacketBuilder::tcp(flags)
                .from("10.1.0.1", 40000)
                .to("192.0.2.10", port);
        };
        rig.send(packet(flag::syn));
        rig.send(packet(flag::ack));
        frames.push_back(packet(flag::ack).payload(port).macs(director, Rig::mac_of(200)).build());
    }
    const ForwardingStats before = rig.stats();
    Burst burst;
    for (packets::Bytes& frame : frames)
        burst.frames[burst.count++] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
    rig.core.process(rig.publisher.latest(), burst, rig.now);
    const ForwardingStats after = rig.stats();
    const std::uint64_t packets[] = {4, 3};
    for (std::size_t index = 0; index < 2; ++index) {
        const auto grown = [&](std::uint64_t TrafficStats::*figure) {
            return after.services[index].total.*figure - before.services[index].total.*figure;
        };
        EXPECT_EQ(grown(&TrafficStats::packets), packets[index]);
        EXPECT_EQ(grown(&TrafficStats::bytes), packets[index] * (40 + 80 + index));
        EXPECT_EQ(after.services[index].destinations[0].packets,
                  after.services[index].total.packets);
    }
}

}  // namespace
}  // namespace headgate::dataplane
