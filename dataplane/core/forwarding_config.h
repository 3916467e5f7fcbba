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
enum class Protocol : std::uint8_t { tcp = 6, udp = 17, sctp = 132 };

enum class Scheduler : std::uint8_t { rr, wrr };

struct DestinationConfig {
    Endpoint endpoint;
    std::uint32_t weight = 1;  // 0: no new connections, existing ones go on
    // Where frames for it are sent, on the segment of the interface they come in on. Without it the
    // destination gets no new connections, and the frames of existing ones are dropped.
    std::optional<MacAddress> mac;
};

struct ServiceConfig {
    // Port 0: every port of the address that has no service of its own.
    Endpoint endpoint;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::rr;
    std::uint32_t persistence_timeout_s = 0;  // 0: no persistence
    // Clients that share this prefix stay together: at most 32, or 128 of an IPv6 service.
    std::uint8_t persistence_prefix_length = 32;
    bool active = true;  // false: its packets go to the kernel, its connections are kept
    std::vector<DestinationConfig> destinations;  // of the family of the service
};

struct ForwardingConfig {
    std::uint64_t generation = 0;  // of the ServiceTable; not interpreted here
    std::vector<MacAddress> interface_macs;
    std::vector<ServiceConfig> services;
};

}  // namespace headgate::dataplane
