// What to forward, as plain values: the input from which the Publisher builds a Snapshot.
// Control thread. Built from the ServiceTable, the neighbour table and the ports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/flow_cache_defaults.h"
#include "common/limits.h"
#include "common/net.h"
#include "dataplane/core/protection.h"

namespace headgate::dataplane {

// Bounds of one process: the workers' counters are allocated for them at start.
inline constexpr std::size_t services_max = limits::services_max;
inline constexpr std::size_t destinations_max = 65536;  // of all services together

// 34 years: of two moments that a timeout lies between, it is always clear which is the later.
inline constexpr std::uint32_t timeout_max_s = 0x3fffffff;

// The values are the IP protocol numbers.
enum class Protocol : std::uint8_t { tcp = 6, udp = 17, sctp = 132 };

// IPVS's; scheduler.h says what each does.
enum class Scheduler : std::uint8_t {
    rr,
    wrr,
    lc,
    wlc,
    sed,
    nq,
    sh,
    dh,
    mh,
    fo,
    ovf,
    lblc,
    lblcr,
    twos
};

// IPVS's; tunnel.h says what each is on the wire.
enum class TunnelType : std::uint8_t { ipip, gue, gre };

// How packets are wrapped for a real server that they reach through a tunnel.
struct TunnelConfig {
    TunnelType type = TunnelType::ipip;
    std::uint16_t port = 0;  // the UDP port of gue
    bool checksum = false;   // over all that is in the tunnel; of gue and gre
    // What is known together with the MAC address: the source address of the outer header, of the
    // family of the real server, and the longest IP packet that the way to it takes.
    IpAddress source{};
    std::uint32_t mtu = 0;
};

// The interface that packets leave by, when it is not the one they come in on.
struct EgressConfig {
    int ifindex = 0;
    std::string name;
    MacAddress mac;  // what frames come from
    // The longest IP packet that the way takes; at least mtu_min() of the destination's family.
    std::uint32_t mtu = 0;
    bool takes_redirects = false;  // also from the XDP program

    bool operator==(const EgressConfig&) const = default;
};

struct DestinationConfig {
    Endpoint endpoint;
    std::uint32_t weight = 1;  // 0: no new connections, existing ones go on
    // Where frames for it are sent, on the segment of the interface they come in on, or of
    // `egress`. Without it the destination gets no new connections, and the frames of existing ones
    // are dropped.
    std::optional<MacAddress> mac;
    // No new connections, but its weight still counts for its place in sh and mh: the clients of
    // the others stay where they are.
    bool inhibited = false;
    bool leaving = false;  // it keeps the connections that it has, and nothing else
    // From so many connections on it gets no new ones (0: no limit), until it has fewer than the
    // lower number (0: than three quarters of the upper).
    std::uint32_t connections_upper = 0;
    std::uint32_t connections_lower = 0;
    // Without one it is reached by direct routing. With one, `mac` is the next hop's.
    std::optional<TunnelConfig> tunnel{};
    std::optional<EgressConfig> egress{};
};

// Idle seconds after which a connection ends: IPVS's defaults. SCTP has the states of TCP, and
// always these defaults of theirs, as what is configurable in IPVS is not for SCTP.
struct ConnectionTimeouts {
    std::uint32_t tcp_s = 900;      // established
    std::uint32_t tcp_fin_s = 120;  // the client has closed it
    std::uint32_t udp_s = 300;
};

struct ServiceConfig {
    // Port 0: every port of the address that has no service of its own.
    Endpoint endpoint;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::rr;
    bool hash_port = false;      // sh, mh: the client's port counts too
    bool hash_fallback = false;  // sh, mh: another destination when theirs takes no connections
    bool one_packet = false;     // UDP: every packet is scheduled by itself, none is remembered
    ConnectionTimeouts timeouts;
    // Clients that are bound to a destination which takes no connections get another one.
    bool expire_quiescent = false;
    // Services with the same one, if not empty, bind a client to the same real server: that of the
    // same address.
    std::string group;
    std::uint32_t persistence_timeout_s = 0;  // 0: no persistence
    // Clients that share this prefix stay together: at most 32, or 128 of an IPv6 service.
    std::uint8_t persistence_prefix_length = 32;
    bool active = true;  // false: its packets go to the kernel, its connections are kept
    // Of the family of the service, but those behind a tunnel.
    std::vector<DestinationConfig> destinations;
};

// Which connections enter the flow cache.
struct FlowCachePolicy {
    // After so many packets since they were established.
    std::uint8_t admit_after = flow_cache_defaults::admit_after;
    // A flow that has been idle for longer makes room for another.
    std::uint32_t idle_s = flow_cache_defaults::idle_s;
};

struct ForwardingConfig {
    std::uint64_t generation = 0;  // of the ServiceTable; not interpreted here
    std::vector<MacAddress> interface_macs;
    std::vector<ServiceConfig> services;
    Protection protection;
    FlowCachePolicy flow_cache{};
};

}  // namespace headgate::dataplane
