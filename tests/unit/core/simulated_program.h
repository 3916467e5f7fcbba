// SimulatedProgram: what the XDP program does with the flow cache (bpf/flow_cache.bpf.h), in C++
// over plain memory, for tests of those who write into it. It is not the program: that one is
// compared with the core in tests/bpf. Of the checks of a packet it has those that the packets of
// these tests can fail.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "bpf/abi.h"
#include "common/net.h"
#include "dataplane/core/flow_cache.h"
#include "dataplane/core/packet.h"
#include "dataplane/flow_destinations.h"

namespace headgate::dataplane {

class SimulatedProgram {
public:
    // 2^bits buckets of each family.
    explicit SimulatedProgram(std::uint32_t bits, std::uint64_t seed = 0)
        : bits_(bits),
          seed_(seed),
          buckets4_(std::size_t{1} << bits),
          buckets6_(std::size_t{1} << bits),
          destinations_(LB_DESTINATIONS_MAX),
          controls_(1),
          names_(LB_DESTINATIONS_MAX) {}

    FlowCacheMemory memory() { return {controls_.data(), buckets4_, buckets6_, seed_}; }
    // The control thread's part.
    FlowDestinationsMemory control_memory() {
        return {destinations_, controls_, names_, &inheritance_,
                [this](std::uint32_t number, int ifindex) {
                    devices_[number] = ifindex;
                    return true;
                }};
    }
    std::span<lb_flow_control> controls() { return controls_; }

    // True: the frame has been rewritten, and goes out; false: it is as it was, and the worker's.
    // `lateness`: by how much the program's clock is behind what the worker takes for the time.
    // `egress`: the ifindex of the interface that it goes out by; 0: that which it came in on.
    bool forward(std::span<std::uint8_t> frame, std::uint32_t lateness, int& egress) {
        egress_ = 0;
        const bool is_forwarded = forward(frame, lateness);
        egress = egress_;
        return is_forwarded;
    }
    bool forward(std::span<std::uint8_t> frame, std::uint32_t lateness) {
        const lb_flow_control& control = controls_[0];
        if (frame.size() < 14 || (read<std::uint64_t>(frame, 0) & mac_mask) != control.own_mac ||
            control.bypassed != 0)
            return false;
        const std::uint16_t ethertype = read<Be16>(frame, 12).host();
        if (ethertype == 0x0800)
            return forward4(frame, lateness);
        return ethertype == 0x86dd && forward6(frame, lateness);
    }

private:
    static constexpr std::uint64_t mac_mask = 0xffffffffffff;
    static constexpr std::size_t ip_at = 14;

    template <typename T>
    static T read(std::span<const std::uint8_t> frame, std::size_t at) {
        T value{};
        std::memcpy(&value, frame.data() + at, sizeof value);
        return value;
    }
    template <typename T>
    static void write(std::span<std::uint8_t> frame, std::size_t at, T value) {
        std::memcpy(frame.data() + at, &value, sizeof value);
    }

    static bool goes_on(std::span<const std::uint8_t> frame, std::size_t at,
                        std::uint8_t protocol) {
        constexpr std::uint8_t changing = tcp_flag::fin | tcp_flag::syn | tcp_flag::rst;
        if (protocol == static_cast<std::uint8_t>(Protocol::tcp))
            return at + 20 <= frame.size() && (frame[at + 13] & changing) == 0;
        return protocol == static_cast<std::uint8_t>(Protocol::udp);
    }

    bool send_to(std::span<std::uint8_t> frame, lb_flow_goal& goal, std::uint64_t ip_bytes,
                 std::uint32_t lateness) {
        lb_flow_destination& destination = destinations_[LB_PLACE_SLOT(goal.place)];
        if (destination.generation != goal.generation)
            return false;
        const std::uint64_t number = lb_way_egress(destination.way);
        const std::uint64_t source =
            number == 0 ? controls_[0].own_mac : controls_[0].egresses[number].mac;
        if (number != 0 && (ip_bytes > destination.mtu || devices_[number] == 0))
            return false;
        egress_ = devices_[number];
        goal.last_seen = controls_[0].tick - lateness;
        write(frame, 0, lb_way_mac(destination.way) | source << 48U);
        write(frame, 8, static_cast<std::uint32_t>(source >> 16U));
        ++destination.packets;
        destination.bytes += ip_bytes;
        return true;
    }

