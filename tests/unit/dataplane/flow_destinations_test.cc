// Goal: the XDP program is told where the flows of each destination go, and to leave them alone
// when only a worker knows; what it has counted is told once, for the destination and service that
// it was forwarded for. Method: published configurations over plain memory; the program's counters
// are written by hand.
#include "dataplane/flow_destinations.h"

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/publisher.h"
#include "dataplane/core/rewrite.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

constexpr std::size_t queues = 3;

MacAddress mac_of(std::uint8_t number) {
    return {{0x02, 0, 0, 0, 1, number}};
}

class FlowDestinationsTest : public ::testing::Test {
protected:
    FlowDestinationsTest() {
        config.interface_macs = {mac_of(100)};
        add_service(80, {1, 2});
        add_service(81, {3});
        publish();
    }

    static DestinationConfig destination(std::uint8_t number) {
        return {{IpAddress::v4(Be32(0x0a000000U + number)), 80}, 1, mac_of(number)};
    }
    ServiceConfig& add_service(std::uint16_t port, const std::vector<std::uint8_t>& numbers) {
        ServiceConfig& service = config.services.emplace_back();
        service.endpoint = {packets::ip("192.0.2.10"), port};
        for (const std::uint8_t number : numbers)
            service.destinations.push_back(destination(number));
        return service;
    }
    void publish() {
        ASSERT_TRUE(publisher.publish(config));
        flows.follow(publisher.latest());
    }
    [[nodiscard]] Slot slot(std::size_t service, std::size_t number) const {
        return publisher.latest().slots()[service].destinations[number];
    }
    lb_flow_destination& place(std::size_t queue, Slot slot) {
        return memory[queue * LB_DESTINATIONS_MAX + slot];
    }
    // What the program finds, which is the same in every queue.
    lb_flow_destination found(Slot slot) {
        for (std::size_t queue = 1; queue < queues; ++queue) {
            EXPECT_EQ(place(queue, slot).way, place(0, slot).way);
            EXPECT_EQ(place(queue, slot).generation, place(0, slot).generation);
        }
        return place(0, slot);
    }
    [[nodiscard]] bool sends(Slot slot) { return found(slot).generation != 0; }
    [[nodiscard]] std::uint32_t generation(Slot slot) const {
        return publisher.latest().destination(slot).generation;
    }
    // The program forwards them.
    void forward(Slot slot, std::uint64_t packets, std::size_t queue = 0) {
        place(queue, slot).packets += packets;
        place(queue, slot).bytes += 100 * packets;
    }
    [[nodiscard]] ForwardingStats stats() const {
        ForwardingStats result = collect_stats(publisher.latest(), {});
        flows.add_to(result, publisher.latest());
        return result;
    }
    static void expect(const TrafficStats& stats, std::uint64_t packets) {
        EXPECT_EQ(stats.packets, packets);
        EXPECT_EQ(stats.bytes, 100 * packets);
    }

    FlowDestinationsMemory shared() {
        return {memory, controls, names, &inheritance, [this](std::uint32_t number, int ifindex) {
                    if (refuses_devices)
                        return false;
                    devices[number] = ifindex;
                    return true;
                }};
    }
    // Of the first service.
    void send_elsewhere(std::size_t number, int ifindex, bool takes_redirects = true) {
        config.services[0].destinations[number].egress =
            EgressConfig{ifindex, "other", egress_mac_of(ifindex), 1400, takes_redirects};
    }
    static MacAddress egress_mac_of(int ifindex) {
        return {{0x02, 0, 0, 0, 2, static_cast<std::uint8_t>(ifindex)}};
    }
    // The ifindex by which the program sends to it, with the right address; 0: by its own.
    int egress_of(Slot slot) {
        const std::uint64_t number = lb_way_egress(found(slot).way);
        if (number == 0)
            return 0;
        for (const lb_flow_control& control : controls) {
            EXPECT_EQ(control.egresses[number].mac, mac_word(egress_mac_of(devices[number])));
            EXPECT_EQ(control.egresses[number].ifindex,
                      static_cast<std::uint32_t>(devices[number]));
        }
        return devices[number];
    }
    [[nodiscard]] std::size_t devices_set() const {
        return devices.size() - static_cast<std::size_t>(std::ranges::count(devices, 0));
    }

