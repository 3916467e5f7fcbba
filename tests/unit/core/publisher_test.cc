// Goal: identities survive republication, bad configurations are refused whole and by name, and
// snapshots are freed exactly when no worker can be using them.
// Method: one thread for the rules, several for the memory order (run it under a thread sanitizer).
#include <array>
#include <atomic>
#include <set>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/publisher.h"
#include "tests/packets/packet_builder.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

using packets::ip;

ServiceConfig service(std::string_view address, std::initializer_list<std::string_view> servers) {
    ServiceConfig result;
    result.endpoint = {ip(address), 80};
    for (const std::string_view server : servers)
        result.destinations.push_back({{ip(server), 80}, 1, MacAddress{{2, 0, 0, 0, 0, 9}}});
    return result;
}

ForwardingConfig config(std::vector<ServiceConfig> services) {
    ForwardingConfig result;
    result.interface_macs = {MacAddress{{2, 0, 0, 0, 0, 1}}};
    result.services = std::move(services);
    return result;
}

std::string error_of(const ForwardingConfig& bad) {
    Publisher publisher(1);
    const auto good = config({service("192.0.2.1", {"10.0.0.1"})});
    EXPECT_TRUE(publisher.publish(good));
    const Snapshot* before = &publisher.latest();
    const Result<void> result = publisher.publish(bad);
    EXPECT_EQ(&publisher.latest(), before);
    return result ? "" : result.error().message;
}

TEST(Publisher, StartsWithoutServices) {
    Publisher publisher(1);
    const Snapshot& snapshot = publisher.reader(0).current();
    EXPECT_EQ(snapshot.find_service(wide_v4(Be32(1)), Be16(80), Protocol::tcp).identity.slot,
              no_slot);
    EXPECT_EQ(snapshot.interface_count(), 0U);
}

TEST(Publisher, FindsServicesByAddressPortAndProtocol) {
    Publisher publisher(1);
    std::vector<ServiceConfig> services;
    for (std::uint32_t number = 0; number < 1000; ++number) {
        ServiceConfig& item = services.emplace_back();
        const auto low = static_cast<std::uint8_t>(number / 4);
        item.endpoint = {number < 500 ? IpAddress::v4(Be32(0xc0000200U + low))
                                      : IpAddress::v6({0x20, 1, 0xd, 0xb8, low}),
                         static_cast<std::uint16_t>(80 + number % 2)};
        item.protocol = number % 4 < 2 ? Protocol::tcp : Protocol::udp;
    }
    const auto all = config(services);
    ASSERT_TRUE(publisher.publish(all));
    const Snapshot& snapshot = publisher.latest();
    for (std::size_t number = 0; number < services.size(); ++number) {
        const ServiceConfig& item = services[number];
        const WideAddress address = wide(item.endpoint.address);
        EXPECT_EQ(
            snapshot.find_service(address, Be16(item.endpoint.port), item.protocol).identity.slot,
            snapshot.slots()[number].service);
        EXPECT_EQ(snapshot.find_service(address, Be16(82), item.protocol).identity.slot, no_slot);
    }
}

// Each of 4096 neighbours in a table of 16384: a good hash gives 3620 places to them.
TEST(Publisher, NeighbouringServicesHaveDifferentPlacesInTheIndex) {
    constexpr std::uint64_t mask = 16383;
    constexpr std::uint32_t http = 80U << 24U | 6U;  // port 80 as it lies in memory, TCP
    std::array<std::uint8_t, 16> v6{0x20, 1, 0xd, 0xb8};
    std::set<std::uint64_t> v4_places;
    std::set<std::uint64_t> v6_places;
    std::set<std::uint64_t> port_places;
    for (std::uint32_t number = 0; number < 4096; ++number) {
        v4_places.insert(hash_service(wide_v4(Be32(0xc0000200U + number)), http) & mask);
        v6[14] = static_cast<std::uint8_t>(number >> 8U);
        v6[15] = static_cast<std::uint8_t>(number);
        v6_places.insert(hash_service(wide_v6(v6.data()), http) & mask);
        const std::uint32_t port = std::uint32_t{Be16(static_cast<std::uint16_t>(number)).raw()};
        port_places.insert(hash_service(wide_v4(Be32(0xc0000201U)), port << 16U | 6U) & mask);
    }
    EXPECT_GT(v4_places.size(), 3500U);
    EXPECT_GT(v6_places.size(), 3500U);
    EXPECT_GT(port_places.size(), 3500U);
}

