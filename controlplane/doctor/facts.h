// Facts: what the machine is like, as far as Headgate depends on it. What could not be read is
// empty, and nothing is said of it.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace headgate::doctor {

struct KernelVersion {
    int major = 0;
    int minor = 0;
    friend auto operator<=>(const KernelVersion&, const KernelVersion&) = default;
};

// What a driver can do for XDP, as the kernel's netdev family tells (since 6.3).
struct XdpFeatures {
    bool native = false;
    bool transmit = false;  // frames that XDP redirects to it
    bool zero_copy = false;
};

struct Interface {
    std::string name;
    std::string driver{};  // "veth", "ice"; empty: none
    std::uint32_t mtu = 0;
    std::optional<std::uint32_t> queues{};      // that it receives by
    std::optional<std::uint32_t> queues_max{};  // that its driver has
    std::optional<bool> lro{};
    std::optional<bool> gro_hw{};
    std::optional<bool> tx_checksum{};
    std::optional<XdpFeatures> xdp{};
    std::optional<int> rp_filter{};  // what holds: the greater of its own and that of all
    bool has_ipv4 = false;
};

// A real server that is asked about.
struct RealServer {
    std::string address;
    bool is_here = false;  // an address of this machine
    // Of all interfaces, where it is here.
    std::optional<int> arp_ignore{};
    std::optional<int> arp_announce{};
    std::optional<int> rp_filter{};
};

struct Facts {
    KernelVersion kernel;
    std::uint32_t cpus = 0;
    std::string clock_source;  // in use
    std::vector<std::string> clock_sources;
    std::string huge_pages;                      // transparent ones: "always", "madvise", "never"
    bool may_lock_memory = true;                 // CAP_IPC_LOCK
    std::optional<std::uint64_t> memlock_bytes;  // the limit without it; nothing: none
    std::vector<Interface> interfaces;
    std::optional<RealServer> server;
};

}  // namespace headgate::doctor