    bool forward4(std::span<std::uint8_t> frame, std::uint32_t lateness) {
        if (frame.size() < ip_at + 28)
            return false;
        const std::uint8_t hops = frame[ip_at + 8];
        const std::uint8_t protocol = frame[ip_at + 9];
        if (frame[ip_at] != 0x45 || hops <= 1 ||
            (read<Be16>(frame, ip_at + 6).host() & 0x3fffU) != 0 ||
            !goes_on(frame, ip_at + 20, protocol))
            return false;
        const auto addresses = read<std::uint64_t>(frame, ip_at + 12);
        const auto ports = read<std::uint32_t>(frame, ip_at + 20);
        const std::uint64_t hash = lb_flow_mix(lb_flow_mix(seed_, addresses), ports);
        lb_flow_goal* goal = nullptr;
        for (const std::uint64_t bucket :
             {lb_flow_bucket(hash, bits_), lb_flow_other_bucket(hash, bits_)}) {
            for (lb_flow4& flow : buckets4_[bucket].ways)
                if (goal == nullptr && flow.addresses_be == addresses && flow.ports_be == ports &&
                    LB_PLACE_PROTOCOL(flow.goal.place) == protocol)
                    goal = &flow.goal;
        }
        if (goal == nullptr ||
            !send_to(frame, *goal, read<Be16>(frame, ip_at + 2).host(), lateness))
            return false;
        const std::uint32_t sum = read<std::uint16_t>(frame, ip_at + 10) + Be16(0x0100).raw();
        frame[ip_at + 8] = hops - 1;
        write(frame, ip_at + 10, static_cast<std::uint16_t>(sum + (sum >= 0xffff ? 1U : 0U)));
        return true;
    }

    bool forward6(std::span<std::uint8_t> frame, std::uint32_t lateness) {
        if (frame.size() < ip_at + 48)
            return false;
        const std::uint8_t protocol = frame[ip_at + 6];
        const std::uint8_t hops = frame[ip_at + 7];
        if ((frame[ip_at] & 0xf0U) != 0x60 || hops <= 1 || !goes_on(frame, ip_at + 40, protocol))
            return false;
        std::uint64_t addresses[4] = {};
        std::memcpy(addresses, frame.data() + ip_at + 8, sizeof addresses);
        std::uint64_t hash = seed_;
        for (const std::uint64_t word : addresses)
            hash = lb_flow_mix(hash, word);
        const auto ports = read<std::uint32_t>(frame, ip_at + 40);
        hash = lb_flow_mix(hash, ports);
        lb_flow_goal* goal = nullptr;
        for (const std::uint64_t bucket :
             {lb_flow_bucket(hash, bits_), lb_flow_other_bucket(hash, bits_)}) {
            for (lb_flow6& flow : buckets6_[bucket].ways)
                if (goal == nullptr && flow.ports_be == ports &&
                    std::memcmp(flow.addresses_be, addresses, sizeof addresses) == 0 &&
                    LB_PLACE_PROTOCOL(flow.goal.place) == protocol)
                    goal = &flow.goal;
        }
        const std::uint64_t ip_bytes = 40U + read<Be16>(frame, ip_at + 4).host();
        if (goal == nullptr || !send_to(frame, *goal, ip_bytes, lateness))
            return false;
        frame[ip_at + 7] = hops - 1;
        return true;
    }

    std::uint32_t bits_;
    std::uint64_t seed_;
    std::vector<lb_flow4_bucket> buckets4_;
    std::vector<lb_flow6_bucket> buckets6_;
    std::vector<lb_flow_destination> destinations_;
    std::array<int, LB_EGRESSES_MAX> devices_{};
    int egress_ = 0;
    std::vector<lb_flow_control> controls_;
    std::vector<lb_destination_name> names_;
    lb_inheritance inheritance_{LB_ABI_VERSION, 1, 0};
};

}  // namespace headgate::dataplane
