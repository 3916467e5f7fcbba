// Goal: the steering program sends exactly the packets of services to the workers, whatever bytes
// come in. Method: the real program, loaded by the code that loads it in production, attached to
// the loopback interface of a network namespace of its own, run over frames by BPF_PROG_TEST_RUN.
// Needs root.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fd.h"
#include "dataplane/port/afxdp.h"
#include "dataplane/port/steering.h"

namespace headgate::dataplane {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr int loopback_ifindex = 1;

const SteeredService web{{*IpAddress::parse("192.0.2.10"), 80}, 6};

// Ethernet, IPv4 and TCP or UDP to 192.0.2.10:80, with what a case changes.
struct Fields {
    std::uint16_t ether_type = 0x0800;
    std::uint8_t version_ihl = 0x45;
    std::uint16_t fragment = 0;
    std::uint8_t protocol = 6;
    std::array<std::uint8_t, 4> destination{192, 0, 2, 10};
    std::uint16_t port = 80;
    std::size_t option_bytes = 0;
};

void put16(Bytes& bytes, std::uint16_t value) {
    bytes.push_back(static_cast<std::uint8_t>(value >> 8U));
    bytes.push_back(static_cast<std::uint8_t>(value));
}

Bytes frame_of(const Fields& fields) {
    Bytes bytes{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
    put16(bytes, fields.ether_type);
    bytes.push_back(fields.version_ihl);
    bytes.push_back(0);
    put16(bytes, static_cast<std::uint16_t>(40 + fields.option_bytes));
    put16(bytes, 1);
    put16(bytes, fields.fragment);
    bytes.push_back(64);
    bytes.push_back(fields.protocol);
    put16(bytes, 0);
    bytes.insert(bytes.end(), {198, 51, 100, 7});
    bytes.insert(bytes.end(), fields.destination.begin(), fields.destination.end());
    bytes.insert(bytes.end(), fields.option_bytes, 1);
    put16(bytes, 40000);
    put16(bytes, fields.port);
    bytes.insert(bytes.end(), 16, 0);
    return bytes;
}

class SteerTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0)
            return;
        ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        // Up, or no socket can be bound.
        const Fd socket(::socket(AF_INET, SOCK_DGRAM, 0));
        ifreq request{};
        std::string("lo").copy(request.ifr_name, IFNAMSIZ - 1);
        request.ifr_flags = IFF_UP;
        ASSERT_EQ(::ioctl(socket.get(), SIOCSIFFLAGS, &request), 0);
    }

    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        auto attached = Steering::attach("lo", loopback_ifindex, 1, XdpMode::automatic);
        ASSERT_TRUE(attached) << attached.error().message;
        steering_ = std::move(*attached);
        ASSERT_TRUE(steering_->add_service(web));
    }

    std::uint32_t run(const Bytes& frame) {
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<std::uint32_t>(frame.size());
        options.repeat = 1;
        EXPECT_EQ(bpf_prog_test_run_opts(steering_->program_fd(), &options), 0);
        return options.retval;
    }

    // Runs the program and expects that it counted exactly this.
    void expect_passed(const Bytes& frame, lb_steer_counter counter) {
        const SteerCounts before = steering_->counts();
        EXPECT_EQ(run(frame), XDP_PASS);
        SteerCounts expected = before;
        ++expected[counter];
        EXPECT_EQ(steering_->counts(), expected) << "wanted " << steer_counter_name(counter);
    }

    std::unique_ptr<Steering> steering_;
};

TEST_F(SteerTest, RunsInGenericModeWhereTheDriverHasNoNativeOne) {
    EXPECT_TRUE(steering_->generic());
    EXPECT_NE(steering_->generic_reason(), "");
}