    bool refuses_devices = false;
    std::array<int, LB_EGRESSES_MAX> devices{};
    std::vector<lb_flow_destination> memory{queues * LB_DESTINATIONS_MAX};
    std::vector<lb_flow_control> controls{queues};
    std::vector<lb_destination_name> names{LB_DESTINATIONS_MAX};
    lb_inheritance inheritance{LB_ABI_VERSION, 1, 0};
    FlowDestinations flows{shared()};
    ForwardingConfig config;
    Publisher publisher{1};
};

TEST_F(FlowDestinationsTest, TellEveryQueueWhereFlowsGo) {
    for (const auto& [service, number, mac] : {std::tuple{0, 0, 1}, {0, 1, 2}, {1, 0, 3}}) {
        const Slot at = slot(static_cast<std::size_t>(service), static_cast<std::size_t>(number));
        EXPECT_EQ(found(at).way, mac_word(mac_of(static_cast<std::uint8_t>(mac))));
        EXPECT_EQ(found(at).generation, generation(at));
        EXPECT_NE(found(at).generation, 0U);
    }
    EXPECT_FALSE(sends(3));
    for (const lb_flow_control& control : controls)
        EXPECT_EQ(control.own_mac, mac_word(mac_of(100)));
}

TEST_F(FlowDestinationsTest, FollowAMacAddress) {
    const std::uint32_t before = found(slot(0, 0)).generation;
    config.services[0].destinations[0].mac = mac_of(50);
    publish();
    EXPECT_EQ(found(slot(0, 0)).way, mac_word(mac_of(50)));
    EXPECT_EQ(found(slot(0, 0)).generation, before) << "its flows go on";
    config.interface_macs = {mac_of(101)};
    publish();
    EXPECT_EQ(controls[queues - 1].own_mac, mac_word(mac_of(101)));
}

TEST_F(FlowDestinationsTest, LeaveEverythingToTheWorkerWithoutAnInterface) {
    config.interface_macs.clear();
    publish();
    for (const lb_flow_control& control : controls)
        EXPECT_EQ(control.own_mac, LB_NO_MAC);
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerWhatIsUnresolved) {
    const Slot at = slot(0, 0);
    config.services[0].destinations[0].mac.reset();
    publish();
    EXPECT_FALSE(sends(at));
    EXPECT_TRUE(sends(slot(0, 1)));
    config.services[0].destinations[0].mac = mac_of(1);
    publish();
    EXPECT_EQ(found(at).generation, generation(at));
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerWhatIsTunnelled) {
    config.services[0].destinations[0].tunnel =
        TunnelConfig{.source = packets::ip("10.0.0.254"), .mtu = 1500};
    publish();
    EXPECT_FALSE(sends(slot(0, 0)));
    EXPECT_TRUE(sends(slot(0, 1)));
}

TEST_F(FlowDestinationsTest, SendByAnotherInterfaceUnderANumberOfItsOwn) {
    send_elsewhere(0, 7);
    send_elsewhere(1, 9);
    config.services[1].destinations[0].egress = config.services[0].destinations[0].egress;
    publish();
    EXPECT_EQ(egress_of(slot(0, 0)), 7);
    EXPECT_EQ(egress_of(slot(0, 1)), 9);
    EXPECT_EQ(egress_of(slot(1, 0)), 7);
    EXPECT_EQ(lb_way_mac(found(slot(0, 1)).way), mac_word(mac_of(2)));
    EXPECT_EQ(found(slot(0, 1)).mtu, 1400U);
    EXPECT_TRUE(sends(slot(0, 1)));
    EXPECT_EQ(devices_set(), 2U);
}

