// ns per packet of the packet core, one worker, beside a loop that only swaps the MAC addresses of
// the same frames (the least that any forwarder does).
//
// Frames lie in a ring of 2 KB buffers that fits the L2 cache, as after a driver's receive. Each
// burst takes the next 64 and gets the clients of uniformly random flows written into them; the
// reference does the same, so both times contain it. All flows are established before a
// measurement begins, except where connections themselves are what is measured.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <boost/program_options.hpp>

#include "bench/measurement.h"
#include "common/check.h"
#include "dataplane/core/core.h"
#include "dataplane/core/publisher.h"
#include "tests/packets/packet_builder.h"

namespace headgate::bench {
namespace {

using dataplane::Burst;
using dataplane::burst_max;
using dataplane::Core;

constexpr std::size_t ring_frames = 512;
constexpr std::size_t frame_stride = 2048;
constexpr std::size_t ttl_at = 22;  // in an Ethernet frame without IP options
constexpr std::size_t checksum_at = 24;
constexpr std::size_t client_address_at = 26;
constexpr std::size_t client_port_at = 34;
constexpr std::size_t tcp_flags_at = 47;
constexpr dataplane::Tick now = 1000;

const MacAddress director = packets::mac("02:00:00:00:00:01");

// Every real server behind one, or none.
using Tunnel = std::optional<dataplane::TunnelConfig>;

dataplane::ForwardingConfig config(dataplane::Scheduler scheduler, const Tunnel& tunnel = {}) {
    dataplane::ForwardingConfig result;
    result.interface_macs = {director};
    dataplane::ServiceConfig& service = result.services.emplace_back();
    service.endpoint = {packets::ip("192.0.2.10"), 80};
    service.scheduler = scheduler;
    for (std::uint8_t number = 1; number <= 16; ++number) {
        MacAddress mac = packets::mac("02:00:00:00:01:00");
        mac.bytes[5] = number;
        service.destinations.push_back({{IpAddress::v4(Be32(0x0a000000U + number)), 80}, 1, mac});
        service.destinations.back().tunnel = tunnel;
    }
    return result;
}

class Ring {
public:
    Ring() : memory_(ring_frames * frame_stride) {
        const packets::Bytes frame = packets::PacketBuilder::tcp(packets::flag::ack)
                                         .macs(director, packets::mac("02:00:00:00:00:02"))
                                         .from("10.1.0.1", 1)
                                         .to("192.0.2.10", 80)
                                         .pad_to(60)
                                         .build();
        length_ = static_cast<std::uint32_t>(frame.size());
        std::copy_n(frame.begin(), ethernet_.size(), ethernet_.begin());
        ttl_ = frame[ttl_at];
        // The sum of the header but for the client's address: 10.1.0.1 taken away, as it lies in
        // memory (RFC 1071 2: the order of the bytes does not matter to the sum).
        std::uint16_t checksum = 0;
        std::memcpy(&checksum, &frame[checksum_at], sizeof(checksum));
        const std::uint32_t address = packets::ip("10.1.0.1").as_v4().raw();
        sum_ = (checksum ^ 0xffffU) + (~address & 0xffffU) + (~address >> 16U);
        for (std::size_t index = 0; index < ring_frames; ++index)
            std::ranges::copy(frame,
                              &memory_[index * frame_stride + dataplane::frame_headroom_bytes]);
    }

    // The next 64 frames, from the clients of `flows[0..63]`.
    void fill(Burst& burst, const std::uint32_t* flows, std::uint8_t tcp_flags) {
        burst.count = burst_max;
        burst.headroom = dataplane::frame_headroom_bytes;
        for (std::size_t index = 0; index < burst_max; ++index) {
            std::uint8_t* frame = &memory_[next_ * frame_stride + dataplane::frame_headroom_bytes];
            next_ = (next_ + 1) % ring_frames;
            // What the core has left of it: a tunnel's headers lie over all of it.
            std::memcpy(frame, ethernet_.data(), ethernet_.size());
            // The flow's upper bits are the address, 16 of them the port.
            const std::uint32_t address = Be32(0x0a010000U + (flows[index] >> 10U)).raw();
            const auto port = Be16(static_cast<std::uint16_t>(1024 + (flows[index] & 1023U))).raw();
            std::memcpy(frame + client_address_at, &address, sizeof(address));
            // The core has left the frame with a hop less.
            frame[ttl_at] = ttl_;
            std::uint32_t sum = sum_ + (address & 0xffffU) + (address >> 16U);
            sum = (sum & 0xffffU) + (sum >> 16U);
            const auto checksum = static_cast<std::uint16_t>(~(sum + (sum >> 16U)));
            std::memcpy(frame + checksum_at, &checksum, sizeof(checksum));
            std::memcpy(frame + client_port_at, &port, sizeof(port));
            frame[tcp_flags_at] = tcp_flags;
            burst.frames[index] = {frame, length_};
        }
    }

private:
    std::vector<std::uint8_t> memory_;
    std::array<std::uint8_t, 14> ethernet_{};
    std::uint32_t length_ = 0;
    std::uint32_t sum_ = 0;
    std::uint8_t ttl_ = 0;
    std::size_t next_ = 0;
};

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

// Runs every flow of `flows` through `handle` in bursts; returns ns per packet.
template <typename Handle>
double time_bursts(Ring& ring, const std::vector<std::uint32_t>& flows, std::uint8_t tcp_flags,
                   const Handle& handle) {
    Burst burst;
    const double start = thread_ns();
    for (std::size_t at = 0; at + burst_max <= flows.size(); at += burst_max) {
        ring.fill(burst, &flows[at], tcp_flags);
        handle(burst);
    }
    return (thread_ns() - start) / static_cast<double>(whole_bursts(flows.size()));
}

class Bench {
    static Measurement start(const std::string& name) {
        return {name, "ns/packet", {}, "MAC swap of the same frames", {}};
    }
    auto through(Core& core) {
        return [this, &core](Burst& burst) {
            core.process(publisher_.latest(), burst, now);
            core.expire(publisher_.latest(), now);
        };
    }

public:
    explicit Bench(int rounds) : rounds_(rounds), persistence_(64, {}) {
        publish(dataplane::Scheduler::rr);
    }