TEST_F(SteerTest, PassesWhatIsNoServicesPacketAndSaysWhy) {
    struct Case {
        const char* description;
        Fields fields;
        lb_steer_counter counter;
    };
    const std::vector<Case> cases{
        {"ARP", {.ether_type = 0x0806}, lb_steer_pass_not_ipv4},
        {"IPv6", {.ether_type = 0x86dd}, lb_steer_pass_not_ipv4},
        {"a VLAN tag", {.ether_type = 0x8100}, lb_steer_pass_not_ipv4},
        {"ICMP", {.protocol = 1}, lb_steer_pass_protocol},
        {"VRRP", {.protocol = 112}, lb_steer_pass_protocol},
        {"a first fragment", {.fragment = 0x2000}, lb_steer_pass_fragment},
        {"a later fragment", {.fragment = 0x00b9}, lb_steer_pass_fragment},
        {"the last fragment", {.fragment = 0x2172}, lb_steer_pass_fragment},
        {"another port", {.port = 81}, lb_steer_pass_no_service},
        {"another address", {.destination = {192, 0, 2, 11}}, lb_steer_pass_no_service},
        {"another protocol", {.protocol = 17}, lb_steer_pass_no_service},
        {"IHL below 5", {.version_ihl = 0x44}, lb_steer_pass_malformed},
        {"IP version 6 in an IPv4 frame", {.version_ihl = 0x65}, lb_steer_pass_malformed},
        {"IHL past the end", {.version_ihl = 0x4f}, lb_steer_pass_malformed},
        {"a service's packet, no socket", {}, lb_steer_pass_no_socket},
        {"the same with don't-fragment", {.fragment = 0x4000}, lb_steer_pass_no_socket},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.description);
        Bytes frame = frame_of(test.fields);
        if (test.fields.version_ihl == 0x4f)
            frame.resize(14 + 40);
        expect_passed(frame, test.counter);
    }
}

TEST_F(SteerTest, PassesEveryTruncationOfAServicesPacket) {
    const Bytes whole = frame_of({});
    // The kernel runs no program over less than an Ethernet header.
    for (std::size_t length = 14; length < 14 + 20 + 4; ++length) {
        SCOPED_TRACE(length);
        expect_passed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)),
                      lb_steer_pass_malformed);
    }
}

TEST_F(SteerTest, StopsSteeringAServiceThatIsRemoved) {
    expect_passed(frame_of({}), lb_steer_pass_no_socket);
    ASSERT_TRUE(steering_->remove_service(web));
    expect_passed(frame_of({}), lb_steer_pass_no_service);
    EXPECT_TRUE(steering_->remove_service(web)) << "removing what is not there is fine";
}

TEST_F(SteerTest, SendsAServicesPacketToTheSocketOfItsQueue) {
    AfxdpOptions options;
    options.interface = "lo";
    options.ifindex = loopback_ifindex;
    options.frame_bytes_max = 1518;
    options.generic = true;
    auto port = AfxdpPort::open(options);
    ASSERT_TRUE(port) << port.error().message;
    EXPECT_FALSE((*port)->zero_copy());
    ASSERT_TRUE(steering_->set_socket(0, (*port)->socket_fd()));

    const SteerCounts before = steering_->counts();
    EXPECT_EQ(run(frame_of({})), XDP_REDIRECT);
    EXPECT_EQ(run(frame_of({.version_ihl = 0x46, .option_bytes = 4})), XDP_REDIRECT)
        << "IP options do not hide the ports";
    EXPECT_EQ(steering_->counts()[lb_steer_steered], before[lb_steer_steered] + 2);

    port->reset();
    expect_passed(frame_of({}), lb_steer_pass_no_socket);
}

TEST_F(SteerTest, LetsAFrameThatAWorkerGaveBackPass) {
    Bytes frame = frame_of({});
    std::ranges::copy(steering_->returned_source().bytes, frame.begin() + 6);
    expect_passed(frame, lb_steer_pass_returned);
}

TEST_F(SteerTest, RefusesAnInterfaceWithAnotherProgramAndNamesIt) {
    const auto second = Steering::attach("lo", loopback_ifindex, 1, XdpMode::automatic);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("headgate_steer"), std::string::npos)
        << second.error().message;
}

TEST_F(SteerTest, LeavesNothingBehind) {
    steering_.reset();
    const auto again = Steering::attach("lo", loopback_ifindex, 1, XdpMode::automatic);
    EXPECT_TRUE(again) << again.error().message;
}

}  // namespace
}  // namespace headgate::dataplane
