// The typed configuration: what a keepalived.conf means, with every default filled in.
// Plain values, immutable after load; the parts of the control plane take from it what concerns
// them. No part writes into it, and nothing here knows how it was parsed.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/limits.h"
#include "common/net.h"

namespace headgate::config {

// Where something stands in a file; line and column count from 1.
struct SourceLocation {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    bool operator==(const SourceLocation&) const = default;
};

// ---- VRRP ---------------------------------------------------------------------------------------

enum class VrrpInitialState : std::uint8_t { backup, master };

// One entry of virtual_ipaddress.
struct VirtualAddress {
    Prefix prefix;
    std::string interface;  // "dev", or the instance's interface
    std::string label;      // empty: none
    std::optional<IpAddress> broadcast;
    std::uint8_t scope = 0;  // RT_SCOPE_*: 0 global, 253 link, 254 host
    bool operator==(const VirtualAddress&) const = default;
};

struct VrrpInstance {
    std::string name;
    SourceLocation location;
    VrrpInitialState initial_state = VrrpInitialState::backup;
    std::string interface;
    std::uint8_t vrid = 0;
    std::uint8_t priority = 100;
    std::uint8_t version = 2;  // 2 or 3
    Duration advert_interval = std::chrono::seconds(1);
    // auth_type PASS: at most eight bytes; version 2 only.
    std::optional<std::string> auth_pass;
    bool preempt = true;
    std::vector<VirtualAddress> virtual_addresses;
    // A VIP disappears from the kernel this long after the last renewal.
    std::chrono::seconds vip_lease = limits::vip_lease_default;
    // Gratuitous ARP: `garp_repeat` at once, and as many again after `garp_delay` (0: not again).
    std::uint32_t garp_repeat = 5;
    std::chrono::seconds garp_delay{5};
};

// ---- Virtual servers ----------------------------------------------------------------------------

enum class Protocol : std::uint8_t { tcp, udp, sctp };
enum class Scheduler : std::uint8_t {
    rr,
    wrr,
    lc,
    wlc,
    lblc,
    lblcr,
    sh,
    mh,
    dh,
    fo,
    ovf,
    sed,
    nq,
    twos
};
enum class ForwardingMethod : std::uint8_t { nat, dr, tun };

// Timing and target that every checker has, after inheritance from real_server and virtual_server.
struct CheckTiming {
    Duration delay_loop{};       // between checks
    Duration connect_timeout{};  // for the connection, and again for the answer
    std::uint32_t retry = 0;     // failures forgiven before the server is down
    Duration delay_before_retry{};
    bool operator==(const CheckTiming&) const = default;
};

struct TcpCheck {
    Endpoint target;
    bool operator==(const TcpCheck&) const = default;
};

struct StatusRange {
    std::uint16_t first = 200;
    std::uint16_t last = 299;
    bool operator==(const StatusRange&) const = default;
};

struct HttpUrl {
    std::string path = "/";
    std::vector<StatusRange> statuses{StatusRange{}};
    std::string virtual_host;  // Host header; empty: address:port of the target
    bool operator==(const HttpUrl&) const = default;
};

struct HttpCheck {
    Endpoint target;
    std::vector<HttpUrl> urls;
    bool operator==(const HttpCheck&) const = default;
};

struct Check {
    CheckTiming timing;
    std::variant<TcpCheck, HttpCheck> kind;
    bool operator==(const Check&) const = default;
};

struct RealServer {
    Endpoint endpoint;
    SourceLocation location;
    std::uint32_t weight = 1;
    std::vector<Check> checks;  // up when all of them pass; none: always up
};

struct VirtualServer {
    Endpoint endpoint;
    SourceLocation location;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::wlc;
    ForwardingMethod method = ForwardingMethod::nat;
    std::chrono::seconds persistence_timeout{0};  // 0: no persistence
    std::uint8_t persistence_prefix_length = 32;
    bool alpha = false;  // real servers start down until their checks pass
    std::vector<RealServer> real_servers;
};

// ---- The rest -----------------------------------------------------------------------------------

enum class XdpMode : std::uint8_t { automatic, native, generic };

// The dataplane { } block, a Headgate extension.
struct Dataplane {
    std::vector<std::string> interfaces;  // empty: those of the VRRP instances
    XdpMode mode = XdpMode::automatic;
};

struct Config {
    std::string file;
    std::string router_id;  // default: the host name
    std::vector<VrrpInstance> vrrp_instances;
    std::vector<VirtualServer> virtual_servers;
    Dataplane dataplane;
};

}  // namespace headgate::config
