// Goal: a worker gives every frame back to its port in exactly one way, as the core decided, and
// takes a new table while it runs without losing a frame or a connection.
// Method: the real worker and core over the memory port; then the worker's own thread over a port
// that never runs dry, while this thread publishes and reads counters (also under TSan).
#include "dataplane/worker.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/port/memory.h"
#include "tests/packets/corpus.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::ip;
using packets::mac;
using packets::PacketBuilder;

const MacAddress own_mac = mac("02:00:00:00:00:01");
const MacAddress client_mac = mac("02:00:00:00:00:02");
const MacAddress server_mac = mac("02:00:00:00:00:21");
constexpr Tick start_tick = 100;

Bytes to_service(std::uint8_t tcp_flags, std::uint16_t client_port) {
    return PacketBuilder::tcp(tcp_flags)
        .macs(own_mac, client_mac)
        .from("198.51.100.7", client_port)
        .to("192.0.2.10", 80)
        .build();
}

ForwardingConfig config_with(std::size_t servers) {
    ForwardingConfig config;
    config.interface_macs = {own_mac};
    ServiceConfig service;
    service.endpoint = {ip("192.0.2.10"), 80};
    for (std::size_t index = 0; index < servers; ++index) {
        DestinationConfig destination;
        destination.endpoint = {ip("192.0.2." + std::to_string(21 + index)), 80};
        destination.mac = server_mac;
        destination.mac->bytes[5] = static_cast<std::uint8_t>(0x21 + index);
        service.destinations.push_back(destination);
    }
    config.services.push_back(service);
    return config;
}

CoreOptions small_core() {
    CoreOptions options;
    options.connections_max = 4096;
    return options;
}

MacAddress destination_of(const Bytes& frame) {
    MacAddress address;
    std::copy_n(frame.begin(), 6, address.bytes.begin());
    return address;
}

class WorkerTest : public ::testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(publisher_.publish(config_with(1))); }

    MemoryPort& make_worker(std::uint32_t transmit_room = burst_max) {
        auto port = std::make_unique<MemoryPort>(transmit_room);
        MemoryPort& memory = *port;
        worker_ = std::make_unique<Worker>(std::move(port), publisher_.reader(0), persistence_,
                                           small_core());
        return memory;
    }

    PersistenceTable persistence_{1024, HashSeed{}};
    Publisher publisher_{1};
    std::unique_ptr<Worker> worker_;
};

TEST_F(WorkerTest, SendsAFragmentThatWaitedBehindTheFirst) {
    MemoryPort& port = make_worker();
    const auto fragment = [](std::uint16_t flags_and_offset, PacketBuilder packet) {
        return packet.fragment(flags_and_offset)
            .macs(own_mac, client_mac)
            .from("198.51.100.7", 1000)
            .to("192.0.2.10", 80)
            .build();
    };
    const Bytes later = fragment(0x000a, PacketBuilder::raw(6, Bytes(64, 7)));
    const Bytes first = fragment(0x2000, PacketBuilder::tcp(packets::flag::syn).payload(60));
    port.push(later);
    EXPECT_TRUE(worker_->run_once(start_tick));
    EXPECT_TRUE(port.transmitted().empty());
    port.push(first);
    EXPECT_TRUE(worker_->run_once(start_tick));
    ASSERT_EQ(port.transmitted().size(), 2U);
    EXPECT_EQ(port.transmitted()[0].size(), first.size());
    EXPECT_EQ(port.transmitted()[1].size(), later.size());
    for (const Bytes& frame : port.transmitted())
        EXPECT_EQ(destination_of(frame), server_mac);
    EXPECT_EQ(port.outstanding(), 0U);
    EXPECT_EQ(port.counters().tx_packets.get(), 2U);
}

TEST_F(WorkerTest, SendsByAnotherInterfaceWhatIsReachedByIt) {
    MemoryPort& port = make_worker();
    constexpr int other = 7;
    const MacAddress other_mac = mac("02:00:00:00:07:01");
    ForwardingConfig config = config_with(2);
    config.services[0].destinations[0].egress = EgressConfig{other, "eth1", other_mac, 1500, true};
    ASSERT_TRUE(publisher_.publish(config));
    for (std::uint16_t client = 0; client < 10; ++client)
        port.push(to_service(packets::flag::syn, static_cast<std::uint16_t>(1000 + client)));
    const Bytes waiting = PacketBuilder::raw(6, Bytes(64, 7))
                              .fragment(0x000a)
                              .macs(own_mac, client_mac)
                              .from("198.51.100.7", 1000)
                              .to("192.0.2.10", 80)
                              .build();
    port.push(waiting);
    EXPECT_TRUE(worker_->run_once(start_tick));
    EXPECT_EQ(port.transmitted().size(), 5U);
    ASSERT_EQ(port.transmitted_by(other).size(), 5U);
    for (const Bytes& frame : port.transmitted_by(other)) {
        EXPECT_EQ(destination_of(frame), server_mac);
        EXPECT_TRUE(std::equal(other_mac.bytes.begin(), other_mac.bytes.end(), frame.begin() + 6));
    }
    EXPECT_EQ(port.outstanding(), 0U);
    EXPECT_EQ(port.counters().tx_packets.get(), 5U) << "of its own interface";
    // The first fragment follows the connection that its packet would have begun.
    config.services[0].destinations.pop_back();
    ASSERT_TRUE(publisher_.publish(config));
    port.push(PacketBuilder::tcp(packets::flag::syn)
                  .payload(60)
                  .fragment(0x2000)
                  .macs(own_mac, client_mac)
                  .from("198.51.100.7", 1000)
                  .to("192.0.2.10", 80)
                  .build());
    EXPECT_TRUE(worker_->run_once(start_tick));
    ASSERT_EQ(port.transmitted_by(other).size(), 7U) << "and what has waited for it";
    EXPECT_EQ(port.transmitted().size(), 5U);
}