TEST(Publisher, KeepsIdentitiesOfWhatStays) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(config(
        {service("192.0.2.1", {"10.0.0.1", "10.0.0.2"}), service("192.0.2.2", {"10.0.0.1"})})));
    const auto slots = publisher.latest().slots();
    const auto generation = publisher.latest().destination(slots[0].destinations[1]).generation;
    ASSERT_TRUE(publisher.publish(config(
        {service("192.0.2.3", {"10.0.0.1"}), service("192.0.2.1", {"10.0.0.3", "10.0.0.2"})})));
    const Snapshot& after = publisher.latest();
    EXPECT_EQ(after.slots()[1].service, slots[0].service);
    EXPECT_EQ(after.slots()[1].destinations[1], slots[0].destinations[1]);
    EXPECT_EQ(after.destination(slots[0].destinations[1]).generation, generation);
}

TEST(Publisher, GivesAFreedSlotAnotherGeneration) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(config({service("192.0.2.1", {"10.0.0.1"})})));
    const auto slots = publisher.latest().slots()[0];
    const auto generation = publisher.latest().destination(slots.destinations[0]).generation;
    ASSERT_TRUE(publisher.publish(config({service("192.0.2.9", {"10.0.0.1"})})));
    const auto next = publisher.latest().slots()[0];
    EXPECT_EQ(next.service, slots.service) << "the slot is used again";
    EXPECT_EQ(next.destinations[0], slots.destinations[0]);
    EXPECT_NE(publisher.latest().destination(next.destinations[0]).generation, generation);
}

TEST(Publisher, AFreeSlotHasGenerationZero) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(config({service("192.0.2.1", {"10.0.0.1"})})));
    ASSERT_TRUE(publisher.publish(config({})));
    EXPECT_EQ(publisher.latest().destination(0).generation, 0U);
    EXPECT_EQ(publisher.latest().destination(12345678).generation, 0U);
}

TEST(Publisher, BuildsPickTablesOnlyForWhatChanged) {
    Publisher publisher(1);
    ForwardingConfig both =
        config({service("192.0.2.1", {"10.0.0.1"}), service("192.0.2.2", {"10.0.0.1"})});
    ASSERT_TRUE(publisher.publish(both));
    const auto first = publisher.latest().service(0).pick;
    const auto second = publisher.latest().service(1).pick;
    both.services[1].destinations[0].weight = 0;
    ASSERT_TRUE(publisher.publish(both));
    EXPECT_EQ(publisher.latest().service(0).pick, first);
    EXPECT_NE(publisher.latest().service(1).pick, second);
}

