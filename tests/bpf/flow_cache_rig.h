// FlowCacheTest: the steering program with its flow cache, and a core that writes into it, loaded
// by the code that loads it in production. The program is run over frames by BPF_PROG_TEST_RUN.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "dataplane/flow_destinations.h"
#include "dataplane/port/steering.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {

namespace flag = packets::flag;
using packets::Bytes;
using packets::PacketBuilder;

inline const MacAddress own_mac = packets::mac("02:00:00:00:00:01");
inline const MacAddress router_mac = packets::mac("02:00:00:00:00:02");
inline constexpr std::uint32_t cached_flows = 1024;

struct Answer {
    std::uint32_t action = 0;
    Bytes frame;
    bool operator==(const Answer&) const = default;
};

inline MacAddress mac_of(std::uint8_t server) {
    return {{0x02, 0, 0, 0, 1, server}};
}

inline ServiceConfig service(const char* address, std::uint16_t port, Protocol protocol) {
    ServiceConfig service;
    service.endpoint = {packets::ip(address), port};
    service.protocol = protocol;
    const std::string network = service.endpoint.address.is_v4() ? "10.0.0." : "fc00::";
    for (std::uint8_t server = 1; server <= 2; ++server)
        service.destinations.push_back(
            {{packets::ip(network + std::to_string(server)), port}, 1, mac_of(server)});
    return service;
}

inline PacketBuilder segment(std::uint8_t flags, std::uint16_t port = 40000) {
    return PacketBuilder::tcp(flags).from("198.51.100.7", port).to("192.0.2.10", 80);
}
inline PacketBuilder segment6(std::uint8_t flags) {
    return PacketBuilder::tcp(flags).from("2001:db8:1::7", 40000).to("2001:db8::10", 80);
}
inline PacketBuilder datagram() {
    return PacketBuilder::udp().from("198.51.100.7", 40000).to("192.0.2.10", 53);
}
inline PacketBuilder datagram6() {
    return PacketBuilder::udp().from("2001:db8:1::7", 40000).to("2001:db8::10", 53);
}

class FlowCacheTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() == 0) {
            ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
        }
    }

    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        attach("lo", 1, cached_flows);
        config_.interface_macs = {own_mac};
        config_.flow_cache.admit_after = 1;
        for (const char* address : {"192.0.2.10", "2001:db8::10"}) {
            config_.services.push_back(service(address, 80, Protocol::tcp));
            config_.services.push_back(service(address, 53, Protocol::udp));
        }
        publish();
    }

    void attach(const char* interface, std::uint32_t queues, std::uint32_t flows) {
        steering_.reset();
        ifindex_ = static_cast<int>(::if_nametoindex(interface));
        auto attached = Steering::attach({.interface = interface,
                                          .ifindex = ifindex_,
                                          .queues = queues,
                                          .flow_cache = FlowCacheSize::for_flows(flows)});
        ASSERT_TRUE(attached) << attached.error().message;
        steering_ = std::move(*attached);
        // No queue has a socket.
        steering_->keep_alive(Instant::max(), {});
        make_core(queues - 1);
    }

    // Of that queue, whose packets the program is given.
    void make_core(std::uint32_t queue) {
        queue_ = queue;
        CoreOptions options;
        options.connections_max = 4096;
        options.flow_cache = steering_->flow_cache(queue);
        core_ = std::make_unique<Core>(options, persistence_);
        destinations_ = std::make_unique<FlowDestinations>(FlowDestinationsMemory{
            steering_->flow_destinations(), steering_->flow_controls(), steering_->flow_names(),
            &steering_->inheritance(), [this](std::uint32_t number, int ifindex) {
                return steering_->set_egress(number, ifindex).has_value();
            }});
    }

    void publish() {
        ASSERT_TRUE(publisher_.publish(config_));
        destinations_->follow(publisher_.latest());
    }

    // What the core makes of it.
    Answer core(const PacketBuilder& packet) {
        return core(PacketBuilder(packet).macs(own_mac, router_mac).build());
    }
    Answer core(Bytes frame) {
        Burst burst;
        burst.count = 1;
        burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
        core_->expire(publisher_.latest(), now_);
        core_->process(publisher_.latest(), burst, now_);
        std::uint32_t action = XDP_PASS;
        if (burst.verdicts[0] == Verdict::transmit)
            action = XDP_TX;
        else if (burst.verdicts[0] == Verdict::elsewhere)
            action = XDP_REDIRECT;
        return {action, frame};
    }

    // What the program makes of it.
    Answer program(const PacketBuilder& packet) {
        return program(PacketBuilder(packet).macs(own_mac, router_mac).build());
    }
    Answer program(const Bytes& frame) {
        xdp_md context{};
        context.data_end = static_cast<std::uint32_t>(frame.size());
        context.ingress_ifindex = static_cast<std::uint32_t>(ifindex_);
        context.rx_queue_index = queue_;
        Answer answer;
        answer.frame.resize(frame.size());
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<std::uint32_t>(frame.size());
        options.data_out = answer.frame.data();
        options.data_size_out = options.data_size_in;
        options.ctx_in = &context;
        options.ctx_size_in = sizeof context;
        options.repeat = 1;
        EXPECT_EQ(bpf_prog_test_run_opts(steering_->program_fd(), &options), 0);
        answer.action = options.retval;
        return answer;
    }

    void establish(std::uint32_t action = XDP_TX) {
        for (const PacketBuilder& packet :
             {segment(flag::syn), segment(flag::ack), segment(flag::ack), segment6(flag::syn),
              segment6(flag::ack), segment6(flag::ack), datagram(), datagram(), datagram6(),
              datagram6()})
            ASSERT_EQ(core(packet).action, action);
        ASSERT_EQ(core_->flow_cache().size(), 4U);
    }

    void expect_forwarded(const PacketBuilder& packet, std::uint32_t action = XDP_TX) {
        const Answer answer = program(packet);
        EXPECT_EQ(answer.action, action);
        EXPECT_EQ(answer, core(packet));
    }
    void expect_left(const PacketBuilder& packet) {
        expect_left(PacketBuilder(packet).macs(own_mac, router_mac).build());
    }
    void expect_left(const Bytes& frame) { EXPECT_EQ(program(frame), (Answer{XDP_PASS, frame})); }

    Tick now_ = 1'000'000;
    ForwardingConfig config_;
    Publisher publisher_{1};
    PersistenceTable persistence_{64, {}};
    int ifindex_ = 0;
    std::uint32_t queue_ = 0;
    std::unique_ptr<Steering> steering_;
    std::unique_ptr<Core> core_;
    std::unique_ptr<FlowDestinations> destinations_;
};

}  // namespace headgate::dataplane
