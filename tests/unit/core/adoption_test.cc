// Goal: a core knows the connections that another process has left in the flow cache, as if it had
// seen them begin, and frees the cache of those that do not go on. Method: a core fills the cache
// of a simulated program; another begins with the same memory, and a configuration that may have
// changed meanwhile.
#include <map>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/flow_scan.h"
#include "dataplane/flow_destinations.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/core/simulated_program.h"

namespace headgate::dataplane {
namespace {

using packets::PacketBuilder;

constexpr Tick tcp_s = 900;

// A process: a core, and what its control thread writes.
struct Process {
    explicit Process(SimulatedProgram& program, std::uint32_t connections_max = 4096)
        : rig(connections_max, 64, program.memory()), flow_destinations(program.control_memory()) {
        rig.config.flow_cache.admit_after = 1;
        rig.publisher.restore(flow_destinations.known(), flow_destinations.generation_bound());
    }
    void publish() {
        rig.publish();
        flow_destinations.follow(rig.publisher.latest());
    }
    std::uint64_t adopt() { return rig.core.adopt_cache(rig.publisher.latest(), rig.now); }
    [[nodiscard]] std::uint64_t cached() const { return rig.core.flow_cache().size(); }

    Rig rig;
    FlowDestinations flow_destinations;
};

class AdoptionTest : public ::testing::Test {
protected:
    AdoptionTest() {
        add_services(before);
        before.publish();
        before.rig.wait(1);
    }

    static void add_services(Process& process) {
        process.rig.add_service().destinations = Rig::destinations(3);
        process.rig.add_service("192.0.2.10", 53, Protocol::udp).destinations =
            Rig::destinations(2);
        ServiceConfig& wide = process.rig.add_service("2001:db8::10", 80, Protocol::tcp);
        wide.destinations.push_back({{packets::ip("fc00::1"), 80}, 1, Rig::mac_of(41)});
        wide.destinations.push_back({{packets::ip("fc00::2"), 80}, 1, Rig::mac_of(42)});
    }
    // The next process, which is given the services of before.
    Process& begin_next(std::uint32_t connections_max = 4096) {
        next = std::make_unique<Process>(program, connections_max);
        next->rig.now = before.rig.now;
        add_services(*next);
        return *next;
    }

    static PacketBuilder segment6(std::uint8_t flags) {
        return PacketBuilder::tcp(flags).from("2001:db8:1::7", 40000).to("2001:db8::10", 80);
    }
    // So many TCP connections, which are in the cache; returns the real server of each.
    std::map<std::uint32_t, MacAddress> enter(std::uint32_t clients) {
        std::map<std::uint32_t, MacAddress> servers;
        for (std::uint32_t client = 1; client <= clients; ++client) {
            before.rig.establish(client);
            servers[client] = before.rig.send_tcp(client, flag::ack).to;
        }
        EXPECT_EQ(before.cached(), clients);
        return servers;
    }