TEST(Publisher, RefusesWhatItCannotForwardAndNamesIt) {
    EXPECT_EQ(error_of(config({service("192.0.2.1", {}), service("192.0.2.1", {})})),
              "service 192.0.2.1:80/tcp is given twice");
    EXPECT_EQ(error_of(config({service("192.0.2.1", {"10.0.0.1", "10.0.0.1"})})),
              "service 192.0.2.1:80/tcp: destination 10.0.0.1:80 is given twice");
    EXPECT_EQ(error_of(config({service("192.0.2.1", {"2001:db8::2"})})),
              "service 192.0.2.1:80/tcp: destination [2001:db8::2]:80 is of another family");
    EXPECT_EQ(error_of(config({service("2001:db8::1", {"192.0.2.2"})})),
              "service [2001:db8::1]:80/tcp: destination 192.0.2.2:80 is of another family");
    ServiceConfig tunnelled = service("192.0.2.1", {"2001:db8::2"});
    DestinationConfig& far = tunnelled.destinations[0];
    far.tunnel = TunnelConfig{.source = *IpAddress::parse("2001:db8::1"), .mtu = 1279};
    far.mac = MacAddress{{2, 0, 0, 0, 0, 9}};
    EXPECT_EQ(
        error_of(config({tunnelled})),
        "service 192.0.2.1:80/tcp: the way to [2001:db8::2]:80 has an MTU of 1279; 1280 is the "
        "least");
    far.tunnel->source = *IpAddress::parse("192.0.2.9");
    EXPECT_EQ(error_of(config({tunnelled})),
              "service 192.0.2.1:80/tcp: the tunnel to [2001:db8::2]:80 has a source of another "
              "family");
    ServiceConfig bad = service("192.0.2.1", {});
    bad.persistence_prefix_length = 33;
    EXPECT_EQ(error_of(config({bad})),
              "service 192.0.2.1:80/tcp: persistence prefix length 33 is more than 32");
    bad.persistence_prefix_length = 32;
    bad.persistence_timeout_s = 0x40000000;
    EXPECT_EQ(error_of(config({bad})),
              "service 192.0.2.1:80/tcp: a timeout of 1073741824 s is more than 1073741823 s");
    EXPECT_EQ(error_of(config(std::vector<ServiceConfig>(services_max + 1))),
              "16385 services are more than the 16384 the dataplane can carry");
    ServiceConfig crowded = service("192.0.2.1", {});
    for (std::uint32_t number = 0; number <= destinations_max; ++number)
        crowded.destinations.push_back({{IpAddress::v4(Be32(number)), 80}, 1, std::nullopt});
    EXPECT_EQ(error_of(config({crowded})),
              "65537 destinations are more than the 65536 the dataplane can carry");
}

TEST(Publisher, FreesASnapshotWhenItsLastWorkerHasMovedOn) {
    Publisher publisher(2);
    publisher.reader(0).current();
    publisher.reader(1).current();
    ASSERT_TRUE(publisher.publish(config({})));
    EXPECT_EQ(publisher.reclaim(), 1U);
    publisher.reader(0).current();
    EXPECT_EQ(publisher.reclaim(), 1U);
    publisher.reader(1).current();
    EXPECT_EQ(publisher.reclaim(), 0U);
}

TEST(Publisher, DoesNotWaitForAWorkerThatIsOffline) {
    Publisher publisher(2);
    publisher.reader(0).current();
    publisher.reader(1).current();
    publisher.reader(1).offline();
    ASSERT_TRUE(publisher.publish(config({})));
    publisher.reader(0).current();
    EXPECT_EQ(publisher.reclaim(), 0U);
}

TEST(Publisher, WorkersNeverSeeAFreedOrTornSnapshot) {
    constexpr std::size_t worker_count = 3;
    Publisher publisher(worker_count);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    const auto work = [&](std::size_t number) {
        std::uint64_t last = 0;
        for (std::uint64_t loop = 0; !stop; ++loop) {
            const Snapshot& snapshot = publisher.reader(number).current();
            const ForwardingConfig& seen = snapshot.config();
            // The generation tells how many services and destinations there must be.
            if (seen.generation < last || snapshot.slots().size() != seen.generation % 5)
                ++wrong;
            last = seen.generation;
            for (const ServiceSlots& slots : snapshot.slots())
                if (snapshot.service(slots.service).pick->sequence.size() !=
                    slots.destinations.size())
                    ++wrong;
            if (loop % 16 == number)
                publisher.reader(number).offline();
        }
        publisher.reader(number).offline();
    };
    std::vector<std::thread> workers;
    for (std::size_t number = 0; number < worker_count; ++number)
        workers.emplace_back(work, number);
    for (std::uint64_t generation = 1; generation <= rounds(500); ++generation) {
        ForwardingConfig next = config({});
        next.generation = generation;
        for (std::uint64_t number = 0; number < generation % 5; ++number) {
            next.services.push_back(service("192.0.2.1", {"10.0.0.1", "10.0.0.2"}));
            next.services.back().endpoint.port = static_cast<std::uint16_t>(generation + number);
        }
        ASSERT_TRUE(publisher.publish(next));
    }
    stop = true;
    for (std::thread& worker : workers)
        worker.join();
    EXPECT_EQ(wrong, 0U);
    EXPECT_EQ(publisher.reclaim(), 0U);
}

}  // namespace
}  // namespace headgate::dataplane
