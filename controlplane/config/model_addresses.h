// Addresses as the configuration has them: virtual_ipaddress, virtual_ipaddress_excluded and
// static_ipaddress, and the devices that are made for virtual ones. Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/net.h"

namespace headgate::config {

// fe80::/10 (RFC 4291 2.5.6).
inline bool is_link_local(const IpAddress& address) {
    return !address.is_v4() && address.bytes()[0] == 0xfe && (address.bytes()[1] & 0xc0U) == 0x80;
}

struct VirtualAddress {
    Prefix prefix{};           // with a peer: the peer's length
    std::string interface {};  // "dev", or the instance's interface
    std::string label{};       // empty: none; IPv4 only
    std::optional<IpAddress> broadcast{};
    std::uint8_t scope = 0;  // RT_SCOPE_*: 0 global, 253 link, 254 host; IPv4 only
    std::optional<IpAddress> peer{};
    // IPv6 addresses: whether others are asked first if they have it. Off: a VIP that moves has to
    // work at once, and one that is asked for on both sides of a split must not go for ever.
    bool detect_duplicates = false;
    bool home = false;              // mobile IPv6
    bool temporary_source = false;  // mngtmpaddr: others are made from it
    bool prefix_route = true;       // noprefixroute: the kernel makes no route to its network
    bool join_group = false;        // autojoin: the multicast group of this name is joined
    // How long it may be chosen as the source of new connections; absent: as long as it is there.
    // By default 0 for an IPv6 address of 128 bits.
    std::optional<std::uint32_t> preferred_s{};
    bool tracked = true;  // put back when others remove it
    // `use_vmac`: `interface` is one with the MAC address of the virtual router, made for it.
    bool on_vmac = false;
    std::string track_group{};  // static ones only; empty: none

    // "192.0.2.10/24 on eth0"
    [[nodiscard]] std::string to_string() const { return prefix.to_string() + " on " + interface; }
    bool operator==(const VirtualAddress&) const = default;
};

}  // namespace headgate::config
