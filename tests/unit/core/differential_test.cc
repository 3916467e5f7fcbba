// Goal: over random packets, configurations and time, the core decides as the reference model does,
// packet by packet, and no frame is lost from the counts; also with a flow cache, of which it knows
// nothing.
// Method: a seeded generator; few clients, few destinations and a small table, so that everything
// meets everything. In half of the runs a simulated XDP program takes what it can of every burst.
// HEADGATE_SEED=n repeats a run.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dataplane/core/core.h"
#include "dataplane/core/flow_scan.h"
#include "dataplane/core/packet_watch.h"
#include "dataplane/core/publisher.h"
#include "dataplane/core/stats.h"
#include "dataplane/flow_destinations.h"
#include "tests/packets/packet_builder.h"
#include "tests/packets/unwrap.h"
#include "tests/unit/core/generator.h"
#include "tests/unit/core/reference_model.h"
#include "tests/unit/core/simulated_program.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

using packets::PacketBuilder;

class Comparison {
public:
    // The program's clock may be one second late, for which the core allows: a deadline is then one
    // later than the model's. With a unit of 2 every timeout and moment is even, so that nothing
    // lies between the two; with 1 the clock is always late, so that they are the same.
    explicit Comparison(std::uint32_t seed)
        : unit_(1 + seed / 2 % 2),
          random_(seed, unit_),
          persistence_(64 * 64, {}),
          core_(options(seed), persistence_),
          flow_destinations_(program_ ? program_->control_memory() : FlowDestinationsMemory{}),
          model_(capacity) {}

    void run(int steps) {
        reconfigure();
        for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
            SCOPED_TRACE("step " + std::to_string(step));
            if (random_.one_in(20))
                reconfigure();
            if (random_.one_in(5))
                pass_time();
            if (random_.one_in(40))
                core_.set_watch(random_.one_in(2) ? &watch_ : nullptr);
            send_burst();
            compare_state();
        }
    }

    // Packets that the core has not seen.
    [[nodiscard]] std::uint64_t forwarded_by_program() const {
        return flow_destinations_.packets();
    }
    [[nodiscard]] bool caches() const { return program_.has_value(); }

