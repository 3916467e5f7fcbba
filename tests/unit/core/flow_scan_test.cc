// Goal: a scan lists and counts exactly the connections that match, in bounded pieces, ends them
// when it is told to, and disturbs no other.
#include "dataplane/core/flow_scan.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

class FlowScans : public ::testing::Test {
protected:
    FlowScans() : rig(10'000) {
        rig.add_service().destinations = Rig::destinations(2);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(2);
        rig.publish();
        for (std::uint32_t client = 0; client < 100; ++client)
            rig.establish(client);
        rig.send_udp(7);
    }
    // Runs the scan to its end; returns the number of pieces.
    int run(FlowScan& scan) {
        int pieces = 1;
        while (!rig.core.scan(rig.publisher.latest(), scan, rig.now))
            ++pieces;
        return pieces;
    }
    std::uint64_t matched(FlowFilter filter) {
        FlowScan scan(std::move(filter), 10, false);
        run(scan);
        return scan.matched();
    }
    [[nodiscard]] const Snapshot& snapshot() const { return rig.publisher.latest(); }
    [[nodiscard]] std::uint32_t service(std::size_t number) const {
        return snapshot().service(snapshot().slots()[number].service).generation;
    }
    [[nodiscard]] Identity destination(std::size_t number, std::size_t server) const {
        const Slot slot = snapshot().slots()[number].destinations[server];
        return {slot, snapshot().destination(slot).generation};
    }
    static FlowFilter of_client(std::uint32_t number, std::uint8_t length) {
        const auto mapped = static_cast<std::uint8_t>(mapped_prefix_length + length);
        return {.client = masked(wide_v4(Be32(0x0a010000U + number)), mapped),
                .client_prefix_length = mapped};
    }

    Rig rig;
};

TEST_F(FlowScans, WithoutAFilterFindEverything) {
    FlowScan scan({}, 1000, false);
    EXPECT_EQ(run(scan), 10) << "10 000 nodes, 1024 in a piece";
    EXPECT_EQ(scan.matched(), 101U);
    EXPECT_EQ(scan.records().size(), 101U);
    EXPECT_EQ(rig.core.flows(), 101U);
}

TEST_F(FlowScans, ListNoMoreThanTheLimitAndCountAll) {
    FlowScan scan({}, 3, false);
    run(scan);
    EXPECT_EQ(scan.records().size(), 3U);
    EXPECT_EQ(scan.matched(), 101U);
}

TEST_F(FlowScans, FilterByClientServiceAndDestination) {
    EXPECT_EQ(matched(of_client(7, 32)), 2U);
    EXPECT_EQ(matched(of_client(64, 27)), 32U);
    EXPECT_EQ(matched({.service = service(0)}), 100U);
    EXPECT_EQ(matched({.service = service(1)}), 1U);
    EXPECT_EQ(matched({.any_destination = false}), 0U);
    EXPECT_EQ(matched({.any_destination = false, .destinations = {destination(0, 1)}}), 50U);
    Identity other = destination(0, 1);
    ++other.generation;
    EXPECT_EQ(matched({.any_destination = false, .destinations = {other}}), 0U);
    FlowFilter both = of_client(7, 32);
    both.service = service(1);
    EXPECT_EQ(matched(both), 1U);
}

TEST_F(FlowScans, TellWhatIsKnownAboutAConnection) {
    rig.wait(50);
    FlowFilter filter = of_client(7, 32);
    filter.service = service(0);
    FlowScan scan(filter, 5, false);
    run(scan);
    ASSERT_EQ(scan.records().size(), 1U);
    const FlowRecord& flow = scan.records()[0];
    EXPECT_EQ(flow.client, wide_v4(Be32(0x0a010007U)));
    EXPECT_EQ(flow.client_port.host(), 40000);
    EXPECT_EQ(flow.service, service(0));
    EXPECT_EQ(flow.destination, destination(0, 1));
    EXPECT_EQ(flow.state, ConnectionState::established);
    EXPECT_FALSE(flow.persistent);
    EXPECT_EQ(flow.expires_s, 850U);
}

TEST_F(FlowScans, LeaveOutWhatIsOver) {
    rig.now += 301;  // the wheel has not turned
    EXPECT_EQ(matched({}), 100U);
}

TEST_F(FlowScans, EndWhatMatchesAndNothingElse) {
    FlowScan scan({.any_destination = false, .destinations = {destination(0, 1)}}, 0, true);
    run(scan);
    EXPECT_EQ(scan.matched(), 50U);
    EXPECT_EQ(rig.core.flows(), 51U);
    EXPECT_EQ(rig.events(Event::connection_ended), 50U);
    EXPECT_EQ(rig.stats().services[0].destinations[1].active_connections, 0U);
    EXPECT_EQ(snapshot().load(destination(0, 1).slot).count().total(), 0U);
    EXPECT_EQ(rig.send_tcp(0, flag::ack).reason, Reason::none);
    EXPECT_EQ(rig.send_tcp(1, flag::ack).reason, Reason::no_connection);
}

}  // namespace
}  // namespace headgate::dataplane