TEST_F(FlowDestinationsTest, FollowADestinationToAnotherInterfaceAndForgetWhatNobodyUses) {
    send_elsewhere(0, 7);
    publish();
    const std::uint32_t before = found(slot(0, 0)).generation;
    const std::uint64_t number = lb_way_egress(found(slot(0, 0)).way);
    send_elsewhere(0, 9);
    publish();
    EXPECT_EQ(egress_of(slot(0, 0)), 9);
    EXPECT_NE(lb_way_egress(found(slot(0, 0)).way), number) << "somebody may just read the old way";
    EXPECT_EQ(found(slot(0, 0)).generation, before) << "its flows go on";
    EXPECT_EQ(devices_set(), 1U);
    EXPECT_EQ(controls[1].egresses[number].ifindex, 0U);
    send_elsewhere(0, 11);
    publish();
    EXPECT_NE(lb_way_egress(found(slot(0, 0)).way), number) << "not at once";
    config.services[0].destinations[0].egress.reset();
    publish();
    EXPECT_EQ(egress_of(slot(0, 0)), 0);
    EXPECT_TRUE(sends(slot(0, 0)));
    EXPECT_EQ(devices_set(), 0U);
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerWhatTheProgramCannotSendThere) {
    send_elsewhere(0, 7, false);
    publish();
    EXPECT_FALSE(sends(slot(0, 0)));
    EXPECT_TRUE(sends(slot(0, 1)));
    refuses_devices = true;
    send_elsewhere(0, 7);
    publish();
    EXPECT_FALSE(sends(slot(0, 0)));
    refuses_devices = false;
    publish();
    EXPECT_EQ(egress_of(slot(0, 0)), 7);
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerInterfacesThatFindNoNumber) {
    std::vector<std::uint8_t> numbers(LB_EGRESSES_MAX);
    for (std::size_t number = 0; number < numbers.size(); ++number)
        numbers[number] = static_cast<std::uint8_t>(10 + number);
    config.services[0].destinations.clear();
    for (const std::uint8_t number : numbers)
        config.services[0].destinations.push_back(destination(number));
    for (std::size_t number = 0; number < numbers.size(); ++number)
        send_elsewhere(number, 100 + static_cast<int>(number));
    publish();
    for (std::size_t number = 0; number + 1 < numbers.size(); ++number)
        EXPECT_EQ(egress_of(slot(0, number)), 100 + static_cast<int>(number));
    EXPECT_FALSE(sends(slot(0, numbers.size() - 1)));
    EXPECT_EQ(devices_set(), LB_EGRESSES_MAX - 1U);
}

// What it finds is the program's until it follows a table.
TEST_F(FlowDestinationsTest, KeepTheNumbersOfAnotherProcess) {
    send_elsewhere(0, 7);
    send_elsewhere(1, 9);
    publish();
    const std::uint64_t way = found(slot(0, 1)).way;
    FlowDestinations next{shared()};
    config.services[0].destinations[0].egress.reset();
    ASSERT_TRUE(publisher.publish(config));
    next.follow(publisher.latest());
    EXPECT_EQ(found(slot(0, 1)).way, way);
    EXPECT_EQ(egress_of(slot(0, 1)), 9);
    EXPECT_EQ(devices_set(), 1U);
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerAnInactiveService) {
    config.services[0].active = false;
    publish();
    EXPECT_FALSE(sends(slot(0, 0)));
    EXPECT_FALSE(sends(slot(0, 1)));
    EXPECT_TRUE(sends(slot(1, 0)));
    config.services[0].active = true;
    publish();
    EXPECT_TRUE(sends(slot(0, 0)));
}

TEST_F(FlowDestinationsTest, LeaveToTheWorkerWhatIsRemoved) {
    const Slot destination = slot(0, 0);
    const Slot of_service = slot(1, 0);
    config.services.pop_back();
    config.services[0].destinations.erase(config.services[0].destinations.begin());
    publish();
    EXPECT_FALSE(sends(destination));
    EXPECT_FALSE(sends(of_service));
    EXPECT_TRUE(sends(slot(0, 0)));
}

// A flow of the service for every port can be one of the other now.
TEST_F(FlowDestinationsTest, LeaveToTheWorkerAServiceForEveryPortBesideOneForAPort) {
    add_service(0, {4});
    ServiceConfig& udp = add_service(0, {5});
    udp.protocol = Protocol::udp;
    ServiceConfig& elsewhere = add_service(0, {6});
    elsewhere.endpoint.address = packets::ip("192.0.2.11");
    publish();
    EXPECT_FALSE(sends(slot(2, 0)));
    EXPECT_TRUE(sends(slot(3, 0))) << "of another protocol";
    EXPECT_TRUE(sends(slot(4, 0))) << "of another address";
    EXPECT_TRUE(sends(slot(0, 0)));
    config.services.erase(config.services.begin(), config.services.begin() + 2);
    publish();
    EXPECT_TRUE(sends(slot(0, 0)));
}

TEST_F(FlowDestinationsTest, GiveASlotToAnotherDestinationUnderAnotherGeneration) {
    const Slot at = slot(0, 0);
    const std::uint32_t before = found(at).generation;
    config.services[0].destinations[0] = destination(7);
    publish();
    ASSERT_EQ(slot(0, 0), at);
    EXPECT_EQ(found(at).way, mac_word(mac_of(7)));
    EXPECT_EQ(found(at).generation, generation(at));
    EXPECT_NE(found(at).generation, before);
}

