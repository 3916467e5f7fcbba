// Goal: a packet reaches the session that it is for, and only what may be from its neighbor does:
// address, port and TTL. What is refused is counted by name.
// Method: instances without sockets; datagrams made by hand.
#include "controlplane/bfd/instance.h"

#include <gtest/gtest.h>

namespace headgate::bfd {
namespace {

constexpr std::uint32_t ours = 7;

IpAddress ip(std::string_view text) {
    return IpAddress::parse(text).value();
}

config::BfdInstance configured() {
    config::BfdInstance config;
    config.name = "b1";
    config.neighbor = ip("192.0.2.3");
    return config;
}

class Rig {
public:
    explicit Rig(config::BfdInstance config = configured()) { add(std::move(config), ours); }

    void add(config::BfdInstance config, std::uint32_t discriminator) {
        instances.push_back(std::make_unique<Instance>(
            std::move(config), discriminator, random,
            [this](std::span<const std::uint8_t> packet) -> Result<void> {
                if (!send_error.empty())
                    return fail("{}", send_error);
                sent.push_back(decode(packet).value());
                return {};
            },
            Instant{}));
    }

    // A packet that is right in every respect, and then changed.
    template <typename Change>
    void deliver(Change change) {
        ControlPacket packet;
        packet.detect_multiplier = 3;
        packet.my_discriminator = 9;
        packet.required_min_rx = packet.desired_min_tx = Microseconds(1000);
        Arrival arrival{.multihop = false,
                        .source = ip("192.0.2.3"),
                        .destination = ip("192.0.2.2"),
                        .ttl = 255,
                        .payload = {}};
        change(packet, arrival);
        const auto bytes = encode(packet);
        arrival.payload = bytes;
        dispatch(Instant{}, arrival, instances, errors);
    }
    void deliver() {
        deliver([](ControlPacket&, Arrival&) {});
    }

    [[nodiscard]] State state(std::size_t index = 0) const {
        return instances[index]->session().state();
    }
    // The names of all counters that are not 0.
    [[nodiscard]] std::string counted() const {
        std::string names;
        for (const NamedCount& count : instances[0]->status(Instant{}).packet_errors)
            names += count.count > 0 ? std::string(count.name) : "";
        for (std::size_t index = 0; index < errors.size(); ++index)
            names += errors[index] > 0 ? name_of(static_cast<PacketError>(index)) : "";
        return names;
    }

    Random random{1};
    std::vector<std::unique_ptr<Instance>> instances;
    std::vector<ControlPacket> sent;
    PacketErrors errors{};
    std::string send_error;
};

TEST(BfdInstance, TakesItsNeighborsPackets) {
    Rig rig;
    rig.deliver();
    EXPECT_EQ(rig.state(), State::init);
    ASSERT_EQ(rig.sent.size(), 1U);
    EXPECT_EQ(rig.sent[0].state, State::init);
    EXPECT_EQ(rig.sent[0].your_discriminator, 9U);
    EXPECT_EQ(rig.counted(), "");
}

TEST(BfdInstance, RefusesWhatCameOverARouter) {
    Rig rig;
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.ttl = 254; });
    EXPECT_EQ(rig.counted(), "ttl");
    EXPECT_EQ(rig.state(), State::down);
    EXPECT_NE(rig.instances[0]->status(Instant{}).warning, "");
}

TEST(BfdInstance, RefusesAPacketOfUnknownTtl) {
    Rig rig;
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.ttl.reset(); });
    EXPECT_EQ(rig.counted(), "ttl");
}

TEST(BfdInstance, AcceptsAsManyRoutersAsConfigured) {
    config::BfdInstance config = configured();
    config.ttl_min = 253;
    Rig rig(config);
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.ttl = 253; });
    EXPECT_EQ(rig.state(), State::init);
}

TEST(BfdInstance, StrangersAreNobodys) {
    Rig rig;
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.source = ip("192.0.2.4"); });
    EXPECT_EQ(rig.counted(), "session");
}

TEST(BfdInstance, AStrangerWhoKnowsOurDiscriminatorIsRefused) {
    Rig rig;
    rig.deliver([](ControlPacket& packet, Arrival& arrival) {
        packet.your_discriminator = ours;
        arrival.source = ip("192.0.2.4");
    });
    EXPECT_EQ(rig.counted(), "source");
}

TEST(BfdInstance, AWrongDiscriminatorIsNobodys) {
    Rig rig;
    rig.deliver([](ControlPacket& packet, Arrival&) { packet.your_discriminator = 8; });
    EXPECT_EQ(rig.counted(), "session");
}

TEST(BfdInstance, OneHopAndManyAreDifferentSessions) {
    Rig rig;
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.multihop = true; });
    EXPECT_EQ(rig.counted(), "session");
}

TEST(BfdInstance, TheAddressItIsSentToTellsSessionsOfOneNeighborApart) {
    config::BfdInstance first = configured();
    first.source = ip("192.0.2.2");
    config::BfdInstance second = first;
    second.name = "b2";
    second.source = ip("192.0.2.22");
    Rig rig(first);
    rig.add(second, 8);
    rig.deliver([](ControlPacket&, Arrival& arrival) { arrival.destination = ip("192.0.2.22"); });
    EXPECT_EQ(rig.state(0), State::down);
    EXPECT_EQ(rig.state(1), State::init);
}

TEST(BfdInstance, BrokenPacketsAreCounted) {
    Rig rig;
    rig.deliver([](ControlPacket& packet, Arrival&) { packet.detect_multiplier = 0; });
    EXPECT_EQ(rig.counted(), "multiplier");
}

TEST(BfdInstance, HearsNothingAfterItsEnd) {
    Rig rig;
    rig.instances[0]->stop(Instant{});
    ASSERT_EQ(rig.sent.size(), 1U);
    EXPECT_EQ(rig.sent[0].state, State::admin_down);
    rig.deliver();
    EXPECT_EQ(rig.counted(), "admin_down");
}

TEST(BfdInstance, TellsOfEachTransitionOnce) {
    Rig rig;
    Instance& instance = *rig.instances[0];
    EXPECT_TRUE(instance.take_changed());
    EXPECT_FALSE(instance.take_changed());
    rig.deliver();
    EXPECT_TRUE(instance.take_changed());
    EXPECT_FALSE(instance.take_changed());
}

TEST(BfdInstance, SaysWhyItCannotSend) {
    Rig rig;
    rig.send_error = "no route";
    rig.instances[0]->on_deadline(Instant{});
    EXPECT_EQ(rig.instances[0]->status(Instant{}).warning, "no route");
    EXPECT_EQ(rig.instances[0]->status(Instant{}).packets_sent, 0U);
    rig.send_error.clear();
    rig.deliver();
    EXPECT_EQ(rig.instances[0]->status(Instant{}).warning, "");
    EXPECT_EQ(rig.instances[0]->status(Instant{}).packets_sent, 1U);
}

TEST(BfdInstance, OnlyNameAndAddressesMakeItAnotherSession) {
    config::BfdInstance changed = configured();
    changed.min_tx = std::chrono::milliseconds(50);
    changed.multiplier = 3;
    changed.ttl_min.reset();
    EXPECT_TRUE(Instance::same_session(configured(), changed));
    changed.neighbor = ip("192.0.2.4");
    EXPECT_FALSE(Instance::same_session(configured(), changed));
}

}  // namespace
}  // namespace headgate::bfd
