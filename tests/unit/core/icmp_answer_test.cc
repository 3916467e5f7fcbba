// Goal: ICMP errors that the core sends itself are bounded, whoever asks for them. (What is in
// them: the packet corpus.)
#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

packets::PacketBuilder dying_packet() {
    return packets::PacketBuilder::tcp(flag::syn)
        .from("198.51.100.7", 40000)
        .to("192.0.2.10", 80)
        .macs(director, Rig::mac_of(200))
        .ttl(1);
}

class IcmpAnswerTest : public ::testing::Test {
protected:
    IcmpAnswerTest() {
        rig.add_service().destinations = Rig::destinations(2);
        rig.publish();
    }
    // Sends `count` packets in one burst; returns how many were answered.
    std::size_t burst_of(std::size_t count) {
        std::vector<packets::Bytes> frames(count, dying_packet().build());
        Burst burst;
        burst.count = static_cast<std::uint32_t>(count);
        for (std::size_t index = 0; index < count; ++index)
            burst.frames[index] = {frames[index].data(),
                                   static_cast<std::uint32_t>(frames[index].size())};
        rig.core.process(rig.publisher.latest(), burst, rig.now);
        return rig.core.released().size();
    }

    Rig rig;
};

TEST_F(IcmpAnswerTest, AreFewInABurst) {
    EXPECT_EQ(burst_of(3), 3U);
    EXPECT_EQ(burst_of(64), 8U);
    EXPECT_EQ(rig.events(Event::icmp_answered), 11U);
    EXPECT_EQ(rig.events(Event::icmp_answer_withheld), 56U);
    EXPECT_EQ(rig.core.counters().get(Reason::hops_exceeded), 67U);
}

TEST_F(IcmpAnswerTest, AreFewInASecond) {
    std::size_t answers = 0;
    for (int burst = 0; burst < 50; ++burst)
        answers += burst_of(8);
    EXPECT_EQ(answers, 100U);
    ++rig.now;
    EXPECT_EQ(burst_of(8), 8U);
}

TEST_F(IcmpAnswerTest, AreGoneWithTheNextBurst) {
    EXPECT_EQ(burst_of(1), 1U);
    EXPECT_EQ(burst_of(0), 0U);
}

}  // namespace
}  // namespace headgate::dataplane
