// Goal: several workers together keep to the bounds that scheduler.h and load.h state, and draws
// follow the weights.
// Method: cores over one publisher; in turns where the order must be known, as threads where the
// bound is about what they do not see of each other.
#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

using Counts = std::vector<std::uint64_t>;

class Workers {
public:
    Workers(std::uint32_t count, Scheduler scheduler, std::vector<DestinationConfig> destinations)
        : publisher(count), persistence(64, {}) {
        config.interface_macs = {director};
        ServiceConfig& service = config.services.emplace_back();
        service.endpoint = {packets::ip("192.0.2.10"), 80};
        service.scheduler = scheduler;
        service.destinations = std::move(destinations);
        check(publisher.publish(config).has_value(), "the test's configuration is right");
        for (std::uint32_t worker = 0; worker < count; ++worker)
            cores.push_back(std::make_unique<Core>(CoreOptions{.connections_max = 1U << 16U,
                                                               .worker_index = worker,
                                                               .worker_count = count,
                                                               .seed = {}},
                                                   persistence));
    }

    // `connections` begin in bursts of `burst_size`, of clients that no other worker has.
    void open(std::uint32_t worker, std::uint32_t connections, std::uint32_t burst_size) {
        std::vector<packets::Bytes> frames(burst_size);
        for (std::uint32_t made = 0; made < connections; made += burst_size) {
            Burst burst;
            burst.count = std::min(burst_size, connections - made);
            for (std::uint32_t index = 0; index < burst.count; ++index) {
                frames[index] = packets::PacketBuilder::tcp(flag::syn)
                                    .macs(director, Rig::mac_of(200))
                                    .from(Rig::client_endpoint(worker << 20U | next_client++, 1))
                                    .to("192.0.2.10", 80)
                                    .build();
                burst.frames[index] = {frames[index].data(),
                                       static_cast<std::uint32_t>(frames[index].size())};
            }
            cores[worker]->process(publisher.reader(worker).current(), burst, 1000);
        }
    }

    [[nodiscard]] Counts connections() const {
        std::vector<const Core*> all;
        all.reserve(cores.size());
        for (const auto& core : cores)
            all.push_back(core.get());
        Counts counts;
        const ForwardingStats stats = collect_stats(publisher.latest(), all);
        for (const TrafficStats& destination : stats.services[0].destinations)
            counts.push_back(destination.connections);
        return counts;
    }

    ForwardingConfig config;
    Publisher publisher;
    PersistenceTable persistence;
    std::vector<std::unique_ptr<Core>> cores;
    std::atomic<std::uint32_t> next_client{0};
};

std::uint64_t distance(const Counts& counts) {
    return *std::ranges::max_element(counts) - *std::ranges::min_element(counts);
}

TEST(ManyWorkers, RoundsAreApartByLessThanARoundOfEachWorker) {
    constexpr std::uint32_t workers = 4;
    Workers rig(workers, Scheduler::rr, Rig::destinations(6));
    for (std::uint32_t turn = 1; turn < 200; ++turn) {
        rig.open(turn % workers, turn % 7, 8);
        EXPECT_LE(distance(rig.connections()), workers);
    }
}

TEST(ManyWorkers, OnePickEachSpreadsOverTheRound) {
    constexpr std::uint32_t workers = 4;
    Workers rig(workers, Scheduler::rr, Rig::destinations(4));
    for (std::uint32_t worker = 0; worker < workers; ++worker)
        rig.open(worker, 1, 1);
    EXPECT_EQ(rig.connections(), (Counts{1, 1, 1, 1}));
}

TEST(ManyWorkers, InTurnsLeastConnectionsIsAsExactAsWithOne) {
    constexpr std::uint32_t workers = 3;
    Workers rig(workers, Scheduler::wlc, {Rig::destination(1, 1), Rig::destination(2, 2)});
    for (std::uint32_t turn = 0; turn < 30; ++turn)
        rig.open(turn % workers, 20, burst_max);
    EXPECT_EQ(rig.connections(), (Counts{200, 400}));
}

