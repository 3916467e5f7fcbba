// The typed configuration of virtual servers, and of the dataplane that carries them: see model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/clock.h"
#include "common/flow_cache_defaults.h"
#include "common/net.h"
#include "controlplane/config/location.h"
#include "controlplane/config/model_protection.h"

namespace headgate::config {

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
enum class TunnelType : std::uint8_t { ipip, gue, gre };
// Of what a tunnel carries. `remote` is keepalived's remcsum, which changes only the packets of a
// local sender; for all others it is `plain`, as in IPVS.
enum class TunnelChecksum : std::uint8_t { none, plain, remote };

// How packets reach a real server.
struct Forwarding {
    ForwardingMethod method = ForwardingMethod::nat;
    // Of tun alone.
    TunnelType type = TunnelType::ipip;
    std::uint16_t port = 0;  // gue
    TunnelChecksum checksum = TunnelChecksum::none;
    bool operator==(const Forwarding&) const = default;
};

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
    Forwarding forwarding;
    std::uint32_t weight = 1;
    // When it is down it stays in the table and gets no new connections, instead of leaving it.
    bool inhibit_on_failure = false;
    // New connections stop at the upper number and go on below the lower; 0: no limit, and three
    // quarters of the upper.
    std::uint32_t upper_threshold = 0;
    std::uint32_t lower_threshold = 0;
    std::vector<Check> checks;  // up when all of them pass; none: always up
};

// Which packets a virtual server is for; no two of a configuration have the same.
struct ServiceKey {
    Endpoint endpoint;  // with a firewall mark: the unspecified address of its family, and port 0
    Protocol protocol = Protocol::tcp;  // with a firewall mark: udp, though it is for any
    std::uint32_t fwmark = 0;           // 0: by address, protocol and port
    auto operator<=>(const ServiceKey&) const = default;
};

struct VirtualServer {
    Endpoint endpoint;         // port 0: every port; with a firewall mark: see ServiceKey
    std::uint32_t fwmark = 0;  // 0: by address, protocol and port
    std::string group;         // the virtual_server_group that it is one address of; empty: none
    SourceLocation location;
    Protocol protocol = Protocol::tcp;
    Scheduler scheduler = Scheduler::wlc;
    // sh, mh: the client's port counts too. Flag 2 of IPVS, whatever another scheduler takes it
    // for.
    bool hash_port = false;
    // sh, mh: another server when theirs takes no connections. Flag 1.
    bool hash_fallback = false;
    bool flag_3 = false;      // of IPVS; no scheduler of the kernel takes it for anything
    bool one_packet = false;  // UDP: every packet is scheduled by itself
    ForwardingMethod method = ForwardingMethod::nat;  // of real servers that do not say it
    std::chrono::seconds persistence_timeout{0};      // 0: no persistence
    std::uint8_t persistence_prefix_length = 32;      // IPv6: 128
    std::string persistence_engine;                   // "sip"; empty: by the client's address
    bool expire_quiescent = false;          // persistent clients leave servers of weight 0
    std::chrono::seconds drain_timeout{0};  // how long a removed server keeps its connections
    bool alpha = false;                     // real servers start down until their checks pass
    std::vector<RealServer> real_servers;

    [[nodiscard]] ServiceKey key() const { return {endpoint, protocol, fwmark}; }
};

// Idle time after which a connection ends; 0: IPVS's default.
struct ConnectionTimeouts {
    std::chrono::seconds tcp{0};
    std::chrono::seconds tcp_fin{0};
    std::chrono::seconds udp{0};
};

enum class XdpMode : std::uint8_t { automatic, native, generic };

// Established connections that the XDP program forwards by itself.
struct FlowCache {
    std::uint32_t flows = flow_cache_defaults::flows;  // of IPv4, for each worker; 0: none
    std::uint8_t admit_after = flow_cache_defaults::admit_after;
    std::uint32_t idle_s = flow_cache_defaults::idle_s;
};

// What forwards: headgate-dataplane, the kernel's IPVS, or the first of them that can.
enum class EngineChoice : std::uint8_t { automatic, af_xdp, ipvs };

// Whether IPVS has the virtual servers of the bypass, too, and forwards while the bypass does not.
enum class IpvsStandby : std::uint8_t {
    automatic,  // with `engine auto`, where the kernel has IPVS
    on,         // it is a fault when it cannot
    off,
};

// lvs_sync_daemon: a thread of the kernel's IPVS that tells other directors its connections, or
// learns theirs.
struct SyncDaemon {
    std::string interface;
    std::string instance;  // the VRRP instance that decides which; empty: both run
    std::uint8_t id = 0;
    std::uint16_t payload_max = 0;  // bytes; 0: what the interface takes
    std::uint16_t port = 8848;
    std::uint8_t ttl = 1;
    IpAddress group;  // multicast
};

// What else happens to the kernel's IPVS.
struct IpvsPolicy {
    std::optional<SyncDaemon> sync_daemon;

    bool flush_at_start = false;         // all services go, whoever has made them
    bool flush_on_stop = false;          // likewise
    std::map<std::string, int> sysctls;  // of /proc/sys/net/ipv4/vs, while it has services
};

// The dataplane { } block, a Headgate extension.
struct Dataplane {
    EngineChoice engine = EngineChoice::automatic;
    IpvsStandby ipvs_standby = IpvsStandby::automatic;
    std::vector<std::string> interfaces;  // empty: those of the VRRP instances
    XdpMode mode = XdpMode::automatic;
    Protection protection;
    FlowCache flow_cache{};
};

}  // namespace headgate::config
