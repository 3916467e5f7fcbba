// Reading headers: what the parsers of packets and of ICMP errors share. Every caller has checked
// the length of what it reads.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/reasons.h"

namespace headgate::dataplane {

inline constexpr std::size_t mac_bytes = 6;
inline constexpr std::uint32_t ethernet_bytes = 14;
inline constexpr std::uint32_t udp_bytes = 8;
inline constexpr std::uint32_t tcp_bytes_min = 20;
inline constexpr Be16 ethertype_ipv4(0x0800);
inline constexpr Be16 ethertype_ipv6(0x86dd);
inline constexpr std::uint32_t ipv4_bytes_min = 20;
inline constexpr Be16 ipv4_fragment_bits(0x3fff);  // more fragments, and the offset
inline constexpr std::uint32_t ipv6_bytes = 40;
inline constexpr std::uint32_t icmp_bytes = 8;  // ICMPv6 too

// Protocols and next headers, by IANA's numbers.
namespace next_header {
inline constexpr std::uint8_t hop_by_hop = 0;
inline constexpr std::uint8_t icmp = 1;
inline constexpr std::uint8_t routing = 43;
inline constexpr std::uint8_t fragment = 44;
inline constexpr std::uint8_t authentication = 51;
inline constexpr std::uint8_t icmpv6 = 58;
inline constexpr std::uint8_t destination_options = 60;
}  // namespace next_header

inline Be16 read16(const std::uint8_t* at) {
    std::uint16_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return Be16::from_raw(raw);
}

inline Be32 read32(const std::uint8_t* at) {
    std::uint32_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return Be32::from_raw(raw);
}

// As it lies in memory.
inline std::uint64_t read64(const std::uint8_t* at) {
    std::uint64_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return raw;
}

// The sum of the words of an IPv4 header without options is right (RFC 1071): a multiple of 0xffff,
// and one that is not zero, as the first byte is not. 2^16 leaves 1 when it is divided by 0xffff,
// so words of 32 bits can be added instead; and a number is a multiple of an odd one if, multiplied
// with its inverse, it does not wrap.
inline bool is_plain_checksum_right(const std::uint8_t* ip) {
    constexpr std::uint64_t inverse = 0xfffefffefffeffffU;
    static_assert(inverse * 0xffffU == 1);
    const std::uint64_t first = read64(ip);
    const std::uint64_t second = read64(ip + 8);
    const std::uint64_t sum = (first & 0xffffffffU) + (first >> 32U) + (second & 0xffffffffU) +
                              (second >> 32U) + read32(ip + 16).raw();
    return sum * inverse <= ~std::uint64_t{0} / 0xffffU;
}

// Whether it is one of Protocol's.
inline bool is_carried(std::uint8_t protocol) {
    const auto value = static_cast<Protocol>(protocol);
    return value == Protocol::tcp || value == Protocol::udp || value == Protocol::sctp;
}

// Where a walk over IPv6 extension headers is.
struct ExtensionWalk {
    std::uint8_t protocol;  // of what lies at `at`
    std::uint32_t at;       // behind the start of the IPv6 header
    std::uint32_t count = 0;
};

// Moves the walk behind the extension headers of the packet at `ip`, of which `bytes` are there.
// Reason::fragment: it is at a fragment header of which it is not all the packet. Unknown headers
// end the chain like any protocol.
Reason skip_extensions(const std::uint8_t* ip, std::uint32_t bytes, ExtensionWalk& walk);

}  // namespace headgate::dataplane