TEST_F(FlowDestinationsTest, AddUpWhatTheProgramHasForwarded) {
    forward(slot(0, 0), 5, 0);
    forward(slot(0, 0), 6, 2);
    forward(slot(0, 1), 7, 1);
    forward(slot(1, 0), 8, 2);
    ForwardingStats sums = collect_stats(publisher.latest(), {});
    sums.services[0].total.packets = 1000;
    sums.services[0].destinations[1].packets = 2000;
    sums.services[0].destinations[1].bytes = 3;
    flows.add_to(sums, publisher.latest());
    expect(sums.services[0].destinations[0], 11);
    EXPECT_EQ(sums.services[0].destinations[1].packets, 2007U);
    EXPECT_EQ(sums.services[0].destinations[1].bytes, 703U);
    EXPECT_EQ(sums.services[0].total.packets, 1018U);
    EXPECT_EQ(sums.services[0].total.bytes, 1800U);
    expect(sums.services[1].destinations[0], 8);
    expect(sums.services[1].total, 8);
    EXPECT_EQ(flows.packets(), 26U);
}

TEST_F(FlowDestinationsTest, CountFromZeroForAnotherDestinationInASlot) {
    const Slot at = slot(0, 0);
    forward(at, 5, 1);
    config.services[0].destinations[0] = destination(7);
    publish();
    ASSERT_EQ(slot(0, 0), at);
    forward(at, 3, 0);
    expect(stats().services[0].destinations[0], 3);
    expect(stats().services[0].total, 8);
    EXPECT_EQ(flows.packets(), 8U);
}

TEST_F(FlowDestinationsTest, KeepInTheServiceWhatRemovedDestinationsHad) {
    forward(slot(0, 0), 5);
    forward(slot(0, 1), 6);
    forward(slot(1, 0), 7);
    config.services[0].destinations.pop_back();
    publish();
    expect(stats().services[0].total, 11);
    expect(stats().services[1].total, 7);
    publish();
    expect(stats().services[0].total, 11);
    config.services[0].destinations.clear();
    config.services[1].destinations.push_back(destination(8));
    config.services[1].destinations.push_back(destination(9));
    publish();
    expect(stats().services[0].total, 11);
    expect(stats().services[1].total, 7);
    expect(stats().services[1].destinations[1], 0);
    expect(stats().services[1].destinations[2], 0);
    config.services[0].destinations.push_back(destination(1));
    publish();
    forward(slot(0, 0), 2);
    expect(stats().services[0].destinations[0], 2);
    expect(stats().services[0].total, 13);
    EXPECT_EQ(flows.packets(), 20U);
}

TEST_F(FlowDestinationsTest, KeepWhatIsCountedWhileThereIsNothingToSendTo) {
    forward(slot(0, 0), 5);
    config.services[0].active = false;
    config.services[0].destinations[0].mac.reset();
    publish();
    config.services[0].active = true;
    publish();
    expect(stats().services[0].destinations[0], 5);
    expect(stats().services[0].total, 5);
}

TEST_F(FlowDestinationsTest, ForgetAServiceThatGoes) {
    const Slot at = slot(0, 0);
    forward(at, 5);
    forward(slot(0, 1), 6);
    const ServiceConfig service = config.services[0];
    config.services[0].destinations.pop_back();
    publish();
    config.services.erase(config.services.begin());
    publish();
    expect(stats().services[0].total, 0);
    config.services.push_back(service);
    publish();
    expect(stats().services[1].total, 0);
    expect(stats().services[1].destinations[0], 0);
    expect(stats().services[1].destinations[1], 0);
    EXPECT_EQ(flows.packets(), 11U) << "ever";
}

TEST_F(FlowDestinationsTest, CountFromWhereTheMemoryStands) {
    FlowDestinations later{shared()};
    forward(slot(0, 0), 5);
    Publisher other{1};
    ASSERT_TRUE(other.publish(config));
    later.follow(other.latest());
    ForwardingStats sums = collect_stats(other.latest(), {});
    later.add_to(sums, other.latest());
    expect(sums.services[0].total, 0);
}

// ---- what a later process finds ----

