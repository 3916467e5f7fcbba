// ns per packet of the packet core, one worker, beside a loop that only swaps the MAC addresses of
// the same frames: the floor, the least that any forwarder does. Where DPDK is there, also the same
// forwarding on its hash table (hash_forwarder.h).
//
// Each sample is of another second: a connection's first packet of a second costs a write.
//
// Times contain the writing of the frames (frame_ring.h), also that of the floor. All flows are
// established before a measurement begins, except where connections themselves are what is
// measured; packets are of uniformly random flows.
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iostream>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <boost/program_options.hpp>

#include "bench/frame_ring.h"
#include "bench/measurement.h"
#include "common/check.h"
#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/packet_builder.h"
#ifdef HEADGATE_DPDK
#include "bench/hash_forwarder.h"
#endif

namespace headgate::bench {
namespace {

using dataplane::Burst;
using dataplane::burst_max;
using dataplane::Core;
using dataplane::Scheduler;
using dataplane::TunnelType;

// What is measured: a service, its clients, and what the packets are.
struct Setup {
    Family family = Family::ipv4;
    Scheduler scheduler = Scheduler::rr;
    std::uint32_t persistence_timeout_s = 0;
    std::optional<TunnelType> tunnel{};  // every real server behind one
    std::uint32_t services = 1;          // a power of two; flows are of each in turns
    std::uint32_t destinations = 16;     // of each service
    std::size_t burst = burst_max;       // packets at once; divides burst_max
};

MacAddress destination_mac(std::uint32_t number) {
    return {{0x02, 0, 0, 1, static_cast<std::uint8_t>(number >> 8U),
             static_cast<std::uint8_t>(number)}};
}

std::vector<MacAddress> destination_macs(const Setup& setup) {
    std::vector<MacAddress> macs;
    for (std::uint32_t number = 1; number <= setup.destinations; ++number)
        macs.push_back(destination_mac(number));
    return macs;
}

dataplane::DestinationConfig destination(const Setup& setup, std::uint32_t number) {
    dataplane::DestinationConfig result;
    const MacAddress mac = destination_mac(number);
    result.endpoint = {setup.family == Family::ipv4
                           ? IpAddress::v4(Be32(0x0a000000U + number))
                           : IpAddress::v6({0xfc, mac.bytes[4], mac.bytes[5]}),
                       80};
    result.weight = 1;
    result.mac = mac;
    if (setup.tunnel) {
        dataplane::TunnelConfig& tunnel = result.tunnel.emplace();
        tunnel.type = *setup.tunnel;
        tunnel.port = tunnel.type == TunnelType::gue ? 6080 : 0;
        tunnel.source = packets::ip("10.0.0.254");
        tunnel.mtu = 1500;
    }
    return result;
}

dataplane::ForwardingConfig config(const Setup& setup) {
    dataplane::ForwardingConfig result;
    result.interface_macs = {director_mac()};
    for (std::uint32_t number = 0; number < setup.services; ++number) {
        dataplane::ServiceConfig& service = result.services.emplace_back();
        service.endpoint = {service_address(setup.family, number), 80};
        service.scheduler = setup.scheduler;
        service.persistence_timeout_s = setup.persistence_timeout_s;
        if (setup.family == Family::ipv6)
            service.persistence_prefix_length = 128;
        for (std::uint32_t server = 1; server <= setup.destinations; ++server)
            service.destinations.push_back(destination(setup, server));
    }
    return result;
}

void swap_macs(Burst& burst) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        std::uint8_t* frame = burst.frames[index].data;
        std::uint8_t destination[6];
        std::memcpy(destination, frame, 6);
        std::memcpy(frame, frame + 6, 6);
        std::memcpy(frame + 6, destination, 6);
        burst.verdicts[index] = dataplane::Verdict::transmit;
    }
}

// CPU time of this thread: other processes on the machine cost caches, but not waiting.
double thread_ns() {
    timespec spent{};
    check(::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent) == 0, "a thread has a CPU clock");
    return static_cast<double>(spent.tv_sec) * 1e9 + static_cast<double>(spent.tv_nsec);
}

std::size_t whole_bursts(std::size_t packets) {
    return packets - packets % burst_max;
}

std::vector<std::uint32_t> each_flow(std::uint32_t flow_count) {
    std::vector<std::uint32_t> flows(whole_bursts(flow_count));
    for (std::uint32_t flow = 0; flow < flows.size(); ++flow)
        flows[flow] = flow;
    return flows;
}

