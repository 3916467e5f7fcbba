// Goal: a trace says what the core does with the packet when it comes, and leaves no mark.
// Method: two equal cores get the same random packets under the same random tables. One of them is
// asked before each packet, and about others besides; then both must do the same, which must be
// what the trace said.
#include "dataplane/core/packet_trace.h"

#include <random>

#include <gtest/gtest.h>

#include "dataplane/core/rewrite.h"
#include "tests/unit/core/rig.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint8_t servers = 6;

class Draws {
public:
    explicit Draws(std::uint32_t seed) : engine_(seed) {}
    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(engine_);
    }
    bool one_in(std::uint32_t count) { return below(count) == 0; }

private:
    std::mt19937 engine_;
};

// A packet as it is sent, and as it is asked about.
struct Probe {
    std::uint32_t client = 0;
    std::uint16_t client_port = 0;
    std::uint16_t port = 0;
    Protocol protocol = Protocol::tcp;
    std::uint8_t flags = 0;
    bool invalid_client = false;

    [[nodiscard]] Endpoint from() const {
        return invalid_client ? Endpoint{packets::ip("127.0.0.1"), client_port}
                              : Rig::client_endpoint(client, client_port);
    }
    [[nodiscard]] Packet packet() const {
        Packet result;
        result.client = wide(from().address);
        result.address = wide(packets::ip("192.0.2.10"));
        result.client_port = Be16(client_port);
        result.port = Be16(port);
        result.protocol = protocol;
        result.tcp_flags = flags;
        return result;
    }
    [[nodiscard]] packets::PacketBuilder built() const {
        packets::PacketBuilder builder = protocol == Protocol::tcp
                                             ? packets::PacketBuilder::tcp(flags)
                                             : packets::PacketBuilder::udp();
        return builder.from(from()).to("192.0.2.10", port);
    }
};

class Twins {
public:
    explicit Twins(std::uint32_t seed) : random_(seed) {}

    void run(int steps) {
        reconfigure();
        for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            if (random_.one_in(50))
                reconfigure();
            if (random_.one_in(6))
                pass_time();
            send_one();
        }
        for (std::size_t event = 0; event < event_count; ++event)
            EXPECT_EQ(asked_.events(static_cast<Event>(event)),
                      unasked_.events(static_cast<Event>(event)))
                << event_infos[event].name;
        EXPECT_EQ(asked_.stats().reasons, unasked_.stats().reasons);
        EXPECT_EQ(asked_.core.flows(), unasked_.core.flows());
        EXPECT_EQ(asked_.persistence.size(), unasked_.persistence.size());
    }

private:
    static constexpr std::uint32_t capacity = 40;

    void reconfigure() {
        ForwardingConfig config;
        config.interface_macs = {director};
        constexpr std::pair<std::uint16_t, Protocol> services[] = {
            {80, Protocol::tcp}, {0, Protocol::tcp}, {53, Protocol::udp}};
        for (const auto& [port, protocol] : services) {
            if (random_.one_in(12))
                continue;
            ServiceConfig& service = config.services.emplace_back();
            service.endpoint = {packets::ip("192.0.2.10"), port};
            service.protocol = protocol;
            service.scheduler = static_cast<Scheduler>(random_.below(14));
            service.active = !random_.one_in(15);
            service.one_packet = protocol == Protocol::udp && random_.one_in(3);
            service.expire_quiescent = random_.one_in(2);
            service.persistence_timeout_s = random_.one_in(2) ? 1 + random_.below(60) : 0;
            service.persistence_prefix_length = random_.one_in(2) ? 32 : 29;
            service.group = random_.one_in(3) ? "group" : "";
            service.timeouts = {.tcp_s = 50, .tcp_fin_s = 20, .udp_s = 30};
            for (std::uint8_t number = 1; number <= servers; ++number) {
                if (random_.one_in(5))
                    continue;
                DestinationConfig destination = Rig::destination(number, random_.below(4));
                destination.inhibited = random_.one_in(8);
                destination.leaving = random_.one_in(10);
                if (random_.one_in(8))
                    destination.mac.reset();
                service.destinations.push_back(destination);
            }
        }
        if (random_.one_in(2)) {
            config.protection.source_rate = 1 + random_.below(3);
            config.protection.source_prefix_length_v4 = 30;
        }
        if (random_.one_in(3))
            config.protection.connection_rate = random_.below(3);
        for (Rig* rig : {&asked_, &unasked_}) {
            rig->config = config;
            rig->publish();
        }
    }

    // Connections that are over may stay in the table for a while.
    void pass_time() {
        const std::uint32_t seconds = 1 + random_.below(25);
        const bool expires = random_.one_in(2);
        for (Rig* rig : {&asked_, &unasked_}) {
            if (expires)
                rig->wait(seconds);
            else
                rig->now += seconds;
        }
    }

    Probe draw_probe() {
        constexpr std::uint8_t kinds[] = {flag::syn, flag::syn,
                                          flag::ack, flag::fin | flag::ack,
                                          flag::rst, flag::syn | flag::ack};
        Probe probe;
        probe.client = random_.below(24);
        probe.client_port = static_cast<std::uint16_t>(1000 + random_.below(3));
        probe.protocol = random_.one_in(3) ? Protocol::udp : Protocol::tcp;
        if (probe.protocol == Protocol::tcp) {
            probe.port = random_.one_in(3) ? 443 : 80;
            probe.flags = kinds[random_.below(std::size(kinds))];
        } else {
            probe.port = 53;
        }
        probe.invalid_client = random_.one_in(40);
        return probe;
    }

    TraceSteps ask(const Probe& probe) {
        return asked_.core.trace(asked_.publisher.latest(), probe.packet(), asked_.now);
    }

    void send_one() {
        for (std::uint32_t others = random_.below(3); others > 0; --others)
            ask(draw_probe());
        const Probe probe = draw_probe();
        const TraceSteps foretold = ask(probe);
        const std::uint64_t made_before = asked_.events(Event::connection_created);
        const Sent sent = asked_.send(probe.built());
        const Sent twin = unasked_.send(probe.built());
        ASSERT_EQ(sent.reason, twin.reason);
        ASSERT_EQ(sent.to, twin.to) << "the core that was asked goes another way";
        ASSERT_EQ(info(foretold.reason).name, info(sent.reason).name);
        const bool made = foretold.entry == TraceSteps::Entry::made ||
                          foretold.entry == TraceSteps::Entry::made_for_half_open;
        ASSERT_EQ(asked_.events(Event::connection_created) - made_before, made ? 1U : 0U);
        if (sent.reason == Reason::none) {
            ASSERT_EQ(asked_.publisher.latest().destination(foretold.destination.slot).mac,
                      mac_word(sent.to));
        }
    }

    Draws random_;
    Rig asked_{capacity, 64 * 8};
    Rig unasked_{capacity, 64 * 8};
};