bool is_in(const std::vector<KnownDestination>& known, const ServiceConfig& service,
           const DestinationConfig& destination, const Identity& identity) {
    return std::ranges::any_of(known, [&](const KnownDestination& each) {
        return each.service == service.endpoint && each.protocol == service.protocol &&
               each.destination == destination.endpoint && each.identity == identity;
    });
}

TEST_F(FlowDestinationsTest, NameWhoIsInEachSlot) {
    ServiceConfig& wide = config.services.emplace_back();
    wide.endpoint = {packets::ip("2001:db8::10"), 53};
    wide.protocol = Protocol::udp;
    wide.destinations.push_back({{packets::ip("fc00::1"), 5353}, 1, mac_of(7)});
    publish();
    const std::vector<KnownDestination> known = FlowDestinations(shared()).known();
    EXPECT_EQ(known.size(), 4U);
    for (std::size_t service = 0; service < config.services.size(); ++service) {
        const ServiceConfig& each = config.services[service];
        for (std::size_t number = 0; number < each.destinations.size(); ++number) {
            const Slot at = slot(service, number);
            EXPECT_TRUE(is_in(known, each, each.destinations[number], {at, generation(at)}));
        }
    }
}

TEST_F(FlowDestinationsTest, NameNobodyWhoIsGone) {
    config.services[0].destinations.pop_back();
    publish();
    EXPECT_EQ(FlowDestinations(shared()).known().size(), 2U);
    config.services.clear();
    publish();
    EXPECT_TRUE(FlowDestinations(shared()).known().empty());
    EXPECT_EQ(flows.generation_bound(), 4U) << "three have been given out";
}

TEST_F(FlowDestinationsTest, GoOnWithTheSameIdentities) {
    const Identity kept{slot(0, 1), generation(slot(0, 1))};
    const std::uint32_t bound = flows.generation_bound();
    config.services[0].destinations = {destination(9), destination(2)};
    FlowDestinations later{shared()};
    Publisher other{1};
    other.restore(later.known(), later.generation_bound());
    ASSERT_TRUE(other.publish(config));
    later.follow(other.latest());
    const std::vector<Slot>& slots = other.latest().slots()[0].destinations;
    EXPECT_EQ(slots[1], kept.slot);
    EXPECT_EQ(other.latest().destination(slots[1]).generation, kept.generation);
    EXPECT_GE(other.latest().destination(slots[0]).generation, bound) << "a new one";
    EXPECT_EQ(place(0, kept.slot).generation, kept.generation) << "its flows never stopped";
    EXPECT_EQ(later.known().size(), 3U);
}

TEST_F(FlowDestinationsTest, StopTheFlowsOfOneThatWasRemovedMeanwhile) {
    const Slot removed = slot(0, 1);
    config.services[0].destinations.pop_back();
    FlowDestinations later{shared()};
    Publisher other{1};
    other.restore(later.known(), later.generation_bound());
    ASSERT_TRUE(other.publish(config));
    EXPECT_TRUE(sends(removed));
    later.follow(other.latest());
    EXPECT_FALSE(sends(removed));
}

TEST_F(FlowDestinationsTest, CountWhatWasForwardedSinceTheyExist) {
    forward(slot(0, 0), 5);
    forward(slot(1, 0), 2, 1);
    EXPECT_EQ(flows.packets(), 7U);
    FlowDestinations later{shared()};
    EXPECT_EQ(later.packets(), 0U);
    forward(slot(1, 0), 3);
    EXPECT_EQ(later.packets(), 3U);
    // Not what one has forwarded that was removed, either.
    config.services.pop_back();
    publish();
    EXPECT_EQ(FlowDestinations(shared()).packets(), 0U);
}

TEST(NoFlowDestinations, DoNothing) {
    FlowDestinations flows{FlowDestinationsMemory{}};
    ForwardingConfig config;
    ServiceConfig& service = config.services.emplace_back();
    service.endpoint = {packets::ip("192.0.2.10"), 80};
    service.destinations.push_back({{packets::ip("10.0.0.1"), 80}, 1, mac_of(1)});
    Publisher publisher{1};
    ASSERT_TRUE(publisher.publish(config));
    flows.follow(publisher.latest());
    ForwardingStats stats = collect_stats(publisher.latest(), {});
    flows.add_to(stats, publisher.latest());
    EXPECT_EQ(stats.services[0].total.packets, 0U);
    EXPECT_EQ(flows.packets(), 0U);
}

}  // namespace
}  // namespace headgate::dataplane
