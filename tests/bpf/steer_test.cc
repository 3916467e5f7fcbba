// Goal: the steering program sends exactly the packets of services to the workers, whatever bytes
// come in. Method: the real program, loaded by the code that loads it in production, attached to
// the loopback interface of a network namespace of its own, run over frames by BPF_PROG_TEST_RUN.
// Needs root.
#include <algorithm>
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
#include "tests/packets/corpus.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

using packets::Bytes;
using packets::PacketBuilder;

constexpr int loopback_ifindex = 1;

const SteeredService web{{*IpAddress::parse("192.0.2.10"), 80}, 6};

PacketBuilder to_service() {
    return PacketBuilder::tcp(packets::flag::syn).from("198.51.100.7", 40000).to("192.0.2.10", 80);
}

// What an empty ring has room for: a quarter of AfxdpPort's.
constexpr std::uint64_t opening_share = 512;

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
        auto attached = Steering::attach({.interface = "lo", .ifindex = loopback_ifindex});
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

    void expect_steered(const Bytes& frame) {
        SteerCounts expected = steering_->counts();
        EXPECT_EQ(run(frame), XDP_REDIRECT);
        ++expected[lb_steer_steered];
        EXPECT_EQ(steering_->counts(), expected);
    }

    void expect_dropped(const Bytes& frame) {
        SteerCounts expected = steering_->counts();
        EXPECT_EQ(run(frame), XDP_DROP);
        ++expected[lb_steer_drop_opening];
        EXPECT_EQ(steering_->counts(), expected);
    }

    // Gives queue 0 a socket, whose ring nobody empties. The port must go before `steering_` does.
    std::unique_ptr<AfxdpPort> open_port() {
        AfxdpOptions options;
        options.interface = "lo";
        options.ifindex = loopback_ifindex;
        options.frame_bytes_max = 1518;
        options.generic = true;
        options.opening_share = &steering_->opening_share(0);
        auto port = AfxdpPort::open(options);
        if (!port || !steering_->set_socket(0, (*port)->socket_fd())) {
            ADD_FAILURE() << (port ? "the socket cannot be entered" : port.error().message);
            return nullptr;
        }
        return std::move(*port);
    }

    std::unique_ptr<Steering> steering_;
};

TEST_F(SteerTest, RunsInGenericModeWhereTheDriverHasNoNativeOne) {
    EXPECT_TRUE(steering_->generic());
    EXPECT_NE(steering_->generic_reason(), "");
}

// A loop that the verifier follows in every combination costs it half a second, for which a
// dataplane that is started again forwards nothing, and one more branch would be refused.
TEST_F(SteerTest, IsSimpleForTheVerifier) {
    bpf_prog_info program{};
    std::uint32_t bytes = sizeof program;
    ASSERT_EQ(bpf_obj_get_info_by_fd(steering_->program_fd(), &program, &bytes), 0);
    EXPECT_GT(program.verified_insns, 0U);
    EXPECT_LT(program.verified_insns, 50'000U);
}

TEST_F(SteerTest, PassesWhatIsNoServicesPacketAndSaysWhy) {
    struct Case {
        const char* description;
        Bytes frame;
        lb_steer_counter counter;
    };
    const std::vector<Case> cases{
        {"ARP", PacketBuilder::ethernet(0x0806, Bytes(28)).build(), lb_steer_pass_not_ip},
        {"three VLAN tags", to_service().vlan(0x8100, 5).vlan(0x8100, 6).vlan(0x8100, 7).build(),
         lb_steer_pass_not_ip},
        {"IPv6 of another version", PacketBuilder::ethernet(0x86dd, Bytes(60)).build(),
         lb_steer_pass_malformed},
        {"ICMP", PacketBuilder::raw(1, Bytes(8)).to("192.0.2.10").build(), lb_steer_pass_protocol},
        {"VRRP", PacketBuilder::raw(112, Bytes(12)).to("224.0.0.18").build(),
         lb_steer_pass_protocol},
        {"a first fragment", to_service().fragment(0x2000).build(), lb_steer_pass_fragment},
        {"a later fragment", to_service().fragment(0x00b9).build(), lb_steer_pass_fragment},
        {"one in the middle", to_service().fragment(0x2172).build(), lb_steer_pass_fragment},
        {"another port", to_service().to("192.0.2.10", 81).build(), lb_steer_pass_no_service},
        {"another address", to_service().to("192.0.2.11", 80).build(), lb_steer_pass_no_service},
        {"another protocol", PacketBuilder::udp().to("192.0.2.10", 80).build(),
         lb_steer_pass_no_service},
        {"IHL below 5", to_service().ip_header_words(4).build(), lb_steer_pass_malformed},
        {"IP version 6", to_service().ip_version(6).build(), lb_steer_pass_malformed},
        {"IHL past the end", to_service().ip_header_words(15).build(), lb_steer_pass_malformed},
        {"a service's packet, no socket", to_service().build(), lb_steer_pass_no_socket},
        {"the same with don't-fragment", to_service().fragment(0x4000).build(),
         lb_steer_pass_no_socket},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.description);
        expect_passed(test.frame, test.counter);
    }
}