    Measurement established(const std::string& name, std::uint32_t flow_count,
                            std::size_t packets) {
        Core core({.connections_max = flow_count, .seed = {}}, persistence_);
        const std::vector<std::uint32_t> all = each_flow(flow_count);
        time_bursts(ring_, all, packets::flag::syn, through(core));
        time_bursts(ring_, all, packets::flag::ack, through(core));
        const std::vector<std::uint32_t> random = random_flows(flow_count, packets);
        Measurement result = start(name);
        for (int round = 0; round < rounds_; ++round) {
            result.samples.push_back(time_bursts(ring_, random, packets::flag::ack, through(core)));
            result.reference_samples.push_back(
                time_bursts(ring_, random, packets::flag::ack, swap_macs));
        }
        check(core.counters().get(dataplane::Reason::none) ==
                  2 * all.size() + static_cast<std::size_t>(rounds_) * random.size(),
              "every frame was forwarded");
        return result;
    }

    // The same, into a tunnel; the reference still only swaps the MAC addresses.
    Measurement tunnelled(const std::string& name, dataplane::TunnelType type,
                          std::uint32_t flow_count, std::size_t packets) {
        dataplane::TunnelConfig tunnel;
        tunnel.type = type;
        tunnel.port = type == dataplane::TunnelType::gue ? 6080 : 0;
        tunnel.source = packets::ip("10.0.0.254");
        tunnel.mtu = 1500;
        publish(dataplane::Scheduler::rr, tunnel);
        Measurement result = established(name, flow_count, packets);
        publish(dataplane::Scheduler::rr);
        return result;
    }

    // Every packet a SYN of a new client.
    Measurement new_connections(const std::string& name, std::uint32_t flow_count,
                                dataplane::Scheduler scheduler) {
        publish(scheduler);
        const std::vector<std::uint32_t> all = each_flow(flow_count);
        Measurement result = start(name);
        for (int round = 0; round < rounds_; ++round) {
            Core core({.connections_max = flow_count, .seed = {}}, persistence_);
            result.samples.push_back(time_bursts(ring_, all, packets::flag::syn, through(core)));
            check(core.flows() == all.size(), "every SYN made a connection");
            result.reference_samples.push_back(
                time_bursts(ring_, all, packets::flag::syn, swap_macs));
        }
        return result;
    }

private:
    void publish(dataplane::Scheduler scheduler, const Tunnel& tunnel = {}) {
        check(publisher_.publish(config(scheduler, tunnel)).has_value(),
              "the benchmark's configuration is right");
    }
    static std::vector<std::uint32_t> each_flow(std::uint32_t flow_count) {
        std::vector<std::uint32_t> flows(whole_bursts(flow_count));
        for (std::uint32_t flow = 0; flow < flows.size(); ++flow)
            flows[flow] = flow;
        return flows;
    }
    static std::vector<std::uint32_t> random_flows(std::uint32_t flow_count, std::size_t packets) {
        std::mt19937 generator(1);
        std::uniform_int_distribution<std::uint32_t> any(
            0, static_cast<std::uint32_t>(whole_bursts(flow_count)) - 1);
        std::vector<std::uint32_t> flows(whole_bursts(packets));
        for (std::uint32_t& flow : flows)
            flow = any(generator);
        return flows;
    }

    int rounds_;
    dataplane::Publisher publisher_{1};
    dataplane::PersistenceTable persistence_;
    Ring ring_;
};

int run(int argc, char** argv) {
    namespace po = boost::program_options;
    int rounds = 0;
    std::size_t packets = 0;
    po::options_description options("core_bench: ns per packet of the packet core");
    options.add_options()("help", "this text")("rounds", po::value(&rounds)->default_value(9),
                                               "samples per measurement")(
        "packets", po::value(&packets)->default_value(2'000'000), "packets per sample");
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
    Bench bench(rounds);
    const std::vector<Measurement> measurements{
        bench.established("core_established_1k", 1'000, packets),
        bench.established("core_established_64k", 64'000, packets),
        bench.established("core_established_1m", 1'000'000, packets),
        bench.tunnelled("core_tun_64k", dataplane::TunnelType::ipip, 64'000, packets),
        bench.tunnelled("core_tun_gue_64k", dataplane::TunnelType::gue, 64'000, packets),
        bench.new_connections("core_new_connection_1m", 1'000'000, dataplane::Scheduler::rr),
        bench.new_connections("core_new_connection_1m_wlc", 1'000'000, dataplane::Scheduler::wlc),
        bench.new_connections("core_new_connection_1m_mh", 1'000'000, dataplane::Scheduler::mh),
    };
    std::cout << to_json(measurements) << '\n';
    return 0;
}

}  // namespace
}  // namespace headgate::bench

int main(int argc, char** argv) {
    return headgate::bench::exit_code_of("core_bench",
                                         [&] { return headgate::bench::run(argc, argv); });
}
