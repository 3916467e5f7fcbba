// Goal: flows in the cache whose real server is behind another interface are redirected there, with
// the bytes that the core would send, and only what that interface takes; everything else is the
// worker's, also when the interface is gone. Method: as in flow_cache_test.cc, with a veth as the
// other interface. Needs root.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "tests/bpf/flow_cache_rig.h"

namespace headgate::dataplane {
namespace {

const MacAddress other_mac = packets::mac("02:00:00:00:07:01");

class RedirectTest : public FlowCacheTest {
protected:
    void SetUp() override {
        FlowCacheTest::SetUp();
        if (IsSkipped())
            return;
        ASSERT_EQ(std::system("ip link add hgr type veth peer name hgs"), 0);
        other_ = static_cast<int>(::if_nametoindex("hgr"));
        send_by(1400);
    }
    void TearDown() override { std::system("ip link del hgr 2>/dev/null"); }

    void send_by(std::uint32_t mtu, bool takes_redirects = true) {
        for (ServiceConfig& service : config_.services) {
            for (DestinationConfig& destination : service.destinations)
                destination.egress = EgressConfig{other_, "hgr", other_mac, mtu, takes_redirects};
        }
        publish();
    }

    static std::vector<PacketBuilder> of_every_flow() {
        return {segment(flag::ack), segment6(flag::ack), datagram(), datagram6()};
    }

    int other_ = 0;
};

TEST_F(RedirectTest, SendsByTheOtherInterfaceAsTheCoreDoes) {
    establish(XDP_REDIRECT);
    for (const auto is_generic : {0U, 1U}) {
        steering_->flow_controls()[0].is_generic = is_generic;
        for (const PacketBuilder& packet : of_every_flow()) {
            expect_forwarded(packet, XDP_REDIRECT);
            expect_forwarded(PacketBuilder(packet).payload(1300), XDP_REDIRECT);
            const Bytes frame = program(packet).frame;
            EXPECT_TRUE(
                std::equal(other_mac.bytes.begin(), other_mac.bytes.end(), frame.begin() + 6));
        }
    }
    EXPECT_EQ(destinations_->packets(), 2U * 4 * 3);
}

TEST_F(RedirectTest, LeavesToTheWorkerWhatIsTooLongForTheWay) {
    establish(XDP_REDIRECT);
    for (const auto& [packet, headers] : {std::pair{segment(flag::ack), 40},
                                          {datagram(), 28},
                                          {segment6(flag::ack), 60},
                                          {datagram6(), 48}}) {
        const auto room = static_cast<std::size_t>(1400 - headers);
        expect_forwarded(PacketBuilder(packet).payload(room), XDP_REDIRECT);
        expect_left(PacketBuilder(packet).payload(room + 1));
    }
}

TEST_F(RedirectTest, LeavesToTheWorkerFlowsOfADestinationThatIsGone) {
    establish(XDP_REDIRECT);
    for (ServiceConfig& service : config_.services) {
        for (DestinationConfig& destination : service.destinations)
            destination.endpoint.address =
                packets::ip(destination.endpoint.address.is_v4() ? "10.0.0.9" : "fc00::9");
        service.destinations.pop_back();
    }
    publish();
    for (const PacketBuilder& packet : of_every_flow())
        expect_left(packet);
}

TEST_F(RedirectTest, LeavesToTheWorkerWhatTheDriverDoesNotTake) {
    establish(XDP_REDIRECT);
    send_by(1400, false);
    for (const PacketBuilder& packet : of_every_flow())
        expect_left(packet);
    send_by(1400);
    for (const PacketBuilder& packet : of_every_flow())
        expect_forwarded(packet, XDP_REDIRECT);
}

// Before the control thread has heard of it.
TEST_F(RedirectTest, LeavesToTheWorkerWhatAnInterfaceThatIsGoneWouldGet) {
    establish(XDP_REDIRECT);
    ASSERT_EQ(std::system("ip link del hgr"), 0);
    for (const PacketBuilder& packet : of_every_flow())
        expect_left(packet);
    // One with the same number is another.
    const std::string number = std::to_string(other_);
    ASSERT_EQ(std::system(("ip link add hgr index " + number + " type veth peer name hgs").c_str()),
              0);
    for (const PacketBuilder& packet : of_every_flow())
        expect_left(packet);
    publish();
    for (const PacketBuilder& packet : of_every_flow())
        expect_forwarded(packet, XDP_REDIRECT);
}

TEST_F(RedirectTest, FollowsADestinationFromOneInterfaceToAnother) {
    establish(XDP_REDIRECT);
    for (ServiceConfig& service : config_.services) {
        for (DestinationConfig& destination : service.destinations)
            destination.egress.reset();
    }
    publish();
    for (const PacketBuilder& packet : of_every_flow())
        expect_forwarded(packet, XDP_TX);
    send_by(1400);
    for (const PacketBuilder& packet : of_every_flow())
        expect_forwarded(packet, XDP_REDIRECT);
}

}  // namespace
}  // namespace headgate::dataplane