TEST_F(SteerTest, PassesEveryTruncationOfAServicesPacket) {
    const Bytes whole = to_service().build();
    // The kernel runs no program over less than an Ethernet header.
    for (std::size_t length = 14; length < 14 + 20 + 4; ++length) {
        SCOPED_TRACE(length);
        expect_passed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)),
                      lb_steer_pass_malformed);
    }
}

TEST_F(SteerTest, StopsSteeringAServiceThatIsRemoved) {
    expect_passed(to_service().build(), lb_steer_pass_no_socket);
    ASSERT_TRUE(steering_->remove_service(web));
    expect_passed(to_service().build(), lb_steer_pass_no_service);
    EXPECT_TRUE(steering_->remove_service(web)) << "removing what is not there is fine";
}

TEST_F(SteerTest, SendsAServicesPacketToTheSocketOfItsQueue) {
    std::unique_ptr<AfxdpPort> port = open_port();
    ASSERT_TRUE(port);
    EXPECT_FALSE(port->zero_copy());
    expect_steered(to_service().build());
    expect_steered(to_service().ip_options({1, 1, 1, 1}).build());  // they do not hide the ports
    port.reset();
    expect_passed(to_service().build(), lb_steer_pass_no_socket);
}

TEST_F(SteerTest, LetsAPortHaveItsShareOfOpeningPackets) {
    const lb_opening_share& share = steering_->opening_share(0);
    EXPECT_EQ(share.limit, 0U);
    std::unique_ptr<AfxdpPort> port = open_port();
    ASSERT_TRUE(port);
    EXPECT_EQ(share.limit, opening_share);
    for (std::uint64_t count = 0; count < opening_share; ++count)
        ASSERT_EQ(run(to_service().build()), XDP_REDIRECT) << count;
    EXPECT_EQ(share.passed, opening_share);
    expect_dropped(to_service().build());
    EXPECT_EQ(share.passed, opening_share) << "what is dropped takes nothing";

    // A test run redirects nothing: the ring is empty, so the worker has kept up.
    Burst burst;
    port->rx_burst(burst);
    EXPECT_EQ(share.limit, 2 * opening_share);
    expect_steered(to_service().build());
}

