// Goal: the real kernel does what the plan says. Tables of all kinds are brought into it one after
// the other, and what it lists afterwards is what was wanted. Run in the guest, as root.
#include <algorithm>
#include <chrono>
#include <random>

#include <gtest/gtest.h>

#include "controlplane/forwarding/ipvs/netlink_kernel.h"

namespace headgate::forwarding::ipvs {
namespace {

IpAddress v4(std::uint32_t address) {
    return IpAddress::v4(Be32(address));
}

IpAddress v6(std::uint8_t last) {
    std::array<std::uint8_t, 16> bytes{0xfd};
    bytes[15] = last;
    return IpAddress::v6(bytes);
}

class Generator {
public:
    explicit Generator(std::uint64_t seed) : random_(seed) {}

    std::vector<Service> services() {
        std::vector<Service> services;
        for (std::uint8_t number = 1; number <= 6; ++number) {
            if (below(4) == 0)
                continue;
            Service& made = services.emplace_back();
            made.key.endpoint = {number % 2 == 0 ? v6(number) : v4(0xc0000200U + number), 80};
            made.key.protocol = static_cast<std::uint8_t>(number < 3 ? 6 : number < 5 ? 17 : 132);
            if (number == 6)
                made.key = {.endpoint = {v4(0), 0}, .protocol = 0, .fwmark = 1 + below(3)};
            const bool is_v4 = made.key.endpoint.address.is_v4();
            made.settings = settings(is_v4, made.key.protocol == 17);
            add_servers(made, is_v4);
        }
        return services;
    }

    std::uint32_t below(std::uint32_t end) {
        return std::uniform_int_distribution<std::uint32_t>(0, end - 1)(random_);
    }

private:
    ServiceSettings settings(bool is_v4, bool is_udp) {
        static constexpr std::array schedulers{"rr", "wrr", "lc",  "wlc", "lblc", "lblcr", "dh",
                                               "sh", "mh",  "sed", "nq",  "fo",   "ovf",   "twos"};
        ServiceSettings made;
        made.scheduler = schedulers[below(schedulers.size())];
        made.one_packet = is_udp && below(2) == 0;
        made.sched_flag_1 = below(2) == 0;
        made.sched_flag_2 = below(2) == 0;
        made.sched_flag_3 = below(2) == 0;
        made.persistent = below(2) == 0;
        made.persistence_prefix_length = is_v4 ? 32 : 128;
        if (made.persistent) {
            made.persistence_timeout_s = 1 + below(1000);
            made.persistence_prefix_length = static_cast<std::uint8_t>(1 + below(is_v4 ? 32 : 128));
            made.persistence_engine = is_udp && below(2) == 0 ? "sip" : "";
        }
        return made;
    }

    void add_servers(Service& service, bool is_v4) {
        for (std::uint8_t number = 1; number <= 4; ++number) {
            if (below(2) == 0)
                continue;
            Destination& made = service.destinations.emplace_back();
            DestinationSettings& set = made.settings;
            set.method = std::array{Method::nat, Method::dr, Method::tun}[below(3)];
            // Only tunnels lead to the other family.
            const bool goes_v4 = is_v4 != (number == 4 && set.method == Method::tun);
            made.endpoint = {goes_v4 ? v4(0x0a000000U + number) : v6(100 + number), 80};
            set.weight = below(4);
            set.upper_threshold = below(2) * 100;
            set.lower_threshold = set.upper_threshold / 2;
            if (set.method != Method::tun)
                continue;
            set.tunnel.type =
                std::array{TunnelType::ipip, TunnelType::gue, TunnelType::gre}[below(3)];
            if (set.tunnel.type == TunnelType::gue)
                set.tunnel.port = 6080;
            if (set.tunnel.type != TunnelType::ipip)
                set.tunnel.checksum = below(2) == 0 ? TunnelChecksum::none : TunnelChecksum::plain;
        }
    }

    std::mt19937_64 random_;
};

std::vector<Service> sorted(std::vector<Service> services) {
    for (Service& each : services)
        std::ranges::sort(each.destinations, {}, &Destination::endpoint);
    std::ranges::sort(services, {}, &Service::key);
    return services;
}

class IpvsKernel : public testing::Test {
protected:
    void SetUp() override {
        const auto opened = kernel.open();
        ASSERT_TRUE(opened) << opened.error().message;
        ASSERT_TRUE(kernel.flush());
    }
    void TearDown() override { EXPECT_TRUE(kernel.flush()); }

    std::vector<Service> listed() {
        std::vector<Service> services;
        const auto list = kernel.list();
        EXPECT_TRUE(list) << list.error().message;
        for (const ListedService& each : *list)
            services.push_back(each.service);
        return services;
    }

    std::size_t bring(const std::vector<Service>& wanted) {
        const std::vector<Service> there = listed();
        std::set<ServiceKey> ours;
        for (const Service& each : there)
            ours.insert(each.key);
        const auto operations = plan(there, wanted, ours);
        for (const Operation& operation : operations) {
            const auto done = kernel.perform(operation);
            EXPECT_TRUE(done) << done.error().message;
        }
        return operations.size();
    }

