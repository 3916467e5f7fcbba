// Goal: a watch records exactly the packets that match, as they came in, with what became of them;
// the ring between two threads neither loses, changes nor invents a record that it has taken.
#include "dataplane/core/packet_watch.h"

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::PacketBuilder;

TEST(PacketRing, GivesBackWhatItTookAndRefusesWhatFindsNoRoom) {
    PacketRing ring(64);
    const auto put = [&ring](std::size_t bytes, std::uint8_t value) {
        const std::span<std::uint8_t> memory = ring.reserve(bytes);
        if (memory.empty())
            return false;
        std::memset(memory.data(), value, memory.size());
        ring.commit();
        return true;
    };
    EXPECT_TRUE(ring.front().empty());
    EXPECT_FALSE(put(57, 1)) << "more than there is memory for";
    EXPECT_TRUE(put(24, 1));
    EXPECT_TRUE(put(20, 2));
    EXPECT_FALSE(put(1, 3));
    EXPECT_EQ(ring.front().size(), 24U);
    ring.pop();
    EXPECT_TRUE(put(20, 3)) << "at the beginning of the memory again";
    for (const int value : {2, 3}) {
        ASSERT_EQ(ring.front().size(), 20U);
        EXPECT_EQ(ring.front()[19], value);
        ring.pop();
    }
    EXPECT_TRUE(ring.front().empty());
}

TEST(PacketRing, BetweenThreadsKeepsOrderAndContents) {
    constexpr std::uint32_t records = 100'000;
    PacketRing ring(4096);
    std::thread writer([&ring] {
        for (std::uint32_t number = 0; number < records;) {
            const std::size_t words = 1 + number % 37;
            const std::span<std::uint8_t> memory = ring.reserve(words * sizeof number);
            if (memory.empty()) {
                std::this_thread::yield();
                continue;
            }
            for (std::size_t word = 0; word < words; ++word)
                std::memcpy(&memory[word * sizeof number], &number, sizeof number);
            ring.commit();
            ++number;
        }
    });
    std::uint32_t wrong = 0;
    for (std::uint32_t number = 0; number < records;) {
        const std::span<const std::uint8_t> record = ring.front();
        if (record.empty()) {
            std::this_thread::yield();
            continue;
        }
        std::vector<std::uint32_t> words(record.size() / sizeof number);
        std::memcpy(words.data(), record.data(), record.size());
        wrong += words == std::vector<std::uint32_t>(1 + number % 37, number) ? 0 : 1;
        ring.pop();
        ++number;
    }
    writer.join();
    EXPECT_EQ(wrong, 0U);
}

class Watching : public ::testing::Test {
protected:
    struct Record {
        SeenPacket seen;
        Bytes frame;
    };

    Watching() {
        rig.add_service().destinations = Rig::destinations(2);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(2);
        rig.publish();
    }
    [[nodiscard]] const Snapshot& snapshot() const { return rig.publisher.latest(); }
    [[nodiscard]] Identity destination(std::size_t number) const {
        const Slot slot = snapshot().slots()[0].destinations[number];
        return {slot, snapshot().destination(slot).generation};
    }
    static Bytes frame(PacketBuilder packet) {
        return packet.macs(director, Rig::mac_of(200)).build();
    }
    static PacketBuilder tcp(std::uint32_t client, std::uint8_t flags, std::uint16_t port = 80) {
        return PacketBuilder::tcp(flags)
            .from(Rig::client_endpoint(client, 40000))
            .to("192.0.2.10", port);
    }
    // As a worker does it; the core may change `frames`.
    std::vector<Record> show(PacketWatch& watch, std::vector<Bytes> frames) {
        Burst burst;
        for (Bytes& bytes : frames)
            burst.frames[burst.count++] = {bytes.data(), static_cast<std::uint32_t>(bytes.size())};
        watch.look_before(snapshot(), burst);
        rig.core.process(snapshot(), burst, rig.now);
        watch.look_after(burst, rig.core.fates(), 77);
        std::vector<Record> records;
        while (watch.take([&](const SeenPacket& seen, std::span<const std::uint8_t> bytes) {
            records.push_back({seen, Bytes(bytes.begin(), bytes.end())});
        })) {
        }
        return records;
    }
    std::vector<Bytes> mixture() {
        Bytes broken = frame(tcp(9, flag::syn));
        broken.resize(20);
        return {frame(tcp(1, flag::syn).payload(100)),
                frame(tcp(2, flag::ack)),
                broken,
                frame(tcp(3, flag::syn)),
                frame(tcp(4, flag::syn, 81)),
                frame(PacketBuilder::udp().from(Rig::client_endpoint(5, 1)).to("192.0.2.10", 53))};
    }
    std::size_t matching(PacketFilter filter) {
        PacketWatch watch(std::move(filter), 2000, 1U << 16U);
        return show(watch, mixture()).size();
    }