TEST_F(SteerTest, DropsWhatOpensAConnectionWhenTheShareIsUsedUp) {
    using packets::flag::ack, packets::flag::fin, packets::flag::rst, packets::flag::syn;
    const SteeredService web6{{*IpAddress::parse("2001:db8::10"), 80}, 6};
    const SteeredService names{{*IpAddress::parse("192.0.2.10"), 53}, 17};
    const SteeredService calls{{*IpAddress::parse("192.0.2.10"), 2905}, 132};
    for (const SteeredService& service :
         {web6, names, calls, steered_fragments(web.endpoint.address)})
        ASSERT_TRUE(steering_->add_service(service));
    const auto segment = [](std::uint8_t flags) {
        return PacketBuilder::tcp(flags).from("198.51.100.7", 40000).to("192.0.2.10", 80);
    };
    const auto segment6 = [](std::uint8_t flags) {
        return PacketBuilder::tcp(flags).from("2001:db8:1::7", 40000).to("2001:db8::10", 80);
    };
    const auto chunk = [](std::uint8_t type) {
        return PacketBuilder::sctp(type).from("198.51.100.7", 40000).to("192.0.2.10", 2905);
    };
    const Bytes options_header{0, 0, 1, 4, 0, 0, 0, 0};
    struct Case {
        const char* description;
        Bytes frame;
        bool opens;
    };
    const std::vector<Case> cases{
        {"SYN", segment(syn).build(), true},
        {"SYN with ECE, CWR and PSH", segment(syn | 0xc8).build(), true},
        {"SYN behind IP options", segment(syn).ip_options({1, 1, 1, 1}).build(), true},
        {"SYN behind two VLAN tags", segment(syn).vlan(0x88a8, 5).vlan(0x8100, 6).build(), true},
        {"SYN in IPv6", segment6(syn).build(), true},
        {"SYN in IPv6, tagged, behind an extension header",
         segment6(syn).vlan(0x8100, 5).extension(60, options_header).build(), true},
        {"INIT", chunk(1).build(), true},
        {"ACK", segment(ack).build(), false},
        {"ACK in IPv6 behind a VLAN tag", segment6(ack).vlan(0x8100, 5).build(), false},
        {"SYN, ACK", segment(syn | ack).build(), false},
        {"SYN, RST", segment(syn | rst).build(), false},
        {"SYN, FIN", segment(syn | fin).build(), false},
        {"no flag", segment(0).build(), false},
        {"COOKIE ECHO", chunk(10).build(), false},
        {"a datagram", PacketBuilder::udp().to("192.0.2.10", 53).build(), false},
        {"a first fragment with a SYN", segment(syn).fragment(0x2000).build(), false},
        {"an ICMP error about a SYN, ACK",
         PacketBuilder::icmp(
             3, 1, 0,
             PacketBuilder::tcp(syn).from("192.0.2.10", 80).to("198.51.100.7", 1).build_packet())
             .to("192.0.2.10")
             .build(),
         false},
    };
    std::unique_ptr<AfxdpPort> port = open_port();
    ASSERT_TRUE(port);
    lb_opening_share& share = steering_->opening_share(0);
    for (const Case& test : cases) {
        SCOPED_TRACE(test.description);
        share.limit = share.passed + 1;
        expect_steered(test.frame);
        EXPECT_EQ(share.passed, test.opens ? share.limit : share.limit - 1);
        share.limit = share.passed;
        if (test.opens)
            expect_dropped(test.frame);
        else
            expect_steered(test.frame);
    }
}

// A count that has outgrown 32 bits, as that of a long flood does.
TEST_F(SteerTest, CountsOpeningPacketsIn64Bits) {
    std::unique_ptr<AfxdpPort> port = open_port();
    ASSERT_TRUE(port);
    lb_opening_share& share = steering_->opening_share(0);
    share.passed = 0xffff'ffff;
    share.limit = share.passed + 1;
    expect_steered(to_service().build());
    EXPECT_EQ(share.passed, share.limit);
    expect_dropped(to_service().build());
}

// Whatever a worker forwards, this program has to bring to it.
TEST_F(SteerTest, SteersEveryPacketOfTheCorpusThatIsForwarded) {
    const packets::Corpus& corpus = packets::corpus();
    for (const ServiceConfig& service : corpus.config.services)
        for (const SteeredService& steered :
             {SteeredService{service.endpoint, static_cast<std::uint8_t>(service.protocol)},
              steered_fragments(service.endpoint.address)})
            ASSERT_TRUE(steering_->add_service(steered));
    for (const packets::PacketCase& item : corpus.cases) {
        for (const packets::Step& step : item.steps) {
            SCOPED_TRACE(step.place + ": " + item.description);
            if (step.reason == Reason::none || step.reason == Reason::fragment_held)
                expect_passed(step.in, lb_steer_pass_no_socket);
        }
    }
}