TEST(Trace, SaysWhatTheCoreThenDoesAndLeavesNoMark) {
    const std::uint32_t first = std::random_device{}();
    for (std::uint32_t seed = first; seed != first + rounds(30) && !HasFailure(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Twins(seed).run(3000);
    }
}

class Traces : public ::testing::Test {
protected:
    Traces() {
        ServiceConfig& service = rig.add_service();
        service.destinations = Rig::destinations(2);
        rig.publish();
    }
    TraceSteps ask(std::uint8_t flags, std::uint32_t client = 7) {
        const Probe probe{.client = client, .client_port = 40000, .port = 80, .flags = flags};
        return rig.core.trace(rig.publisher.latest(), probe.packet(), rig.now);
    }
    // By the number in its address.
    [[nodiscard]] int server(const Identity& destination) const {
        return static_cast<int>(rig.publisher.latest().destination(destination.slot).mac >> 40U);
    }

    Rig rig;
};

TEST_F(Traces, OfANewClientNameTheServerThatIsNext) {
    const TraceSteps steps = ask(flag::syn);
    EXPECT_EQ(steps.reason, Reason::none);
    EXPECT_NE(steps.service.slot, no_slot);
    EXPECT_FALSE(steps.known);
    EXPECT_EQ(steps.pick, TraceSteps::Pick::scheduled);
    EXPECT_EQ(steps.entry, TraceSteps::Entry::made);
    EXPECT_EQ(server(steps.destination), 1);
    EXPECT_EQ(server(ask(flag::syn).destination), 1) << "nobody's turn was taken";
    EXPECT_EQ(rig.core.flows(), 0U);
    EXPECT_EQ(ask(flag::ack).reason, Reason::no_connection);
}

TEST_F(Traces, OfAKnownConnectionTellItsStateAndLeaveItsTimeout) {
    rig.establish(7);
    rig.wait(100);
    const TraceSteps steps = ask(flag::ack);
    ASSERT_TRUE(steps.known);
    EXPECT_EQ(steps.known->state, ConnectionState::established);
    EXPECT_EQ(steps.known->expires_s, 800U);
    EXPECT_FALSE(steps.known->replaced);
    EXPECT_EQ(steps.pick, TraceSteps::Pick::none);
    EXPECT_EQ(steps.entry, TraceSteps::Entry::unchanged);
    EXPECT_EQ(server(steps.destination), 1);
    EXPECT_EQ(ask(flag::ack).known->expires_s, 800U);
    rig.send_tcp(7, flag::rst);
    EXPECT_TRUE(ask(flag::syn).known->replaced);
}

TEST_F(Traces, TellWhomPersistenceBindsAClientTo) {
    rig.config.services[0].persistence_timeout_s = 100;
    rig.publish();
    EXPECT_TRUE(ask(flag::syn).is_persistent);
    EXPECT_FALSE(ask(flag::syn).bound);
    rig.send_tcp(7, flag::syn, 1);
    const TraceSteps steps = ask(flag::syn);
    ASSERT_TRUE(steps.bound && steps.bound->followed);
    EXPECT_EQ(steps.pick, TraceSteps::Pick::none);
    EXPECT_EQ(server(steps.destination), 1);
    rig.config.services[0].destinations.erase(rig.config.services[0].destinations.begin());
    rig.publish();
    EXPECT_FALSE(ask(flag::syn).bound->followed);
    EXPECT_EQ(server(ask(flag::syn).destination), 2);
}

}  // namespace
}  // namespace headgate::dataplane