    Rig rig;
};

TEST_F(Watching, RecordsFramesAsTheyCameInWithWhatBecameOfThem) {
    PacketWatch watch({}, 2000, 1U << 16U);
    const std::vector<Bytes> sent = mixture();
    const std::vector<Record> records = show(watch, sent);
    ASSERT_EQ(records.size(), sent.size());
    for (std::size_t index = 0; index < sent.size(); ++index)
        EXPECT_EQ(records[index].frame, sent[index]) << index;
    EXPECT_EQ(records[0].seen.verdict, Verdict::transmit);
    EXPECT_EQ(records[0].seen.destination, destination(0));
    EXPECT_EQ(records[0].seen.tcp_flags, flag::syn);
    EXPECT_EQ(records[0].seen.unix_ns, 77);
    EXPECT_EQ(records[1].seen.reason, Reason::no_connection);
    EXPECT_EQ(records[1].seen.destination.slot, no_slot);
    EXPECT_NE(records[1].seen.service.slot, no_slot);
    EXPECT_EQ(records[2].seen.reason, Reason::frame_truncated);
    EXPECT_FALSE(records[2].seen.addressed);
    EXPECT_EQ(records[3].seen.destination, destination(1));
    EXPECT_EQ(records[4].seen.reason, Reason::no_service);
    EXPECT_EQ(records[4].seen.port, Be16(81));
    EXPECT_EQ(records[5].seen.ip_protocol, 17);
}

TEST_F(Watching, RecordsWhatTheFilterSays) {
    EXPECT_EQ(matching({}), 6U);
    EXPECT_EQ(matching({.ip_protocol = 17}), 1U);
    EXPECT_EQ(matching({.reason = Reason::no_service}), 1U);
    EXPECT_EQ(matching({.verdict = Verdict::kernel}), 2U);
    FlowFilter client;
    client.client = masked(wide_v4(Be32(0x0a010002U)), mapped_prefix_length + 31);
    client.client_prefix_length = mapped_prefix_length + 31;
    EXPECT_EQ(matching({.flow = client}), 2U);
    FlowFilter service;
    service.service = snapshot().service(snapshot().slots()[1].service).generation;
    EXPECT_EQ(matching({.flow = service}), 1U);
    FlowFilter server;
    server.any_destination = false;
    server.destinations = {destination(1)};
    EXPECT_EQ(matching({.flow = server}), 1U);
}

TEST_F(Watching, KeepsAsMuchOfAFrameAsIsAskedFor) {
    for (const std::uint32_t bytes : {0U, 10U, 70U}) {
        PacketWatch watch({}, bytes, 1U << 16U);
        const Bytes sent = frame(tcp(1, flag::syn).payload(100));
        const std::vector<Record> records = show(watch, {sent});
        ASSERT_EQ(records.size(), 1U);
        EXPECT_EQ(records[0].seen.frame_bytes, sent.size());
        EXPECT_EQ(records[0].frame, Bytes(sent.begin(), sent.begin() + bytes));
    }
}

TEST_F(Watching, CountsWhatFindsNoRoom) {
    PacketWatch watch({}, 2000, 512);
    EXPECT_EQ(show(watch, mixture()).size() + watch.missed(), 6U);
    EXPECT_GT(watch.missed(), 0U);
}

TEST_F(Watching, KnowsWhereFragmentsAndErrorsGo) {
    PacketWatch watch({}, 2000, 1U << 16U);
    const auto fragment = [](PacketBuilder packet, std::uint16_t flags_and_offset) {
        return frame(packet.from(Rig::client_endpoint(7, 40000))
                         .to("192.0.2.10", 80)
                         .identification(5)
                         .fragment(flags_and_offset));
    };
    const std::vector<Record> records =
        show(watch, {fragment(PacketBuilder::tcp(flag::syn).payload(60), 0x2000),
                     fragment(PacketBuilder::raw(6, Bytes(64)), 0x000a)});
    ASSERT_EQ(records.size(), 2U);
    for (const Record& record : records) {
        EXPECT_EQ(record.seen.verdict, Verdict::transmit);
        EXPECT_EQ(record.seen.destination, destination(0));
        EXPECT_NE(record.seen.service.slot, no_slot);
    }
    EXPECT_EQ(records[0].seen.port, Be16(80));
    EXPECT_EQ(records[1].seen.port, Be16(0));
}

}  // namespace
}  // namespace headgate::dataplane