    SimulatedProgram program{6};
    Process before{program};
    std::unique_ptr<Process> next;
};

TEST_F(AdoptionTest, GoesOnWithEveryConnection) {
    const auto servers = enter(20);
    before.rig.send_udp(1);
    const MacAddress of_datagrams = before.rig.send_udp(1).to;
    before.rig.send(segment6(flag::syn));
    before.rig.send(segment6(flag::ack));
    const MacAddress of_wide = before.rig.send(segment6(flag::ack)).to;
    ASSERT_EQ(before.cached(), 22U);

    Process& process = begin_next();
    process.publish();
    EXPECT_EQ(process.adopt(), 22U);
    EXPECT_EQ(process.cached(), 22U);
    EXPECT_EQ(process.rig.events(Event::connection_adopted), 22U);
    EXPECT_EQ(process.rig.events(Event::connection_created), 0U);
    for (const auto& [client, server] : servers)
        EXPECT_EQ(process.rig.send_tcp(client, flag::ack).to, server);
    EXPECT_EQ(process.rig.send_udp(1).to, of_datagrams);
    EXPECT_EQ(process.rig.send(segment6(flag::ack)).to, of_wide);
    const ForwardingStats stats = process.rig.stats();
    EXPECT_EQ(stats.services[0].total.connections, 0U) << "none is new";
    EXPECT_EQ(process.rig.events(Event::flow_cached), 0U) << "they are there already";
}

TEST_F(AdoptionTest, EndsThemAsAnyOther) {
    enter(2);
    Process& process = begin_next();
    process.publish();
    process.adopt();
    EXPECT_EQ(process.rig.send_tcp(1, flag::fin | flag::ack).verdict, Verdict::transmit);
    EXPECT_EQ(process.cached(), 1U);
    // As long after the last packet that the program has seen as ever.
    process.rig.wait(tcp_s - 2);
    EXPECT_EQ(process.rig.core.flows(), 1U);
    process.rig.wait(4);
    EXPECT_EQ(process.rig.core.flows(), 0U);
    EXPECT_EQ(process.cached(), 0U);
}

TEST_F(AdoptionTest, LeavesOutWhatHasBeenIdleForTooLong) {
    enter(2);
    Process& process = begin_next();
    process.rig.now += tcp_s + 1;
    process.publish();
    EXPECT_EQ(process.adopt(), 0U);
    EXPECT_EQ(process.cached(), 0U);
}

TEST_F(AdoptionTest, TakesAFlowThatTheProgramHasSeenLastForOneThatIsBusy) {
    enter(2);
    packets::Bytes frame = PacketBuilder::tcp(flag::ack)
                               .from(Rig::client_endpoint(1, 40000))
                               .to("192.0.2.10", 80)
                               .macs(director, director)
                               .build();
    ASSERT_TRUE(program.forward(frame, 0));  // the other one is a second older
    Process& process = begin_next();
    process.rig.now += tcp_s + 1;
    process.publish();
    EXPECT_EQ(process.adopt(), 1U);
    process.rig.wait(tcp_s - 1);
    EXPECT_EQ(process.rig.core.flows(), 1U);
}

TEST_F(AdoptionTest, LetsFlowsOfWhatIsGoneLeaveTheCache) {
    const auto servers = enter(21);
    Process& process = begin_next();
    process.rig.config.services[0].destinations.erase(
        process.rig.config.services[0].destinations.begin());
    process.publish();
    EXPECT_EQ(process.adopt(), 14U);
    EXPECT_EQ(process.cached(), 14U);
    for (const auto& [client, server] : servers) {
        const auto sent = process.rig.send_tcp(client, flag::ack);
        if (server == Rig::mac_of(1))
            EXPECT_EQ(sent.reason, Reason::no_connection);
        else
            EXPECT_EQ(sent.to, server);
    }
    // Nothing of it is left for a third process either.
    Process third(program);
    add_services(third);
    third.publish();
    EXPECT_EQ(third.adopt(), 14U);
}

TEST_F(AdoptionTest, LetsFlowsOfAServiceThatIsGoneLeaveTheCache) {
    enter(5);
    Process& process = begin_next();
    process.rig.config.services.erase(process.rig.config.services.begin());
    process.publish();
    EXPECT_EQ(process.adopt(), 0U);
}

// The service's single port is a service of its own now.
TEST_F(AdoptionTest, LetsFlowsThatBelongToAnotherServiceNowLeaveTheCache) {
    before.rig.add_service("192.0.2.11", 0).destinations = Rig::destinations(1);
    before.publish();
    const auto packet = [](std::uint8_t flags) {
        return PacketBuilder::tcp(flags).from("198.51.100.9", 40000).to("192.0.2.11", 443);
    };
    for (const std::uint8_t flags : {flag::syn, flag::ack, flag::ack})
        before.rig.send(packet(flags));
    ASSERT_EQ(before.cached(), 1U);
    Process& process = begin_next();
    process.rig.add_service("192.0.2.11", 0).destinations = Rig::destinations(1);
    process.rig.add_service("192.0.2.11", 443).destinations = Rig::destinations(2);
    process.publish();
    EXPECT_EQ(process.adopt(), 0U);
}

// A flow that outlived its destination in the cache must not be taken for one of the destination
// that gets the slot.
TEST_F(AdoptionTest, TakesNoFlowForThatOfANewDestination) {
    enter(3);
    before.rig.config.services[0].destinations = {Rig::destination(7)};
    before.publish();
    ASSERT_EQ(before.cached(), 3U) << "they are idle, and nothing has looked at them";
    Process& process = begin_next();
    process.rig.config.services[0].destinations = {Rig::destination(8), Rig::destination(9)};
    process.publish();
    EXPECT_EQ(process.adopt(), 0U);
}

TEST_F(AdoptionTest, BindsTheClientsOfPersistentServices) {
    before.rig.config.services[0].persistence_timeout_s = 300;
    before.publish();
    const auto servers = enter(6);
    Process& process = begin_next();
    process.rig.config.services[0].persistence_timeout_s = 300;
    process.publish();
    EXPECT_EQ(process.adopt(), 6U);
    EXPECT_EQ(process.rig.persistence.size(), 6U);
    for (const auto& [client, server] : servers)
        EXPECT_EQ(process.rig.send_tcp(client, flag::syn, 50000).to, server);
}

TEST_F(AdoptionTest, CountsThemForTheSchedulers) {
    enter(4);  // of three servers, the first has two
    Process& process = begin_next();
    process.rig.config.services[0].scheduler = Scheduler::lc;
    process.publish();
    process.adopt();
    const auto spread = process.rig.spread(100, 2);
    EXPECT_EQ(spread, (std::map<int, int>{{2, 1}, {3, 1}}));
}

TEST_F(AdoptionTest, TakesAsManyAsTheTableHasRoomFor) {
    enter(20);
    Process& process = begin_next(8);
    process.publish();
    EXPECT_EQ(process.adopt(), 8U);
    EXPECT_EQ(process.cached(), 8U);
}

TEST_F(AdoptionTest, DoesNothingWithoutACache) {
    Rig rig;
    rig.add_service().destinations = Rig::destinations(1);
    rig.publish();
    EXPECT_EQ(rig.core.adopt_cache(rig.publisher.latest(), rig.now), 0U);
}

TEST(SlotRegistryRestore, GivesKnownKeysTheirIdentities) {
    SlotRegistry<int> registry;
    registry.restore({{1, {5, 70}}, {2, {2, 71}}}, 90);
    EXPECT_EQ(registry.slot_bound(), 6U);
    EXPECT_EQ(registry.identify(1), (Identity{5, 70}));
    EXPECT_EQ(registry.identify(2), (Identity{2, 71}));
    const Identity other = registry.identify(3);
    EXPECT_EQ(other.generation, 90U);
    EXPECT_TRUE(other.slot < 5 && other.slot != 2) << "a hole is filled";
    registry.retain({2});
    EXPECT_EQ(registry.identify(2), (Identity{2, 71}));
    EXPECT_EQ(registry.identify(1).generation, 91U) << "it was gone";
}

TEST(SlotRegistryRestore, LeavesOutWhatCannotBe) {
    SlotRegistry<int> registry;
    registry.restore({{1, {5, 70}}, {2, {5, 71}}, {3, {6, 70}}, {4, {7, 0}}, {1, {8, 72}}}, 100);
    EXPECT_EQ(registry.identify(1), (Identity{5, 70}));
    for (const int key : {2, 3, 4})
        EXPECT_GE(registry.identify(key).generation, 100U);
}

}  // namespace
}  // namespace headgate::dataplane