std::vector<std::uint32_t> random_flows(std::uint32_t flow_count, std::size_t packets) {
    std::mt19937 generator(1);
    std::uniform_int_distribution<std::uint32_t> any(
        0, static_cast<std::uint32_t>(whole_bursts(flow_count)) - 1);
    std::vector<std::uint32_t> flows(whole_bursts(packets));
    for (std::uint32_t& flow : flows)
        flow = any(generator);
    return flows;
}

Measurement start(const std::string& name) {
    return {name, "ns/packet", {}, "floor", {}};
}

// Runs every flow of `flows` through `handle` in bursts; returns ns per packet.
template <typename Handle>
double time_bursts(FrameRing& ring, const std::vector<std::uint32_t>& flows, std::uint8_t tcp_flags,
                   const Handle& handle, std::size_t at_once = burst_max) {
    const std::span all(flows);
    Burst burst;
    const double begin = thread_ns();
    for (std::size_t at = 0; at + at_once <= flows.size(); at += at_once) {
        ring.fill(burst, all.subspan(at, at_once), tcp_flags);
        handle(burst);
    }
    return (thread_ns() - begin) / static_cast<double>(whole_bursts(flows.size()));
}

constexpr std::uint32_t clients_max = 8192;

struct Rig {
    Rig(const Setup& setup, std::uint32_t flow_count)
        : core({.connections_max = flow_count + clients_max, .seed = {}}, persistence),
          ring(setup.family, setup.services) {
        check(publisher.publish(config(setup)).has_value(),
              "the benchmark's configuration is right");
    }
    auto core_handler() {
        return [this](Burst& burst) {
            core.process(publisher.latest(), burst, now);
            core.expire(publisher.latest(), now);
        };
    }

    dataplane::Tick now = 1000;
    dataplane::Publisher publisher{1};
    dataplane::PersistenceTable persistence{clients_max, {}};
    Core core;
    FrameRing ring;
};

class Bench {
public:
    // Only rows whose name contains `only` are measured.
    Bench(int rounds, std::size_t packets, std::string only)
        : rounds_(rounds), packets_(packets), only_(std::move(only)) {}

    // Packets of flows that are established; and, where there is DPDK, of the same flows in its
    // table, in turns.
    void established(const std::string& name, const Setup& setup, std::uint32_t flow_count,
                     const std::string& beside = {}) {
        if (!is_wanted(name))
            return;
        Rig rig(setup, flow_count);
        const std::vector<std::uint32_t> all = each_flow(flow_count);
        time_bursts(rig.ring, all, packets::flag::syn, rig.core_handler());
        time_bursts(rig.ring, all, packets::flag::ack, rig.core_handler());
        const std::vector<std::uint32_t> random = random_flows(flow_count, packets_);
        Measurement result = start(name);
#ifdef HEADGATE_DPDK
        Measurement theirs = start(beside);
        std::optional<HashForwarder> hash;
        if (!beside.empty()) {
            hash.emplace(flow_count, director_mac(), destination_macs(setup));
            time_bursts(rig.ring, all, packets::flag::ack, [&](Burst& b) { hash->process(b); });
        }
#endif
        for (int round = 0; round < rounds_; ++round) {
            ++rig.now;
            result.samples.push_back(
                time_bursts(rig.ring, random, packets::flag::ack, rig.core_handler(), setup.burst));
            result.reference_samples.push_back(
                time_bursts(rig.ring, random, packets::flag::ack, swap_macs, setup.burst));
#ifdef HEADGATE_DPDK
            if (hash)
                theirs.samples.push_back(time_bursts(
                    rig.ring, random, packets::flag::ack, [&](Burst& b) { hash->process(b); },
                    setup.burst));
#endif
        }
        check(rig.core.counters().get(dataplane::Reason::none) ==
                  2 * all.size() + static_cast<std::size_t>(rounds_) * random.size(),
              "every frame was forwarded");
#ifdef HEADGATE_DPDK
        if (hash) {
            check(hash->flows() == all.size(), "DPDK's table knows every flow");
            theirs.reference_samples = result.reference_samples;
            measurements_.push_back(std::move(theirs));
        }
#endif
        measurements_.push_back(std::move(result));
    }

    // Every packet a SYN of a new connection. With persistence, its client is known.
    void new_connections(const std::string& name, const Setup& setup, std::uint32_t flow_count) {
        if (!is_wanted(name))
            return;
        const std::vector<std::uint32_t> all = each_flow(flow_count);
        Measurement result = start(name);
        for (int round = 0; round < rounds_; ++round) {
            Rig rig(setup, flow_count);
            if (setup.persistence_timeout_s > 0)
                bind_clients(rig, all);
            result.samples.push_back(
                time_bursts(rig.ring, all, packets::flag::syn, rig.core_handler()));
            check(rig.core.flows() == all.size(), "every SYN made a connection");
            result.reference_samples.push_back(
                time_bursts(rig.ring, all, packets::flag::syn, swap_macs));
        }
        measurements_.push_back(std::move(result));
    }

