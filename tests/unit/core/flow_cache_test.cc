// Goal: the writer's side of the flow cache writes what bpf/abi.h says, finds a way for every flow
// that has one, and gives none to two flows within a second.
// Method: over plain memory. Ports are tried until they name the buckets that a test wants.
#include "dataplane/core/flow_cache.h"

#include <cstring>
#include <vector>

#include <gtest/gtest.h>

#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::PacketBuilder;

constexpr MacAddress own_mac{{0x02, 0, 0, 0, 0, 1}};
constexpr std::uint64_t seed = 0x0123456789abcdef;
constexpr Tick idle_limit = 10;
constexpr Identity destination{7, 70};
constexpr Identity service{3, 30};

template <typename T>
T read(const Bytes& frame, std::size_t at) {
    T value{};
    std::memcpy(&value, frame.data() + at, sizeof value);
    return value;
}

Packet parsed(const Bytes& frame) {
    Bytes bytes = frame;
    Packet packet;
    EXPECT_EQ(parse({bytes.data(), static_cast<std::uint32_t>(bytes.size())}, own_mac, packet),
              Reason::none);
    return packet;
}

Bytes frame4(std::uint16_t port) {
    return PacketBuilder::tcp(packets::flag::ack)
        .macs(own_mac, own_mac)
        .from("198.51.100.7", port)
        .to("192.0.2.10", 80)
        .build();
}
Bytes frame6(std::uint16_t port) {
    return PacketBuilder::udp()
        .macs(own_mac, own_mac)
        .from("2001:db8:1:2:3:4:5:6", port)
        .to("2001:db8:a:b:c:d:e:f", 53)
        .build();
}

// By the bytes of the packet, as the program does it.
std::uint64_t hash4(const Bytes& frame) {
    return lb_flow_mix(lb_flow_mix(seed, read<std::uint64_t>(frame, 26)),
                       read<std::uint32_t>(frame, 34));
}
std::uint64_t hash6(const Bytes& frame) {
    std::uint64_t hash = seed;
    for (const std::size_t at : {22U, 30U, 38U, 46U})
        hash = lb_flow_mix(hash, read<std::uint64_t>(frame, at));
    return lb_flow_mix(hash, read<std::uint32_t>(frame, 54));
}

class FlowCacheTest : public ::testing::Test {
protected:
    static constexpr std::uint32_t bits4 = 3;
    static constexpr std::uint32_t bits6 = 1;

    // The number'th flow whose two buckets are these.
    static Packet flow(std::uint64_t first, std::uint64_t other, int number) {
        for (std::uint16_t port = 1;; ++port) {
            const Bytes frame = frame4(port);
            const std::uint64_t hash = hash4(frame);
            if (lb_flow_bucket(hash, bits4) == first &&
                lb_flow_other_bucket(hash, bits4) == other && number-- == 0)
                return parsed(frame);
        }
    }
    FlowCache::Way find(const Packet& packet) const {
        return cache_.find_way(packet, idle_limit, now_);
    }
    CacheIndex fill(const Packet& packet) {
        const FlowCache::Way way = find(packet);
        EXPECT_NE(way.index, not_cached);
        EXPECT_EQ(way.owner, FlowCache::nobody);
        cache_.fill(way.index, packet, destination, next_owner_++, service, now_);
        return way.index;
    }
    // All ways of these buckets, by owners from `next_owner_` on.
    void fill_both(std::uint64_t first, std::uint64_t other) {
        for (int number = 0; number < 2 * LB_FLOW_WAYS; ++number)
            fill(flow(first, other, number));
    }
    lb_flow_goal& goal(CacheIndex index) {
        return buckets4_[index / LB_FLOW_WAYS].ways[index % LB_FLOW_WAYS].goal;
    }

    lb_flow_control control_{};
    std::vector<lb_flow4_bucket> buckets4_{1U << bits4};
    std::vector<lb_flow6_bucket> buckets6_{1U << bits6};
    FlowCache cache_{{&control_, buckets4_, buckets6_, seed}};
    FlowCache::Owner next_owner_ = 0;
    Tick now_ = 1000;
};

TEST_F(FlowCacheTest, WritesAFlowOfIpv4AsItLiesInThePacket) {
    const Bytes frame = frame4(40000);
    fill(parsed(frame));
    lb_flow4_bucket& bucket = buckets4_[lb_flow_bucket(hash4(frame), bits4)];
    lb_flow4& flow = bucket.ways[0];
    EXPECT_EQ(flow.addresses_be, read<std::uint64_t>(frame, 26));
    EXPECT_EQ(flow.ports_be, read<std::uint32_t>(frame, 34));
    EXPECT_EQ(LB_PLACE_SLOT(flow.goal.place), destination.slot);
    EXPECT_EQ(LB_PLACE_PROTOCOL(flow.goal.place), 6U);
    EXPECT_EQ(flow.goal.generation, destination.generation);
    EXPECT_EQ(flow.goal.last_seen, 999U) << "the program's time can be late, too";
    flow = {};
    const std::vector<lb_flow4_bucket> zeros(buckets4_.size());
    EXPECT_EQ(std::memcmp(buckets4_.data(), zeros.data(), zeros.size() * sizeof zeros[0]), 0)
        << "nothing else";
}