private:
    static constexpr std::uint32_t capacity = 60;

    // Few ways, so that flows find no room.
    CoreOptions options(std::uint32_t seed) {
        CoreOptions options{.connections_max = capacity, .seed = {}};
        if (seed % 2 == 0)
            return options;
        program_.emplace(1 + random_.below(3), seed);
        options.flow_cache = program_->memory();
        return options;
    }

    void reconfigure() {
        ForwardingConfig config = random_.config();
        const std::vector<AccessRule> rules = random_.rules();
        const Result<AccessList> access = AccessList::build(rules);
        ASSERT_TRUE(access);
        if (!rules.empty())
            config.protection.access = std::make_shared<const AccessList>(*access);
        config.flow_cache.admit_after = static_cast<std::uint8_t>(1 + random_.below(4));
        config.flow_cache.idle_s = 1 + random_.below(100);
        if (program_ && removes_service(config))
            catch_up();
        ASSERT_TRUE(publisher_.publish(config));
        flow_destinations_.follow(publisher_.latest());
        while (core_.enforce_access(publisher_.latest(), now_)) {
        }
        model_.configure(config, rules);
    }

    // Nobody knows the timeouts of a service that is gone: its connections end by what the worker
    // had seen until then.
    [[nodiscard]] bool removes_service(const ForwardingConfig& config) const {
        std::set<std::pair<Endpoint, Protocol>> here;
        for (const ServiceConfig& service : config.services)
            here.insert({service.endpoint, service.protocol});
        return std::ranges::any_of(publisher_.latest().config().services, [&](const auto& before) {
            return !here.contains({before.endpoint, before.protocol});
        });
    }
    void catch_up() {
        FlowScan everything({}, 0, false);
        while (!core_.scan(publisher_.latest(), everything, now_)) {
        }
    }

    void pass_time() {
        now_ += unit_ * (1 + random_.below(random_.one_in(10) ? 1000 : 40));
        // As often as it takes: one call is a bounded piece of work.
        for (std::uint64_t before = core_.flows() + 1; before != core_.flows();) {
            before = core_.flows();
            core_.expire(publisher_.latest(), now_);
        }
        persistence_.expire(publisher_.latest(), now_);
        model_.expire(now_);
    }

    static packets::Bytes bytes_of(const ModelPacket& packet) {
        PacketBuilder builder = PacketBuilder::udp();
        if (packet.protocol == Protocol::tcp)
            builder = PacketBuilder::tcp(packet.flags);
        else if (packet.protocol == Protocol::sctp)
            builder = PacketBuilder::sctp(Generator::chunk_of(packet.flags));
        builder.macs(own_mac, client_mac);
        switch (packet.form) {
            case Form::whole:
                break;
            case Form::first_fragment:
                cut(builder, packet, 0, true);
                break;
            case Form::later_fragment:
                builder = PacketBuilder::raw(static_cast<std::uint8_t>(packet.protocol),
                                             packets::Bytes(8));
                cut(builder.macs(own_mac, client_mac), packet, 64, false);
                break;
            case Form::icmp_error: {
                const bool is_v4 = packet.service.address.is_v4();
                // What the real server has sent, and a router that could not pass it on.
                packets::Bytes quote =
                    builder.from(packet.service).to(packet.client).build_packet();
                return PacketBuilder::icmp(is_v4 ? 3 : 2, is_v4 ? 4 : 0, 1300, std::move(quote))
                    .macs(own_mac, client_mac)
                    .from(Endpoint{packet.router, 0})
                    .to(packet.service)
                    .build();
            }
        }
        return builder.from(packet.client).to(packet.service).build();
    }

    static void cut(PacketBuilder& builder, const ModelPacket& packet, std::uint16_t offset,
                    bool more) {
        if (packet.service.address.is_v4()) {
            builder.identification(packet.id).fragment(
                static_cast<std::uint16_t>(offset / 8U | (more ? 0x2000U : 0)));
            return;
        }
        packets::Bytes header(8);
        header[3] = static_cast<std::uint8_t>(offset | (more ? 1U : 0));
        header[7] = static_cast<std::uint8_t>(packet.id);
        builder.extension(44, header);
    }

    void send_burst() {
        Burst burst;
        burst.count = 1 + random_.below(burst_max);
        std::vector<ModelPacket> sent;
        std::vector<packets::Bytes> frames;
        burst.headroom = frame_headroom_bytes;
        while (sent.size() < burst.count) {
            const ModelPacket packet = next_packet();
            packets::Bytes bytes = bytes_of(packet);
            if (is_forwarded_by_program(packet, bytes))
                continue;
            sent.push_back(packet);
            packets::Bytes& memory = frames.emplace_back(frame_headroom_bytes);
            memory.insert(memory.end(), bytes.begin(), bytes.end());
        }
        for (std::uint32_t index = 0; index < burst.count; ++index)
            burst.frames[index] = {
                frames[index].data() + frame_headroom_bytes,
                static_cast<std::uint32_t>(frames[index].size() - frame_headroom_bytes)};
        core_.process(publisher_.reader(0).current(), burst, now_);
        sent_ += burst.count;
        // What is rare is handled behind the rest of the burst.
        std::vector<MacAddress> released;
        for (const bool rare : {false, true}) {
            for (std::uint32_t index = 0; index < burst.count; ++index) {
                if ((sent[index].form != Form::whole) == rare)
                    judge(burst, index, sent[index], released);
            }
        }
        ASSERT_EQ(core_.released().size(), released.size());
        for (std::size_t index = 0; index < released.size(); ++index)
            ASSERT_TRUE(std::equal(released[index].bytes.begin(), released[index].bytes.end(),
                                   core_.released()[index].data));
    }

    // With a cache there are flows, too, that go on.
    ModelPacket next_packet() {
        if (program_ && !recent_.empty() && random_.one_in(2))
            return random_.packet_after(recent_);
        const ModelPacket packet = random_.packet();
        if (recent_.size() < 8)
            recent_.push_back(packet);
        else if (random_.one_in(8))
            recent_[random_.below(8)] = packet;
        return packet;
    }

    // Before the worker sees anything of the burst.
    bool is_forwarded_by_program(const ModelPacket& packet, packets::Bytes& frame) {
        const std::uint32_t lateness = unit_ == 1 ? 1 : random_.below(2);
        ModelResult result{Reason::none, {}, {}};
        if (!program_ || !program_->forward(frame, lateness, result.egress))
            return false;
        take_result({frame.data(), static_cast<std::uint32_t>(frame.size())}, packet, result);
        EXPECT_EQ(model_.judge(packet, result, now_), "")
            << "by the program: " << packet.client.to_string() << " to "
            << packet.service.to_string() << " flags " << int{packet.flags};
        ++sent_;
        return true;
    }

    void judge(const Burst& burst, std::uint32_t index, const ModelPacket& sent,
               std::vector<MacAddress>& released) {
        ModelResult result{burst.reasons[index], {}, {}};
        if (burst.verdicts[index] == Verdict::elsewhere) {
            ASSERT_EQ(result.reason, Reason::none);
            result.egress = burst.egresses[index];
            ASSERT_NE(result.egress, 0);
        } else {
            ASSERT_EQ(burst.verdicts[index], info(result.reason).verdict);
        }
        const Frame& frame = burst.frames[index];
        if (result.reason == Reason::none)
            take_result(frame, sent, result);
        else
            ASSERT_EQ(packets::Bytes(frame.data, frame.data + frame.length), bytes_of(sent));
        ASSERT_EQ(model_.judge(sent, result, now_), "")
            << "packet " << index << " of the burst: " << sent.client.to_string() << " to "
            << sent.service.to_string() << " flags " << int{sent.flags} << " form "
            << static_cast<int>(sent.form);
        released.insert(released.end(), model_.released().begin(), model_.released().end());
    }

    // Where the frame went: directly, or through which tunnel.
    static void take_result(const Frame& frame, const ModelPacket& sent, ModelResult& result) {
        std::copy_n(frame.data, 6, result.to.bytes.begin());
        MacAddress source;
        std::copy_n(frame.data + 6, 6, source.bytes.begin());
        EXPECT_EQ(source, result.egress == 0 ? own_mac : egress_mac(result.egress));
        const packets::Bytes before = bytes_of(sent);
        if (std::equal(before.begin() + 12, before.begin() + 14, frame.data + 12) &&
            frame.length == before.size())
            return;
        const packets::Unwrapped unwrapped = packets::unwrap({frame.data, frame.length}, gue_port);
        EXPECT_EQ(unwrapped.problem, "");
        EXPECT_EQ(unwrapped.packet, packets::packet_after_hop(before));
        EXPECT_EQ(unwrapped.source, unwrapped.source.is_v4() ? tunnel_source_v4 : tunnel_source_v6);
        result.through = unwrapped.destination;
    }

    void compare_state() {
        ASSERT_EQ(core_.flows(), model_.connections());
        const Core* workers[] = {&core_};
        const ForwardingStats stats = collect_stats(publisher_.latest(), workers);
        std::uint64_t counted = forwarded_by_program();
        for (const std::uint64_t count : stats.reasons)
            counted += count;
        ASSERT_EQ(counted, sent_) << "every frame is counted once";
        const Snapshot& snapshot = publisher_.latest();
        const auto& services = snapshot.config().services;
        for (std::size_t service = 0; service < services.size(); ++service) {
            const auto& destinations = services[service].destinations;
            for (std::size_t number = 0; number < destinations.size(); ++number) {
                const auto wanted = model_.gauges(services[service], destinations[number].endpoint);
                const TrafficStats& seen = stats.services[service].destinations[number];
                ASSERT_EQ(seen.active_connections, wanted.active);
                ASSERT_EQ(seen.inactive_connections, wanted.inactive);
                const Slot slot = snapshot.slots()[service].destinations[number];
                const ConnectionCount load = snapshot.load(slot).count();
                ASSERT_EQ(load.active(), wanted.active);
                ASSERT_EQ(load.inactive(), wanted.inactive);
            }
        }
    }

    std::uint32_t unit_;
    Generator random_;
    Publisher publisher_{1};
    PersistenceTable persistence_;
    PacketWatch watch_{{}, 0, 4096};
    std::vector<ModelPacket> recent_;
    std::optional<SimulatedProgram> program_;
    Core core_;
    FlowDestinations flow_destinations_;
    ReferenceModel model_;
    Tick now_ = 0;
    std::uint64_t sent_ = 0;
};

TEST(Differential, TheCoreDecidesAsTheModelDoes) {
    const char* given = std::getenv("HEADGATE_SEED");
    const auto first = given != nullptr ? static_cast<std::uint32_t>(std::atoll(given))
                                        : std::uint32_t{std::random_device{}()};
    const std::uint32_t runs = given != nullptr ? 1 : rounds(20);
    for (std::uint32_t seed = first; seed != first + runs && !HasFailure(); ++seed) {
        SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed));
        Comparison comparison(seed);
        comparison.run(1000);
        EXPECT_EQ(comparison.forwarded_by_program() > 0, comparison.caches());
    }
}

}  // namespace
}  // namespace headgate::dataplane