    [[nodiscard]] const std::vector<Measurement>& measurements() const { return measurements_; }

private:
    [[nodiscard]] bool is_wanted(const std::string& name) const {
        return name.find(only_) != std::string::npos;
    }
    // Each client of `flows` opens its first connection: one in 1024 of them.
    static void bind_clients(Rig& rig, const std::vector<std::uint32_t>& flows) {
        std::vector<std::uint32_t> firsts;
        constexpr std::uint32_t ports = 1024;
        for (std::uint32_t first = 0; first < flows.size(); first += ports)
            firsts.push_back(first);
        firsts.resize((firsts.size() + burst_max - 1) / burst_max * burst_max, firsts.back());
        time_bursts(rig.ring, firsts, packets::flag::syn, rig.core_handler());
    }

    int rounds_;
    std::size_t packets_;
    std::string only_;
    std::vector<Measurement> measurements_;
};

// 64 K established flows: of so many services with two real servers each, or of one with so many.
void measure_growth(Bench& bench) {
    for (const std::uint32_t services : {1U, 16U, 256U, 4096U, 16384U})
        bench.established("core/services/" + std::to_string(services),
                          {.services = services, .destinations = 2}, 64'000);
    for (const std::uint32_t destinations : {1U, 10U, 100U, 1000U})
        bench.established("core/destinations/" + std::to_string(destinations),
                          {.destinations = destinations}, 64'000);
}

// As core/established, with half as many packets at once: there is less to fetch ahead of them.
void measure_small_bursts(Bench& bench) {
    const Setup small{.burst = 32};
    bench.established("core/burst_32/1K", small, 1'000, "core/rte_hash_burst_32/1K");
    bench.established("core/burst_32/64K", small, 64'000, "core/rte_hash_burst_32/64K");
    bench.established("core/burst_32/1M", small, 1'000'000, "core/rte_hash_burst_32/1M");
    bench.established("core/burst_32/8M", small, 8'000'000);
}

void measure(Bench& bench) {
    bench.established("core/established/1K", {}, 1'000, "core/rte_hash/1K");
    bench.established("core/established/64K", {}, 64'000, "core/rte_hash/64K");
    bench.established("core/established/1M", {}, 1'000'000, "core/rte_hash/1M");
    bench.established("core/established/4M", {}, 4'000'000, "core/rte_hash/4M");
    bench.established("core/established/8M", {}, 8'000'000);
    bench.established("core/established_ipv6/64K", {.family = Family::ipv6}, 64'000);
    bench.established("core/established_ipv6/1M", {.family = Family::ipv6}, 1'000'000);
    bench.established("core/tun_ipip/64K", {.tunnel = TunnelType::ipip}, 64'000);
    bench.established("core/tun_gue/64K", {.tunnel = TunnelType::gue}, 64'000);
    bench.new_connections("core/new_connection/1M", {}, 1'000'000);
    bench.new_connections("core/new_connection_wlc/1M", {.scheduler = Scheduler::wlc}, 1'000'000);
    bench.new_connections("core/new_connection_mh/1M", {.scheduler = Scheduler::mh}, 1'000'000);
    bench.new_connections("core/persistence_hit/1M", {.persistence_timeout_s = 300}, 1'000'000);
    measure_growth(bench);
    measure_small_bursts(bench);
}

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    int rounds = 0;
    std::size_t packets = 0;
    std::string only;
    po::options_description options("core_bench: ns per packet of the packet core");
    options.add_options()("help", "this text")("rounds", po::value(&rounds)->default_value(9),
                                               "samples per measurement")(
        "packets", po::value(&packets)->default_value(2'000'000), "packets per sample")(
        "only", po::value(&only)->default_value(""), "rows whose name contains this text");
    po::variables_map given;
    po::store(po::parse_command_line(argc, argv, options), given);
    po::notify(given);
    if (given.contains("help")) {
        std::cout << options;
        return 0;
    }
    if (rounds < 1 || packets < burst_max) {
        std::cerr << "core_bench: --rounds needs at least 1, --packets at least 64\n";
        return 2;
    }
#ifdef HEADGATE_DPDK
    start_dpdk();
#endif
    Bench bench(rounds, packets, only);
    measure(bench);
    std::cout << to_json(bench.measurements()) << '\n';
    return 0;
}

}  // namespace
}  // namespace headgate::bench

int main(int argc, char** argv) {
    return headgate::bench::exit_code_of("core_bench",
                                         [&] { return headgate::bench::run(argc, argv); });
}