TEST_F(FlowCacheTest, WritesAFlowOfIpv6AsItLiesInThePacket) {
    const Bytes frame = frame6(40000);
    fill(parsed(frame));
    lb_flow6& flow = buckets6_[lb_flow_bucket(hash6(frame), bits6)].ways[0];
    for (std::size_t word = 0; word < 4; ++word)
        EXPECT_EQ(flow.addresses_be[word], read<std::uint64_t>(frame, 22 + 8 * word));
    EXPECT_EQ(flow.ports_be, read<std::uint32_t>(frame, 54));
    EXPECT_EQ(flow.goal.place, static_cast<std::uint32_t>(LB_PLACE(7, 17)));
    EXPECT_EQ(flow.goal.generation, destination.generation);
    EXPECT_EQ(flow.goal.last_seen, 999U);
    flow = {};
    const std::vector<lb_flow6_bucket> zeros(buckets6_.size());
    EXPECT_EQ(std::memcmp(buckets6_.data(), zeros.data(), zeros.size() * sizeof zeros[0]), 0);
    EXPECT_EQ(std::memcmp(buckets4_.data(), std::vector<lb_flow4_bucket>(8).data(), 1024), 0);
}

TEST_F(FlowCacheTest, FillsOneBucketAfterTheOther) {
    for (int number = 0; number < 2 * LB_FLOW_WAYS; ++number)
        EXPECT_EQ(fill(flow(5, 2, number)), number < 4 ? 20 + number : 8 + number - 4);
    EXPECT_EQ(find(flow(5, 2, 8)).index, not_cached);
    EXPECT_EQ(find(flow(2, 5, 0)).index, not_cached);
    EXPECT_EQ(find(flow(2, 6, 0)).index, 24U);
    EXPECT_EQ(find(flow(5, 5, 0)).index, not_cached);
    EXPECT_EQ(find(parsed(frame6(1))).owner, FlowCache::nobody) << "IPv6 has its own";
    EXPECT_GE(find(parsed(frame6(1))).index, 32U);
}

TEST_F(FlowCacheTest, FillsTheFirstWayThatIsFree) {
    fill_both(5, 2);
    cache_.withdraw(22, now_);
    cache_.withdraw(9, now_);
    now_ += 2;
    EXPECT_EQ(find(flow(5, 2, 8)).index, 22U);
    EXPECT_EQ(find(flow(2, 5, 0)).index, 9U);
}

TEST_F(FlowCacheTest, TakesAFlowOut) {
    const CacheIndex index = fill(flow(5, 2, 0));
    const lb_flow4 before = buckets4_[5].ways[0];
    cache_.withdraw(index, now_ + 3);
    EXPECT_EQ(goal(index).place, static_cast<std::uint32_t>(LB_PLACE_NONE));
    EXPECT_EQ(goal(index).last_seen, now_ + 3) << "when it became free";
    EXPECT_EQ(goal(index).generation, destination.generation);
    EXPECT_EQ(buckets4_[5].ways[0].addresses_be, before.addresses_be);
}

TEST_F(FlowCacheTest, LeavesAWayEmptyForAFullSecond) {
    // Also when the tick wraps.
    std::uint64_t bucket = 0;
    for (const Tick start : {Tick{1000}, Tick{0xfffffffe}, Tick{0xffffffff}}) {
        now_ = start;
        const Packet packet = flow(bucket, bucket, 0);
        ++bucket;
        const CacheIndex index = fill(packet);
        cache_.withdraw(index, now_);
        const CacheIndex second = find(packet).index;
        EXPECT_EQ(second, index + 1) << "one that rests is passed over";
        ++now_;
        EXPECT_EQ(find(packet).index, second);
        ++now_;
        EXPECT_EQ(find(packet).index, index);
    }
}

TEST_F(FlowCacheTest, FillsAtOnceWhatHasNeverBeenFilled) {
    for (const Tick now : {Tick{0}, Tick{1}, Tick{0x80000000}, Tick{0xffffffff}}) {
        now_ = now;
        EXPECT_EQ(find(flow(5, 2, 0)).index, 20U);
    }
}

