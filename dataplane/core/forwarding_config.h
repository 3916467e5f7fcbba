// What to forward, as plain values: the input from which the Publisher builds a Snapshot.
// Control thread. Built from the ServiceTable, the neighbour table and the ports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/net.h"

namespace headgate::dataplane {

// Bounds of one process: the workers' counters are allocated for them at start.
inline constexpr std::size_t services_max = 4096;
inline constexpr std::size_t destinations_max = 65536;  // of all services together

// 34 years: a deadline in seconds stays within its 32 bits.
inline constexpr std::uint32_t persistence_timeout_max_s = 0x3fffffff;

// The values are the IP protocol numbers.
enum class Protocol : std::uint8_t { tcp = 6, udp = 17 };

enum class Scheduler : std::uint8_t { rr, wrr };

struct DestinationConfig {
    Endpoint endpoint;
    std::uint32_t weight = 1;  // 0: no new connections, existing ones go on
    // Where frames for it are sent, on the segment of the interface they come in on. Without it the
    // destination gets no new connections, and the frames of existing ones are dropped.
    std::optional<MacAddress> mac;
};

struct ServiceConfig {
    Endpoint endpoint;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::rr;
    std::uint32_t persistence_timeout_s = 0;      // 0: no persistence
    std::uint8_t persistence_prefix_length = 32;  // clients that share this prefix stay together
    bool active = true;  // false: its packets go to the kernel, its connections are kept
    std::vector<DestinationConfig> destinations;
};

struct ForwardingConfig {
    std::uint64_t generation = 0;  // of the ServiceTable; not interpreted here
    std::vector<MacAddress> interface_macs;
    std::vector<ServiceConfig> services;
};

}  // namespace headgate::dataplane