TEST_F(SteerTest, DropsWhatBlockedClientsSendToServices) {
    const SteeredService web6{{*IpAddress::parse("2001:db8::10"), 80}, 6};
    for (const SteeredService& service :
         {web6, steered_fragments(web.endpoint.address), steered_fragments(web6.endpoint.address)})
        ASSERT_TRUE(steering_->add_service(service));
    std::unique_ptr<AfxdpPort> port = open_port();
    ASSERT_TRUE(port);
    const auto list = [](const std::vector<AccessRule>& rules) {
        return AccessList::build(rules).value();
    };
    const auto from = [](const char* client) { return to_service().from(client, 40000); };
    const auto from6 = [](const char* client) {
        return PacketBuilder::tcp(packets::flag::ack).from(client, 40000).to("2001:db8::10", 80);
    };
    const AccessRule network{*Prefix::parse("198.51.100.0/24"), Access::blocked};
    const AccessRule friends{*Prefix::parse("198.51.100.8/29"), Access::allowed};
    const AccessRule network6{*Prefix::parse("2001:db8:1::/48"), Access::blocked};
    expect_steered(from("198.51.100.7").build());

    const AccessList first = list({network, friends, network6});
    ASSERT_TRUE(steering_->block(&first));
    for (const PacketBuilder& packet :
         {from("198.51.100.7"), from("198.51.100.16"), from6("2001:db8:1::7"),
          from("198.51.100.7").vlan(0x8100, 5), from("198.51.100.7").fragment(0x0001),
          from6("2001:db8:1::7").vlan(0x8100, 5)}) {
        SteerCounts expected = steering_->counts();
        EXPECT_EQ(run(packet.build()), XDP_DROP);
        ++expected[lb_steer_drop_blocked];
        EXPECT_EQ(steering_->counts(), expected);
    }
    expect_steered(from("198.51.100.8").build());
    expect_steered(from("198.51.101.7").build());
    expect_steered(from6("2001:db8:2::7").build());
    expect_passed(from("198.51.100.7").to("192.0.2.10", 81).build(), lb_steer_pass_no_service);
    // Who watches sees them, too, and drops them himself.
    steering_->flow_controls()[0].bypassed = 1;
    expect_steered(from("198.51.100.7").build());
    steering_->flow_controls()[0].bypassed = 0;

    const AccessList second = list({network6});
    ASSERT_TRUE(steering_->block(&second));
    expect_steered(from("198.51.100.7").build());
    EXPECT_EQ(run(from6("2001:db8:1::7").build()), XDP_DROP);
    ASSERT_TRUE(steering_->block(nullptr));
    expect_steered(from6("2001:db8:1::7").build());
}

TEST_F(SteerTest, LetsAFrameThatAWorkerGaveBackPass) {
    Bytes frame = to_service().build();
    std::ranges::copy(steering_->returned_source().bytes, frame.begin() + 6);
    expect_passed(frame, lb_steer_pass_returned);
}

TEST_F(SteerTest, RefusesAnInterfaceWithAnotherProgramAndNamesIt) {
    const auto second = Steering::attach({.interface = "lo", .ifindex = loopback_ifindex});
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().message.find("headgate_steer"), std::string::npos)
        << second.error().message;
}

TEST_F(SteerTest, LeavesNothingBehind) {
    steering_.reset();
    const auto again = Steering::attach({.interface = "lo", .ifindex = loopback_ifindex});
    EXPECT_TRUE(again) << again.error().message;
}

}  // namespace
}  // namespace headgate::dataplane