TEST_F(FlowCacheTest, OffersTheIdlestOfThoseThatAreIdle) {
    fill_both(5, 2);
    const Packet another = flow(5, 2, 8);
    for (const CacheIndex index : {20U, 21U, 22U, 23U, 8U, 9U, 10U, 11U})
        goal(index).last_seen = 1000;
    now_ = 1000 + idle_limit;
    EXPECT_EQ(find(another).index, not_cached);
    EXPECT_EQ(find(another).owner, FlowCache::nobody);
    goal(9).last_seen = 997;
    goal(22).last_seen = 998;
    EXPECT_EQ(find(another).index, 9U);
    EXPECT_EQ(find(another).owner, 5U);
    goal(22).last_seen = 996;
    EXPECT_EQ(find(another).index, 22U);
    EXPECT_EQ(find(another).owner, 2U);
    goal(22).last_seen = goal(9).last_seen = now_;
    EXPECT_EQ(find(another).owner, FlowCache::nobody);
    ++now_;
    EXPECT_EQ(find(another).index, 20U) << "idle_limit and a second";
}

TEST_F(FlowCacheTest, KnowsTheIdlestWhenTheTickWraps) {
    now_ = 0xfffffff0;
    fill_both(5, 2);
    for (const CacheIndex index : {20U, 21U, 22U, 23U, 8U, 9U, 10U, 11U})
        goal(index).last_seen = 3;
    goal(10).last_seen = 0xfffffffd;
    goal(21).last_seen = 0xfffffffe;
    now_ = 8;
    EXPECT_EQ(find(flow(5, 2, 8)).index, 10U);
    now_ = 7;
    EXPECT_EQ(find(flow(5, 2, 8)).index, not_cached);
    now_ = 14;
    EXPECT_EQ(find(flow(5, 2, 8)).index, 10U) << "where all are idle";
}

TEST_F(FlowCacheTest, SendsNobodyAwayWhileAWayIsAboutToBeFree) {
    fill_both(5, 2);
    now_ += 100;
    const Packet another = flow(5, 2, 8);
    const FlowCache::Way idlest = find(another);
    EXPECT_EQ(idlest.owner, 0U);
    cache_.withdraw(idlest.index, now_);
    for (int second = 0; second < 2; ++second, ++now_) {
        EXPECT_EQ(find(another).index, not_cached);
        EXPECT_EQ(find(another).owner, FlowCache::nobody);
    }
    EXPECT_EQ(find(another).index, idlest.index);
    EXPECT_EQ(find(another).owner, FlowCache::nobody);
}

// The program would find the old one, and leave its packets to the worker as long as it is there.
TEST_F(FlowCacheTest, OffersTheSameFlowOfAnotherOwnerFirst) {
    for (int number = 0; number < 3; ++number)
        fill(flow(5, 2, number));
    EXPECT_EQ(find(flow(5, 2, 1)).index, 21U);
    EXPECT_EQ(find(flow(5, 2, 1)).owner, 1U);
    Packet other_protocol = flow(5, 2, 1);
    other_protocol.protocol = Protocol::udp;
    EXPECT_EQ(find(other_protocol).index, 23U);
    EXPECT_EQ(find(other_protocol).owner, FlowCache::nobody);

    const Packet packet6 = parsed(frame6(40000));
    const CacheIndex index6 = fill(packet6);
    EXPECT_EQ(find(packet6).index, index6);
    EXPECT_EQ(find(packet6).owner, 3U);
    for (std::uint16_t port = 1; port < 100; ++port)
        EXPECT_EQ(find(parsed(frame6(port))).owner, FlowCache::nobody);
}

TEST_F(FlowCacheTest, KnowsWhatItHolds) {
    EXPECT_TRUE(cache_.exists());
    EXPECT_EQ(cache_.capacity(), (8U + 2U) * LB_FLOW_WAYS);
    EXPECT_EQ(cache_.size(), 0U);
    const CacheIndex first = fill(flow(5, 2, 0));
    const CacheIndex second = fill(parsed(frame6(1)));
    EXPECT_EQ(cache_.size(), 2U);
    EXPECT_EQ(cache_.service(first), service);
    EXPECT_EQ(cache_.service(second), service);
    goal(first).last_seen = 1234;
    EXPECT_EQ(cache_.last_seen(first), 1234U);
    cache_.withdraw(first, now_);
    EXPECT_EQ(cache_.size(), 1U);
    cache_.withdraw(second, now_);
    EXPECT_EQ(cache_.size(), 0U);
}

TEST_F(FlowCacheTest, TellsTheProgramTheTimeAndWhenToStandAside) {
    cache_.set_tick(77);
    EXPECT_EQ(control_.tick, 77U);
    cache_.set_tick(76);
    EXPECT_EQ(control_.tick, 76U);
    EXPECT_EQ(control_.bypassed, 0U);
    cache_.set_bypassed(true);
    EXPECT_EQ(control_.bypassed, 1U);
    cache_.set_bypassed(false);
    EXPECT_EQ(control_.bypassed, 0U);
}

TEST(NoFlowCache, DoesNothing) {
    FlowCache cache{{}};
    EXPECT_FALSE(cache.exists());
    EXPECT_EQ(cache.capacity(), 0U);
    EXPECT_EQ(cache.size(), 0U);
    cache.set_tick(1);
    cache.set_bypassed(true);
}

}  // namespace
}  // namespace headgate::dataplane
