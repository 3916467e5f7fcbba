// Goal: established flows go on when the process that serves an interface is gone, for as long as
// it said; the next process takes over its program and its flow cache, in one step, or begins anew
// when it cannot, and says why; in the end nothing is left. Method: the real program on a real
// interface, pinned in a BPF file system of the test's own; a process that was killed is a Steering
// that was destroyed, which is what the kernel does for it. Needs root.
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "dataplane/flow_destinations.h"
#include "dataplane/port/steering.h"
#include "tests/packets/packet_builder.h"

namespace headgate::dataplane {
namespace {

namespace flag = packets::flag;
using packets::Bytes;
using packets::PacketBuilder;

const MacAddress own_mac = packets::mac("02:00:00:00:00:01");
constexpr std::chrono::seconds a_minute{60};
const MacAddress server_mac = packets::mac("02:00:00:00:01:01");

Bytes segment(std::uint8_t flags) {
    return PacketBuilder::tcp(flags)
        .from("198.51.100.7", 40000)
        .to("192.0.2.10", 80)
        .macs(own_mac, packets::mac("02:00:00:00:00:02"))
        .build();
}

class InheritanceTest : public ::testing::Test {
protected:
    static void SetUpTestSuite() {
        if (::geteuid() != 0)
            return;
        ASSERT_EQ(::unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
        ASSERT_EQ(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
        std::string place = (std::filesystem::temp_directory_path() / "hgpinsXXXXXX").string();
        ASSERT_NE(::mkdtemp(place.data()), nullptr);
        bpffs = place;
        ASSERT_EQ(::mount("bpf", bpffs.c_str(), "bpf", 0, nullptr), 0);
        ASSERT_EQ(std::system("ip link add hgp type veth peer name hgq && ip link set hgp up"), 0);
    }
    static void TearDownTestSuite() {
        if (bpffs.empty())
            return;
        ::umount2(bpffs.c_str(), MNT_DETACH);
        std::filesystem::remove(bpffs);
    }

    void SetUp() override {
        if (::geteuid() != 0)
            GTEST_SKIP() << "needs root";
        options.interface = "hgp";
        options.ifindex = static_cast<int>(::if_nametoindex("hgp"));
        options.flow_cache = FlowCacheSize::for_flows(1024);
        options.pins = bpffs / "instance" / "hgp";
        config.interface_macs = {own_mac};
        config.flow_cache.admit_after = 1;
        ServiceConfig& service = config.services.emplace_back();
        service.endpoint = {packets::ip("192.0.2.10"), 80};
        service.destinations.push_back({{packets::ip("10.0.0.1"), 80}, 1, server_mac});
    }
    void TearDown() override {
        if (steering)
            steering->detach();
    }

    // A process begins, and has applied its first table. Its queue has no socket.
    void begin() {
        steering.reset();
        auto attached = Steering::attach(options);
        ASSERT_TRUE(attached) << attached.error().message;
        steering = std::move(*attached);
        destinations = std::make_unique<FlowDestinations>(FlowDestinationsMemory{
            steering->flow_destinations(), steering->flow_controls(), steering->flow_names(),
            &steering->inheritance(), [this](std::uint32_t number, int ifindex) {
                return steering->set_egress(number, ifindex).has_value();
            }});
        publisher = std::make_unique<Publisher>(1);
        publisher->restore(destinations->known(), destinations->generation_bound());
        CoreOptions core_options;
        core_options.connections_max = 1024;
        core_options.flow_cache = steering->flow_cache(0);
        core = std::make_unique<Core>(core_options, persistence);
    }
    void apply() {
        ASSERT_TRUE(publisher->publish(config));
        destinations->follow(publisher->latest());
        core->adopt_cache(publisher->latest(), now);
        ASSERT_TRUE(steering->add_service({config.services[0].endpoint, IPPROTO_TCP}));
        ASSERT_TRUE(steering->go_live());
    }
    // A connection begins, and comes into the cache.
    void establish() {
        for (const std::uint8_t flags : {flag::syn, flag::ack, flag::ack}) {
            Bytes frame = segment(flags);
            Burst burst;
            burst.count = 1;
            burst.frames[0] = {frame.data(), static_cast<std::uint32_t>(frame.size())};
            core->expire(publisher->latest(), now);
            core->process(publisher->latest(), burst, now);
        }
        ASSERT_EQ(core->flow_cache().size(), 1U);
    }

    [[nodiscard]] std::uint32_t attached_id() const {
        LIBBPF_OPTS(bpf_xdp_query_opts, query);
        EXPECT_EQ(bpf_xdp_query(options.ifindex, 0, &query), 0);
        return query.prog_id;
    }
    // What the program that is attached makes of it.
    [[nodiscard]] std::uint32_t run(const Bytes& frame) const {
        const Fd program(bpf_prog_get_fd_by_id(attached_id()));
        xdp_md context{};
        context.data_end = static_cast<std::uint32_t>(frame.size());
        context.ingress_ifindex = static_cast<std::uint32_t>(options.ifindex);
        LIBBPF_OPTS(bpf_test_run_opts, test);
        test.data_in = frame.data();
        test.data_size_in = static_cast<std::uint32_t>(frame.size());
        test.ctx_in = &context;
        test.ctx_size_in = sizeof context;
        test.repeat = 1;
        EXPECT_EQ(bpf_prog_test_run_opts(program.get(), &test), 0);
        return test.retval;
    }
    void keep_alive(std::chrono::seconds flows, std::chrono::seconds others) {
        const Instant instant = std::chrono::steady_clock::now();
        steering->keep_alive(instant + flows, instant + others);
    }

    static inline std::filesystem::path bpffs;
    SteeringOptions options;
    ForwardingConfig config;
    Tick now = 1'000'000;
    PersistenceTable persistence{64, {}};
    std::unique_ptr<Steering> steering;
    std::unique_ptr<Publisher> publisher;
    std::unique_ptr<FlowDestinations> destinations;
    std::unique_ptr<Core> core;
};

TEST_F(InheritanceTest, FlowsGoOnWithoutAProcess) {
    begin();
    apply();
    establish();
    keep_alive(a_minute, a_minute);
    steering.reset();
    EXPECT_NE(attached_id(), 0U);
    EXPECT_EQ(run(segment(flag::ack)), XDP_TX);
    // What only a worker can handle waits for one: a kernel would refuse it.
    EXPECT_EQ(run(segment(flag::syn)), XDP_DROP);
    EXPECT_EQ(run(segment(flag::fin | flag::ack)), XDP_DROP);
    begin();
    steering->detach();
}

TEST_F(InheritanceTest, FlowsStopWhenTheTimeIsOver) {
    begin();
    apply();
    establish();
    keep_alive(-a_minute, -a_minute);
    steering.reset();
    EXPECT_EQ(run(segment(flag::ack)), XDP_PASS);
    EXPECT_EQ(run(segment(flag::syn)), XDP_PASS);
    begin();
    steering->detach();
}

TEST_F(InheritanceTest, OtherPacketsDoNotWaitForAsLong) {
    begin();
    apply();
    establish();
    keep_alive(a_minute, -a_minute);
    steering.reset();
    EXPECT_EQ(run(segment(flag::ack)), XDP_TX);
    EXPECT_EQ(run(segment(flag::syn)), XDP_PASS);
    begin();
}

TEST_F(InheritanceTest, TheNextProcessGoesOn) {
    begin();
    apply();
    establish();
    keep_alive(a_minute, a_minute);
    const std::uint32_t former = attached_id();
    steering->flow_controls()[0].bypassed = 1;  // it was watched
    begin();
    EXPECT_TRUE(steering->has_inherited());
    EXPECT_EQ(attached_id(), former) << "until there is a table";
    EXPECT_EQ(run(segment(flag::ack)), XDP_TX);
    apply();
    EXPECT_NE(attached_id(), former);
    EXPECT_EQ(core->flows(), 1U);
    EXPECT_EQ(run(segment(flag::ack)), XDP_TX);
    EXPECT_EQ(run(segment(flag::syn)), XDP_DROP) << "its own services";
    // And the one after that.
    begin();
    apply();
    EXPECT_EQ(core->flows(), 1U);
    EXPECT_EQ(run(segment(flag::ack)), XDP_TX);
}

TEST_F(InheritanceTest, FlowsByAnotherInterfaceGoOnToo) {
    // hgq and, later, lo: numbers that the next process gives must not be those of this one.
    const auto send_by = [this](const char* interface) {
        config.services[0].destinations[0].egress =
            EgressConfig{static_cast<int>(::if_nametoindex(interface)), interface,
                         packets::mac("02:00:00:00:07:01"), 1500, true};
    };
    send_by("hgq");
    begin();
    apply();
    establish();
    keep_alive(a_minute, a_minute);
    steering.reset();
    EXPECT_EQ(run(segment(flag::ack)), XDP_REDIRECT);
    begin();
    EXPECT_TRUE(steering->has_inherited());
    EXPECT_EQ(run(segment(flag::ack)), XDP_REDIRECT);
    apply();
    EXPECT_EQ(core->flows(), 1U);
    EXPECT_EQ(run(segment(flag::ack)), XDP_REDIRECT);
    const lb_flow_control& control = steering->flow_controls()[0];
    EXPECT_EQ(control.egresses[1].ifindex, ::if_nametoindex("hgq"));
    send_by("lo");
    begin();
    apply();
    EXPECT_EQ(run(segment(flag::ack)), XDP_REDIRECT);
    EXPECT_EQ(steering->flow_controls()[0].egresses[1].ifindex, 0U);
}

TEST_F(InheritanceTest, AFlowThatDoesNotGoOnIsTheWorkers) {
    begin();
    apply();
    establish();
    keep_alive(a_minute, a_minute);
    config.services[0].destinations[0].endpoint.address = packets::ip("10.0.0.2");
    begin();
    apply();
    EXPECT_EQ(core->flows(), 0U);
    EXPECT_EQ(run(segment(flag::ack)), XDP_DROP) << "no socket";
}

TEST_F(InheritanceTest, WhatDoesNotFitIsReplaced) {
    begin();
    apply();
    establish();
    const auto expect_anew = [this](const char* why) {
        SCOPED_TRACE(why);
        const std::uint32_t former = attached_id();
        begin();
        EXPECT_FALSE(steering->has_inherited());
        EXPECT_NE(attached_id(), former);
        apply();
        EXPECT_EQ(core->flows(), 0U);
    };
    options.flow_cache = FlowCacheSize::for_flows(4096);
    expect_anew("another size");
    options.mode = XdpMode::generic;
    expect_anew("another mode");
    steering->inheritance().abi_version = LB_ABI_VERSION + 1;
    expect_anew("another version");
    std::filesystem::remove(options.pins / "flow_names");
    expect_anew("incomplete");
    std::filesystem::remove(options.pins / "link");
    expect_anew("without a link");
    options.flow_cache = {};
    expect_anew("no cache");
    EXPECT_FALSE(std::filesystem::exists(options.pins)) << "nothing is worth it";
}

TEST_F(InheritanceTest, AnotherInterfaceIsNotTakenForThisOne) {
    begin();
    apply();
    steering.reset();
    const std::uint32_t former = attached_id();
    ASSERT_EQ(std::system("ip link set hgq up"), 0);
    options.interface = "hgq";
    options.ifindex = static_cast<int>(::if_nametoindex("hgq"));
    begin();
    EXPECT_FALSE(steering->has_inherited());
    options.ifindex = static_cast<int>(::if_nametoindex("hgp"));
    EXPECT_NE(attached_id(), former) << "what was left belonged to nobody any more";
}

TEST_F(InheritanceTest, OneOfThatNumberInAnotherNamespaceIsNotTakenForThisOne) {
    begin();
    apply();
    steering.reset();
    const Fd here(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    const std::string number = std::to_string(options.ifindex);
    EXPECT_EQ(std::system(("ip link add hgp index " + number + " type veth peer name hgq").c_str()),
              0);
    begin();
    EXPECT_FALSE(steering->has_inherited());
    steering->detach();
    steering.reset();
    ASSERT_EQ(::setns(here.get(), CLONE_NEWNET), 0);
    EXPECT_EQ(attached_id(), 0U) << "nobody's any more";
}

TEST_F(InheritanceTest, NothingIsLeftInTheEnd) {
    begin();
    apply();
    EXPECT_TRUE(std::filesystem::exists(options.pins / "link"));
    steering->detach();
    EXPECT_FALSE(std::filesystem::exists(options.pins));
    EXPECT_EQ(attached_id(), 0U) << "at once";
}

TEST_F(InheritanceTest, WithoutABpfFileSystemNothingIsLeftAndAllElseWorks) {
    const std::filesystem::path plain = bpffs.string() + "-plain";
    options.pins = plain / "hgp";
    begin();
    apply();
    establish();
    EXPECT_FALSE(std::filesystem::exists(options.pins));
    std::filesystem::remove_all(plain);
    steering.reset();
    EXPECT_EQ(attached_id(), 0U);
}

}  // namespace
}  // namespace headgate::dataplane
