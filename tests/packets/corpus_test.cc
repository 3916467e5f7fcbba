// Goal: the core makes of every packet of the corpus what the corpus says, byte for byte.
// Each case runs in a fresh core; the frame lies in a heap block of exactly its length, so that an
// address sanitizer sees any read beyond it.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/cases.h"

namespace headgate::packets {
namespace {

using dataplane::Burst;
using dataplane::Core;
using dataplane::PersistenceTable;
using dataplane::Publisher;
using dataplane::Reason;

constexpr dataplane::Tick now = 1000;

struct Result {
    dataplane::Verdict verdict;
    Reason reason;
    Bytes out;
};

Result run(Core& core, const dataplane::Snapshot& snapshot, const Bytes& in) {
    const auto memory = std::make_unique<std::uint8_t[]>(in.size());
    std::ranges::copy(in, memory.get());
    Burst burst;
    burst.count = 1;
    burst.frames[0] = {memory.get(), static_cast<std::uint32_t>(in.size())};
    core.process(snapshot, burst, now);
    return {burst.verdicts[0], burst.reasons[0], Bytes(memory.get(), memory.get() + in.size())};
}

Bytes expected_out(const PacketCase& expected, const MacAddress& own) {
    Bytes out = expected.in;
    if (expected.to) {
        std::ranges::copy(expected.to->bytes, out.begin());
        std::ranges::copy(own.bytes, out.begin() + 6);
    }
    return out;
}

TEST(PacketCorpus, EveryCaseGetsItsVerdictItsReasonAndItsBytes) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(corpus_config()));
    const dataplane::Snapshot& snapshot = publisher.latest();
    for (const PacketCase& expected : packet_cases()) {
        SCOPED_TRACE(expected.description);
        PersistenceTable persistence(64, {});
        Core core({.connections_max = 64, .seed = {}}, persistence);
        for (const Bytes& frame : expected.before)
            EXPECT_EQ(run(core, snapshot, frame).reason, Reason::none);
        const Result result = run(core, snapshot, expected.in);
        EXPECT_EQ(info(result.reason).name, info(expected.reason).name);
        EXPECT_EQ(result.verdict, info(expected.reason).verdict);
        EXPECT_EQ(result.out, expected_out(expected, snapshot.interface_mac(0)));
        EXPECT_EQ(core.counters().get(expected.reason),
                  expected.reason == Reason::none ? expected.before.size() + 1 : 1);
    }
}

TEST(PacketCorpus, HasACaseForEveryReasonThatOnePacketCanCause) {
    std::vector<bool> seen(dataplane::reason_count, false);
    for (const PacketCase& item : packet_cases())
        seen[static_cast<std::size_t>(item.reason)] = true;
    // These two need a change of configuration in between: see the core's unit tests.
    seen[static_cast<std::size_t>(Reason::destination_removed)] = true;
    seen[static_cast<std::size_t>(Reason::destination_unresolved)] = true;
    for (std::size_t index = 0; index < seen.size(); ++index)
        EXPECT_TRUE(seen[index]) << dataplane::reason_infos[index].name;
    EXPECT_GE(packet_cases().size(), 100U);
}

// One burst with everything in it: stages must not mix frames up.
TEST(PacketCorpus, FramesOfOneBurstDoNotDisturbEachOther) {
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(corpus_config()));
    std::vector<PacketCase> cases = packet_cases();
    std::erase_if(cases, [](const PacketCase& item) { return item.reason == Reason::none; });
    std::erase_if(cases, [](const PacketCase& item) { return !item.before.empty(); });
    ASSERT_GT(cases.size(), dataplane::burst_max);
    PersistenceTable persistence(64, {});
    Core core({.connections_max = 64, .seed = {}}, persistence);
    for (std::size_t first = 0; first < cases.size(); first += dataplane::burst_max) {
        const std::size_t count = std::min(dataplane::burst_max, cases.size() - first);
        Burst burst;
        burst.count = static_cast<std::uint32_t>(count);
        std::vector<Bytes> frames;
        for (std::size_t index = 0; index < count; ++index)
            frames.push_back(cases[first + index].in);
        for (std::size_t index = 0; index < count; ++index)
            burst.frames[index] = {frames[index].data(),
                                   static_cast<std::uint32_t>(frames[index].size())};
        core.process(publisher.latest(), burst, now);
        for (std::size_t index = 0; index < count; ++index) {
            SCOPED_TRACE(cases[first + index].description);
            EXPECT_EQ(info(burst.reasons[index]).name, info(cases[first + index].reason).name);
            EXPECT_EQ(frames[index], cases[first + index].in);
        }
    }
}

}  // namespace
}  // namespace headgate::packets