TEST_F(WorkerTest, HasNothingToDoWithoutFrames) {
    make_worker();
    EXPECT_FALSE(worker_->run_once(start_tick));
}

TEST_F(WorkerTest, ForwardsPassesAndDropsAsTheCoreDecides) {
    MemoryPort& port = make_worker();
    const Bytes forwarded = to_service(packets::flag::syn, 1000);
    const Bytes passed = to_service(packets::flag::ack, 2000);
    Bytes dropped = to_service(packets::flag::syn, 3000);
    dropped.resize(14 + 10);
    port.push(forwarded);
    port.push(passed);
    port.push(dropped);
    EXPECT_TRUE(worker_->run_once(start_tick));
    EXPECT_EQ(port.outstanding(), 0U);

    ASSERT_EQ(port.transmitted().size(), 1U);
    EXPECT_EQ(destination_of(port.transmitted()[0]), server_mac);
    Bytes expected = forwarded;
    packets::take_hop(expected, port.transmitted()[0].data());
    EXPECT_EQ(port.transmitted()[0], expected)
        << "direct routing changes nothing but MAC addresses and the hop";
    ASSERT_EQ(port.passed_to_kernel().size(), 1U);
    EXPECT_EQ(port.passed_to_kernel()[0], passed) << "the kernel gets what came in";
    EXPECT_EQ(port.counters().rx_packets.get(), 3U);
    EXPECT_EQ(port.counters().tx_packets.get(), 1U);
    EXPECT_EQ(port.counters().kernel_packets.get(), 1U);
}

TEST_F(WorkerTest, TakesMoreThanABurstInSeveralPasses) {
    MemoryPort& port = make_worker();
    for (std::uint16_t client = 0; client < 150; ++client)
        port.push(to_service(packets::flag::syn, static_cast<std::uint16_t>(1000 + client)));
    int passes = 0;
    while (worker_->run_once(start_tick))
        ++passes;
    EXPECT_EQ(passes, 3);
    EXPECT_EQ(port.transmitted().size(), 150U);
    EXPECT_EQ(worker_->core().flows(), 150U);
}

TEST_F(WorkerTest, CountsWhatFindsTheTransmitRingFullAndKeepsNoBuffer) {
    MemoryPort& port = make_worker(4);
    for (std::uint16_t client = 0; client < 10; ++client)
        port.push(to_service(packets::flag::syn, static_cast<std::uint16_t>(1000 + client)));
    EXPECT_TRUE(worker_->run_once(start_tick));
    EXPECT_EQ(port.transmitted().size(), 4U);
    EXPECT_EQ(port.counters().tx_dropped.get(), 6U);
    EXPECT_EQ(port.outstanding(), 0U);
}

TEST_F(WorkerTest, KeepsConnectionsWhereTheyAreWhenAServerIsAdded) {
    MemoryPort& port = make_worker();
    for (std::uint16_t client = 0; client < 20; ++client)
        port.push(to_service(packets::flag::syn, static_cast<std::uint16_t>(1000 + client)));
    EXPECT_TRUE(worker_->run_once(start_tick));
    ASSERT_TRUE(publisher_.publish(config_with(2)));
    for (std::uint16_t client = 0; client < 20; ++client)
        port.push(to_service(packets::flag::ack, static_cast<std::uint16_t>(1000 + client)));
    EXPECT_TRUE(worker_->run_once(start_tick));
    ASSERT_EQ(port.transmitted().size(), 40U);
    for (const Bytes& frame : port.transmitted())
        EXPECT_EQ(destination_of(frame), server_mac);
}

TEST_F(WorkerTest, ExpiresConnectionsWithoutTraffic) {
    MemoryPort& port = make_worker();
    port.push(to_service(packets::flag::syn, 1000));
    EXPECT_TRUE(worker_->run_once(start_tick));
    EXPECT_EQ(worker_->core().flows(), 1U);
    for (Tick now = start_tick; now < start_tick + 200; ++now)
        worker_->run_once(now);
    EXPECT_EQ(worker_->core().flows(), 0U);
}

