// Goal: the counters of several workers add up, and can be read while the workers run (run it under
// a thread sanitizer).
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

}  // namespace
}  // namespace headgate::dataplane