    NetlinkKernel kernel;
};

TEST_F(IpvsKernel, HasWhatWasWanted) {
    std::size_t operations = 0;
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        const std::vector<Service> wanted = Generator(seed).services();
        operations += bring(wanted);
        ASSERT_EQ(sorted(listed()), sorted(wanted));
        EXPECT_EQ(bring(wanted), 0U);
    }
    RecordProperty("operations", static_cast<int>(operations));
}

TEST_F(IpvsKernel, SaysWhatIsNotThere) {
    Service service = Generator(1).services().front();
    service.settings.scheduler = "nosuch";
    Operation add{.kind = Operation::Kind::add_service, .service = service.key};
    add.settings = service.settings;
    const auto refused = kernel.perform(add);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, ENOENT);
    EXPECT_NE(refused.error().message.find("no scheduler nosuch"), std::string::npos)
        << refused.error().message;

    Operation edit = add;
    edit.kind = Operation::Kind::edit_service;
    EXPECT_EQ(kernel.perform(edit).error().code, ESRCH);
    add.settings.scheduler = "rr";
    ASSERT_TRUE(kernel.perform(add));
    EXPECT_EQ(kernel.perform(add).error().code, EEXIST);
    Operation server = add;
    server.kind = Operation::Kind::edit_destination;
    server.destination.endpoint = service.key.endpoint;
    EXPECT_EQ(kernel.perform(server).error().code, ENOENT);
}

TEST_F(IpvsKernel, HasTimeoutsAndAVersion) {
    const auto info = kernel.info();
    ASSERT_TRUE(info);
    EXPECT_EQ(info->version, 0x010201U);
    EXPECT_GT(info->connection_buckets, 0U);
    const auto before = kernel.timeouts();
    ASSERT_TRUE(before);
    ASSERT_TRUE(kernel.set_timeouts({.tcp_s = 77, .tcp_fin_s = 0, .udp_s = 9}));
    EXPECT_EQ(kernel.timeouts()->tcp_s, 77U);
    EXPECT_EQ(kernel.timeouts()->tcp_fin_s, before->tcp_fin_s);
    EXPECT_EQ(kernel.timeouts()->udp_s, 9U);
    ASSERT_TRUE(kernel.set_timeouts(*before));
    const std::string sysctl = "expire_quiescent_template";
    ASSERT_TRUE(kernel.set_sysctl(sysctl, 1));
    EXPECT_EQ(*kernel.sysctl(sysctl), 1);
    ASSERT_TRUE(kernel.set_sysctl(sysctl, 0));
}

TEST_F(IpvsKernel, HasSyncDaemonsAsAsked) {
    SyncDaemon asked{.role = SyncRole::master,
                     .interface = "nosuch0",
                     .id = 9,
                     .payload_max = 500,
                     .group = *IpAddress::parse("239.0.0.81"),
                     .port = 8849,
                     .ttl = 3};
    EXPECT_EQ(kernel.start_sync(asked).error().code, ENODEV);
    EXPECT_TRUE(kernel.stop_sync(SyncRole::master)) << "one that does not run";
    asked.interface = "lo";
    // Many times: the kernel may stop a thread before it has begun, and then does not answer.
    constexpr int rounds = 40;
    for (int round = 0; round < rounds; ++round) {
        const SyncRole role = round % 2 == 0 ? SyncRole::master : SyncRole::backup;
        asked.role = role;
        const auto started = kernel.start_sync(asked);
        ASSERT_TRUE(started) << started.error().message;
        EXPECT_EQ(kernel.start_sync(asked).error().code, EEXIST);
        const auto running = kernel.sync_daemons();
        ASSERT_TRUE(running);
        ASSERT_EQ(running->size(), 1U);
        EXPECT_TRUE(is_as_asked(running->front(), asked)) << running->front().payload_max;
        ASSERT_TRUE(kernel.stop_sync(role));
        EXPECT_TRUE(kernel.sync_daemons()->empty());
    }
}

TEST_F(IpvsKernel, IsQuickWithATableOfSomeSize) {
    std::vector<Service> wanted;
    for (std::uint32_t service = 0; service < 1000; ++service) {
        Service& made = wanted.emplace_back();
        made.key = {.endpoint = {v4(0xc6120000U + service), 80}, .protocol = 6};
        made.settings.scheduler = "wrr";
        for (std::uint32_t server = 0; server < 20; ++server)
            made.destinations.push_back({{v4(0x0a000001U + server), 80}, {}});
    }
    const auto clock = [] { return std::chrono::steady_clock::now(); };
    const auto ms = [](auto duration) {
        return static_cast<int>(
            std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
    };
    const auto start = clock();
    EXPECT_EQ(bring(wanted), 21000U);
    const auto filled = clock();
    EXPECT_EQ(bring(wanted), 0U);
    const auto compared = clock();
    RecordProperty("ms_from_empty", ms(filled - start));
    RecordProperty("ms_unchanged", ms(compared - filled));
    std::printf("1000 x 20: %d ms from empty, %d ms unchanged\n", ms(filled - start),
                ms(compared - filled));
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
