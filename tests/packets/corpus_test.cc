// Goal: the core makes of every packet of the corpus what the corpus says, byte for byte.
// Each case runs in a fresh core; the frame lies in a heap block of exactly its length, so that an
// address sanitizer sees any read beyond it.
#include <algorithm>
#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/corpus.h"
#include "tests/packets/frame_text.h"

namespace headgate::packets {
namespace {

using dataplane::Burst;
using dataplane::Core;
using dataplane::PersistenceTable;
using dataplane::Publisher;
using dataplane::Reason;
using dataplane::Tick;

constexpr Tick start = 1000;

struct Result {
    dataplane::Verdict verdict;
    Reason reason;
    Bytes out;
};

Result run(Core& core, const dataplane::Snapshot& snapshot, const Step& step, Tick now) {
    const std::uint32_t headroom = step.bare ? 0 : dataplane::frame_headroom_bytes;
    const auto memory = std::make_unique<std::uint8_t[]>(headroom + step.in.size());
    std::ranges::copy(step.in, memory.get() + headroom);
    Burst burst;
    burst.count = 1;
    burst.headroom = headroom;
    burst.frames[0] = {memory.get() + headroom, static_cast<std::uint32_t>(step.in.size())};
    core.process(snapshot, burst, now);
    const dataplane::Frame& out = burst.frames[0];
    return {burst.verdicts[0], burst.reasons[0], Bytes(out.data, out.data + out.length)};
}

std::vector<Bytes> released_by(const Core& core) {
    std::vector<Bytes> frames;
    for (const dataplane::Frame& frame : core.released())
        frames.emplace_back(frame.data, frame.data + frame.length);
    return frames;
}

TEST(PacketCorpus, EveryCaseGetsItsVerdictItsReasonAndItsBytes) {
    Publisher publisher(1);
    dataplane::ForwardingConfig config = corpus().config;
    for (const PacketCase& item : corpus().cases) {
        SCOPED_TRACE(item.place + ": " + item.description);
        config.protection = item.protection;
        const auto published = publisher.publish(config);
        ASSERT_TRUE(published) << published.error().message;
        const dataplane::Snapshot& snapshot = publisher.latest();
        PersistenceTable persistence(64, {});
        Core core({.connections_max = 64, .seed = {}}, persistence);
        Tick now = start;
        std::vector<std::uint64_t> reasons(dataplane::reason_count, 0);
        for (const Step& step : item.steps) {
            SCOPED_TRACE(step.place);
            now += step.wait_s;
            core.expire(snapshot, now);
            const Result result = run(core, snapshot, step, now);
            EXPECT_EQ(info(result.reason).name, info(step.reason).name);
            EXPECT_EQ(result.verdict, info(step.reason).verdict);
            EXPECT_EQ(result.out, step.out);
            EXPECT_EQ(released_by(core), step.released);
            ++reasons[static_cast<std::size_t>(step.reason)];
        }
        for (std::size_t index = 0; index < reasons.size(); ++index)
            EXPECT_EQ(core.counters().get(static_cast<Reason>(index)), reasons[index])
                << dataplane::reason_infos[index].name;
        for (const auto& [event, count] : item.events)
            EXPECT_EQ(core.counters().get(event), count) << info(event).name;
    }
}

TEST(PacketCorpus, HasACaseForEveryReasonThatOnePacketCanCause) {
    std::vector<bool> seen(dataplane::reason_count, false);
    for (const PacketCase& item : corpus().cases) {
        EXPECT_FALSE(item.steps.empty()) << item.place;
        for (const Step& step : item.steps)
            seen[static_cast<std::size_t>(step.reason)] = true;
    }
    // These need a change of configuration in between, or another interface: see the core's unit
    // tests.
    seen[static_cast<std::size_t>(Reason::destination_removed)] = true;
    seen[static_cast<std::size_t>(Reason::destination_unresolved)] = true;
    seen[static_cast<std::size_t>(Reason::egress_fragments)] = true;
    for (std::size_t index = 0; index < seen.size(); ++index)
        EXPECT_TRUE(seen[index]) << dataplane::reason_infos[index].name;
    EXPECT_GE(corpus().cases.size(), 200U);
}

// Bursts with everything in them: stages must not mix frames up.
TEST(PacketCorpus, FramesOfOneBurstDoNotDisturbEachOther) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(corpus().config));
    std::vector<Step> steps;
    for (const PacketCase& item : corpus().cases) {
        // Fragments of several cases would be one packet's.
        const bool is_alone = !item.place.starts_with("fragments.txt");
        if (is_alone && !item.steps.front().bare && item.steps.front().reason != Reason::none)
            steps.push_back(item.steps.front());
    }
    ASSERT_GT(steps.size(), dataplane::burst_max);
    PersistenceTable persistence(64, {});
    Core core({.connections_max = 64, .seed = {}}, persistence);
    for (std::size_t first = 0; first < steps.size(); first += dataplane::burst_max) {
        const std::size_t count = std::min(dataplane::burst_max, steps.size() - first);
        Burst burst;
        burst.count = static_cast<std::uint32_t>(count);
        std::vector<Bytes> frames;
        burst.headroom = dataplane::frame_headroom_bytes;
        for (std::size_t index = 0; index < count; ++index) {
            const Bytes& in = steps[first + index].in;
            Bytes& memory = frames.emplace_back(burst.headroom);
            memory.insert(memory.end(), in.begin(), in.end());
            burst.frames[index] = {memory.data() + burst.headroom,
                                   static_cast<std::uint32_t>(in.size())};
        }
        core.process(publisher.latest(), burst, start);
        for (std::size_t index = 0; index < count; ++index) {
            SCOPED_TRACE(steps[first + index].place);
            EXPECT_EQ(info(burst.reasons[index]).name, info(steps[first + index].reason).name);
            const dataplane::Frame& out = burst.frames[index];
            EXPECT_EQ(Bytes(out.data, out.data + out.length), steps[first + index].out);
        }
    }
}