TEST(ManyWorkers, AtOnceLeastConnectionsMissesAtMostABurstOfEachOther) {
    constexpr std::uint32_t workers = 3;
    Workers rig(workers, Scheduler::lc, Rig::destinations(5));
    std::vector<std::thread> threads;
    for (std::uint32_t worker = 0; worker < workers; ++worker)
        threads.emplace_back([&rig, worker] { rig.open(worker, 64 * 50, burst_max); });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_LE(distance(rig.connections()), 1 + (workers - 1) * burst_max);
}

TEST(ManyWorkers, AThresholdIsExceededByAtMostOneConnectionOfEachOther) {
    constexpr std::uint32_t workers = 3;
    constexpr std::uint32_t threshold = 1000;
    DestinationConfig limited = Rig::destination(1, 1000);
    limited.connections_upper = threshold;
    Workers rig(workers, Scheduler::wlc, {limited, Rig::destination(2, 1)});
    std::vector<std::thread> threads;
    for (std::uint32_t worker = 0; worker < workers; ++worker)
        threads.emplace_back([&rig, worker] { rig.open(worker, 64 * 20, burst_max); });
    for (std::thread& thread : threads)
        thread.join();
    EXPECT_GE(rig.connections()[0], threshold);
    EXPECT_LE(rig.connections()[0], threshold + workers - 1);
}

TEST(ManyWorkers, SourceHashNeedsNoAgreement) {
    constexpr std::uint32_t workers = 2;
    for (const Scheduler scheduler : {Scheduler::sh, Scheduler::mh}) {
        Workers rig(workers, scheduler, Rig::destinations(5));
        for (std::uint32_t worker = 0; worker < workers; ++worker) {
            rig.next_client = 0;
            std::swap(rig.cores[0], rig.cores[worker]);
            rig.open(0, 500, burst_max);  // the same clients for both
            std::swap(rig.cores[0], rig.cores[worker]);
        }
        const Core* one[] = {rig.cores[0].get()};
        const Core* other[] = {rig.cores[1].get()};
        const ForwardingStats a = collect_stats(rig.publisher.latest(), one);
        const ForwardingStats b = collect_stats(rig.publisher.latest(), other);
        for (std::size_t server = 0; server < 5; ++server)
            EXPECT_EQ(a.services[0].destinations[server].connections,
                      b.services[0].destinations[server].connections);
    }
}

// Two draws, the less loaded wins: the maximum lies within a few connections of the mean, where a
// single draw would be off by tens (Mitzenmacher 2001); and it follows the weights.
TEST(PowerOfTwo, KeepsCloserToTheMeanThanASingleDraw) {
    Workers rig(1, Scheduler::twos, Rig::destinations(10));
    rig.open(0, 10'000, burst_max);
    const Counts counts = rig.connections();
    EXPECT_LT(distance(counts), 12U);
    EXPECT_NE(distance(counts), 0U) << "it draws";
}

TEST(PowerOfTwo, FollowsTheWeights) {
    Workers rig(1, Scheduler::twos,
                {Rig::destination(1, 1), Rig::destination(2, 3), Rig::destination(3, 0)});
    rig.open(0, 8000, burst_max);
    const Counts counts = rig.connections();
    EXPECT_NEAR(static_cast<double>(counts[0]), 2000.0, 40.0);
    EXPECT_NEAR(static_cast<double>(counts[1]), 6000.0, 40.0);
    EXPECT_EQ(counts[2], 0U);
}

TEST(PowerOfTwo, FindsTheOnlyOneThatIsNotOverloaded) {
    std::vector<DestinationConfig> servers = Rig::destinations(50);
    for (DestinationConfig& server : servers)
        server.connections_upper = 1;
    servers[17].connections_upper = 0;
    Workers rig(1, Scheduler::twos, servers);
    rig.open(0, 500, 1);
    const Counts counts = rig.connections();
    EXPECT_EQ(counts[17], 451U);
}

}  // namespace
}  // namespace headgate::dataplane