TEST_F(WorkerTest, StopsWhileItSleeps) {
    make_worker();
    worker_->start("test");
    worker_->stop();
    worker_->stop();
}

// Yields the same burst of established connections again and again, until told to stop.
class EndlessPort final : public Port {
public:
    explicit EndlessPort(const std::vector<Bytes>& frames) : originals_(frames) {}

    std::atomic<bool> dry{false};

    void rx_burst(Burst& burst) override {
        burst.count = 0;
        if (dry.load(std::memory_order_relaxed))
            return;
        frames_ = originals_;
        for (Bytes& frame : frames_)
            burst.frames[burst.count++] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
        counters_.rx_packets.add(burst.count);
    }
    void tx_burst(const Burst& burst) override { counters_.tx_packets.add(sent(burst)); }
    void to_kernel(const Burst& burst) override {
        counters_.kernel_packets.add(burst.count - sent(burst));
    }
    void release(const Burst&) override {}
    void tx_elsewhere(const Burst&) override {}
    void tx_copies(std::span<const Frame>, std::span<const int>) override {}
    void wait(int, std::chrono::milliseconds) override { std::this_thread::yield(); }

private:
    static std::uint64_t sent(const Burst& burst) {
        return static_cast<std::uint64_t>(std::count(
            burst.verdicts.begin(), burst.verdicts.begin() + burst.count, Verdict::transmit));
    }

    std::vector<Bytes> originals_;
    std::vector<Bytes> frames_;
};

TEST(WorkerThread, LosesNothingWhileTablesArePublished) {
    PersistenceTable persistence(1024, HashSeed{});
    Publisher publisher(1);
    ASSERT_TRUE(publisher.publish(config_with(1)));
    std::vector<Bytes> frames;
    for (std::uint16_t client = 0; client < burst_max; ++client)
        frames.push_back(to_service(packets::flag::syn, static_cast<std::uint16_t>(1000 + client)));
    auto port = std::make_unique<EndlessPort>(frames);
    EndlessPort& endless = *port;
    Worker worker(std::move(port), publisher.reader(0), persistence, small_core());
    worker.start("test");
    for (std::size_t round = 0; round < 200; ++round) {
        ASSERT_TRUE(publisher.publish(config_with(1 + round % 3)));
        // Each table meets packets before the next one.
        const std::uint64_t seen = worker.core().counters().get(Reason::none);
        while (worker.core().counters().get(Reason::none) == seen)
            std::this_thread::yield();
    }
    endless.dry = true;
    worker.stop();
    const PortCounters& counters = endless.counters();
    EXPECT_GT(counters.rx_packets.get(), 0U);
    EXPECT_EQ(counters.tx_packets.get(), counters.rx_packets.get());
    EXPECT_EQ(counters.kernel_packets.get(), 0U);
    EXPECT_EQ(publisher.reclaim(), 0U) << "a worker that has stopped holds no snapshot";
}

// ---- questions about connections ----

class ScanTest : public WorkerTest {
protected:
    void SetUp() override {
        WorkerTest::SetUp();
        MemoryPort& port = make_worker();
        for (std::uint16_t client = 1; client <= 40; ++client)
            port.push(to_service(packets::flag::syn, client));
        worker_->run_once(tick_of(std::chrono::steady_clock::now()));
    }
    bool answered(int milliseconds) const {
        pollfd fd{done_.get(), POLLIN, 0};
        return ::poll(&fd, 1, milliseconds) == 1;
    }

    Fd done_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
};

TEST_F(ScanTest, AreAnsweredInPiecesBetweenBursts) {
    FlowScan scan({}, 10, false);
    worker_->post(scan, done_.get());
    int pieces = 1;
    while (worker_->run_once(start_tick))
        ++pieces;
    EXPECT_EQ(pieces, 5) << "4096 nodes in four pieces, then nothing to do";
    EXPECT_TRUE(answered(0));
    EXPECT_TRUE(scan.finished());
    EXPECT_EQ(scan.matched(), 40U);
}

TEST_F(ScanTest, AreAnsweredByAThreadThatSleeps) {
    worker_->start("scan");
    for (int round = 0; round < 20; ++round) {
        FlowScan scan({}, 10, false);
        worker_->post(scan, done_.get());
        while (!scan.finished())
            ASSERT_TRUE(answered(10'000));
        EXPECT_EQ(scan.matched(), 40U);
        std::uint64_t answers = 0;
        static_cast<void>(::read(done_.get(), &answers, sizeof answers));
    }
    worker_->stop();
}

TEST_F(ScanTest, AreFinishedByAWorkerThatStops) {
    FlowScan scan({}, 10, false);
    worker_->start("scan");
    worker_->stop();
    worker_->post(scan, done_.get());
    worker_.reset();
    EXPECT_TRUE(scan.finished());
    EXPECT_TRUE(answered(0));
}

}  // namespace
}  // namespace headgate::dataplane