// The language itself, against bytes written by hand.
TEST(FrameText, WritesWhatItSays) {
    const Hosts hosts{
        {"director", {mac("02:00:00:00:00:01"), std::nullopt, std::nullopt}},
        {"client", {mac("02:00:00:00:00:02"), ip("198.51.100.7"), ip("2001:db8:1::7")}},
        {"vip", {std::nullopt, ip("192.0.2.10"), ip("2001:db8::10")}}};
    const Bytes macs{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    const auto behind_macs = [&](std::string_view text) {
        const auto frame = frame_of(text, hosts);
        EXPECT_TRUE(frame) << frame.error().message;
        EXPECT_TRUE(std::ranges::equal(std::span(*frame).first(12), macs));
        return Bytes(frame->begin() + 12, frame->end());
    };
    EXPECT_EQ(behind_macs("vlan(7) / ip(ttl=9 df) / udp / hex(beef)"),
              (Bytes{0x81, 0,  0,    7,    8,    0,    0x45, 0,  0,    30,   0x12, 0x34,
                     0x40, 0,  9,    17,   0x73, 0x56, 198,  51, 100,  7,    192,  0,
                     2,    10, 0x9c, 0x40, 0,    53,   0,    10, 0xb8, 0x2f, 0xbe, 0xef}));
    EXPECT_EQ(
        behind_macs("ip6(hops=3) / frag(id=5 offset=16 more) / hex(0102)"),
        (Bytes{0x86, 0xdd, 0x60, 0, 0, 0,    0, 10, 44,   3,  0x20, 1,    0xd, 0xb8, 0, 1, 0, 0,
               0,    0,    0,    0, 0, 0,    0, 7,  0x20, 1,  0xd,  0xb8, 0,   0,    0, 0, 0, 0,
               0,    0,    0,    0, 0, 0x10, 0, 0,  0,    17, 0,    0,    0,   5,    1, 2}));
}

TEST(FrameText, RefusesWhatItDoesNotUnderstand) {
    const Hosts hosts{{"director", {mac("02:00:00:00:00:01"), std::nullopt, std::nullopt}},
                      {"client", {mac("02:00:00:00:00:02"), ip("198.51.100.7"), std::nullopt}},
                      {"vip", {std::nullopt, ip("192.0.2.10"), std::nullopt}}};
    ASSERT_TRUE(frame_of("tcp(S)", hosts));
    for (const char* text : {"", "tcp", "tcp(X)", "tcp(S", "tcp(S port=1)", "tcp(S) / nonsense",
                             "ip(ttl=x) / tcp(S)", "ip(dst=elsewhere) / tcp(S)", "ip6 / tcp(S)",
                             "data(2) / udp", "udp / hex(0g)", "icmp(3)"})
        EXPECT_FALSE(frame_of(text, hosts)) << text;
}

}  // namespace
}  // namespace headgate::packets
