// Table: virtual services and their destinations as the kernel's IPVS has them, and which of
// them a ServiceTable asks for. Pure.
//
// What the kernel fills in by itself is filled in here, too, so that what was asked for and what it
// lists compare equal.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/net.h"

namespace headgate::api {
class ServiceTable;
}

namespace headgate::forwarding::ipvs {

// Which packets a virtual service is for; no two services of the kernel have the same.
struct ServiceKey {
    Endpoint endpoint;          // with a firewall mark: the unspecified address of the family
    std::uint8_t protocol = 0;  // its IP number; with a firewall mark: 0
    std::uint32_t fwmark = 0;   // 0: by address, protocol and port
    auto operator<=>(const ServiceKey&) const = default;

    // "192.0.2.10:80/tcp", "fwmark 7", "fwmark 7 (IPv6)"
    [[nodiscard]] std::string to_string() const;
};

struct ServiceSettings {
    std::string scheduler;  // "wlc"
    bool one_packet = false;
    // What each of them means is up to the scheduler.
    bool sched_flag_1 = false;
    bool sched_flag_2 = false;
    bool sched_flag_3 = false;
    bool persistent = false;
    std::uint32_t persistence_timeout_s = 0;
    std::uint8_t persistence_prefix_length = 32;  // IPv6: 128
    std::string persistence_engine;               // "sip"; empty: by the client's address
    bool operator==(const ServiceSettings&) const = default;
};

// The kernel's numbers.
enum class Method : std::uint8_t { nat = 0, local = 1, tun = 2, dr = 3, bypass = 4 };
enum class TunnelType : std::uint8_t { ipip = 0, gue = 1, gre = 2 };
enum class TunnelChecksum : std::uint8_t { none = 0, plain = 1, remote = 2 };

struct Tunnel {
    TunnelType type = TunnelType::ipip;
    std::uint16_t port = 0;  // of gue
    TunnelChecksum checksum = TunnelChecksum::none;
    bool operator==(const Tunnel&) const = default;
};

struct DestinationSettings {
    Method method = Method::dr;
    Tunnel tunnel{};  // of tun alone
    std::uint32_t weight = 1;
    std::uint32_t upper_threshold = 0;  // connections; 0: no limit
    std::uint32_t lower_threshold = 0;
    bool operator==(const DestinationSettings&) const = default;
};

struct Destination {
    Endpoint endpoint;  // no two destinations of a service have the same
    DestinationSettings settings;
    bool operator==(const Destination&) const = default;
};

struct Service {
    ServiceKey key;
    ServiceSettings settings;
    std::vector<Destination> destinations;  // in the order in which they are to be added
    bool operator==(const Service&) const = default;
};

// Idle seconds after which connections of all services end.
struct Timeouts {
    std::uint32_t tcp_s = 0;
    std::uint32_t tcp_fin_s = 0;
    std::uint32_t udp_s = 0;
    bool operator==(const Timeouts&) const = default;
};

// What is wanted of the kernel.
struct Table {
    std::vector<Service> services;
    // Those of the configuration, and so ours where the kernel has them: the ones above, and those
    // that it is not to have now.
    std::set<ServiceKey> ours;
    Timeouts timeouts;  // 0: that of the kernel
    // Of /proc/sys/net/ipv4/vs, for all services together: "expire_quiescent_template" is 1 when
    // one of them asks for it.
    std::map<std::string, int> sysctls;
    // Somebody else forwards for all these services now: nothing is lost yet when the kernel does
    // not have them.
    bool standby = false;
    bool operator==(const Table&) const = default;
};

// Inactive services are not in it: a director that does not hold the address of a service, but may
// be one of its real servers, must not balance its packets once more.
// Requires: addresses are valid, and no two services have the same address, port and protocol.
Table table_of(const api::ServiceTable& table);

}  // namespace headgate::forwarding::ipvs
