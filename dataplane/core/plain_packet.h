// The parser of what most packets are: IPv4 without options, a whole TCP or UDP packet, no VLAN
// tag. For the loop over a burst, which must not pay for a call, nor ask one by one what one
// comparison of a word tells. What it takes it takes as parse() does: the tests and the fuzzer hold
// it to that.
#pragma once

#include <cstdint>

#include "dataplane/core/ip_headers.h"
#include "dataplane/core/packet.h"

namespace headgate::dataplane {

// True: as if parse() had returned Reason::none. False: it has to decide. `own_mac_word`: see
// mac_word().
inline bool parse_plain(const Frame& frame, std::uint64_t own_mac_word, Packet& packet) {
    constexpr std::uint32_t behind_ip = ethernet_bytes + ipv4_bytes_min;
    constexpr std::uint64_t mac_mask = 0xffffffffffffU;
    // Ethertype, version, header length; not the type of service.
    constexpr std::uint32_t ipv4 = Be32(0x08004500).raw();
    constexpr std::uint32_t ipv4_mask = Be32(0xffffff00).raw();

    // Also UDP's shorter packets are in frames of at least 60 bytes.
    if (frame.length < behind_ip + tcp_bytes_min) [[unlikely]]
        return false;
    const std::uint8_t* const ip = frame.data + ethernet_bytes;
    const std::uint32_t total_bytes = read16(ip + 2).host();
    if ((read64(frame.data) & mac_mask) != own_mac_word ||
        (read32(frame.data + 12).raw() & ipv4_mask) != ipv4 ||
        total_bytes > frame.length - ethernet_bytes ||
        (read16(ip + 6).raw() & ipv4_fragment_bits.raw()) != 0 || !is_plain_checksum_right(ip))
        [[unlikely]]
        return false;
    const std::uint8_t* const header = frame.data + behind_ip;
    packet.protocol = static_cast<Protocol>(ip[9]);
    if (packet.protocol == Protocol::tcp) {
        const std::uint32_t header_bytes = (header[12] >> 4U) * 4U;
        if (header_bytes < tcp_bytes_min || ipv4_bytes_min + header_bytes > total_bytes)
            [[unlikely]]
            return false;
        packet.tcp_flags = header[13];
    } else {
        const std::uint32_t udp_length = read16(header + 4).host();
        if (packet.protocol != Protocol::udp || udp_length < udp_bytes ||
            ipv4_bytes_min + udp_length > total_bytes) [[unlikely]]
            return false;
        packet.tcp_flags = 0;
    }
    packet.client = wide_v4(read32(ip + 12));
    packet.address = wide_v4(read32(ip + 16));
    packet.client_port = read16(header);
    packet.port = read16(header + 2);
    packet.hops = ip[8];
    packet.is_v6 = false;
    packet.ip_at = ethernet_bytes;
    packet.ip_bytes = total_bytes;
    return true;
}

}  // namespace headgate::dataplane
