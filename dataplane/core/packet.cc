// RFC 791 (IPv4), RFC 8200 (IPv6), RFC 9293 (TCP), RFC 768 (UDP), RFC 9260 (SCTP). Every length is
// checked before it is used. What is rare on a wire is in functions of its own, out of the way of
// the rest.
#include "dataplane/core/packet.h"

#include <cstring>

#include "common/checksum.h"
#include "dataplane/core/ip_headers.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t vlan_bytes = 4;
constexpr std::uint32_t vlan_tags_max = 2;
constexpr std::uint32_t sctp_bytes = 12;
constexpr std::uint32_t sctp_chunk_bytes_min = 4;

// Senders put at most one of each kind (RFC 8200 4.1); options twice.
constexpr std::uint32_t extensions_max = 8;
constexpr std::uint32_t extension_bytes_min = 8;

constexpr Be16 ethertype_vlan(0x8100);          // IEEE 802.1Q
constexpr Be16 ethertype_service_vlan(0x88a8);  // IEEE 802.1ad
constexpr Be16 ipv6_fragment_bits(0xfff9);      // the offset, and more fragments

// In two loads; memcmp() would be a call.
bool is_mac(const std::uint8_t* at, const MacAddress& mac) {
    const std::uint8_t* wanted = mac.bytes.data();
    return read32(at) == read32(wanted) && read16(at + 4) == read16(wanted + 4);
}

bool is_vlan(Be16 ethertype) {
    return ethertype == ethertype_vlan || ethertype == ethertype_service_vlan;
}

// What an SCTP chunk does, said in TCP's flags. Chunks that only go with others are data.
std::uint8_t flags_of_chunk(std::uint8_t type) {
    switch (type) {
        case 1:  // INIT
            return tcp_flag::syn;
        case 6:   // ABORT
        case 14:  // SHUTDOWN COMPLETE
            return tcp_flag::rst;
        case 7:  // SHUTDOWN
        case 8:  // SHUTDOWN ACK
            return tcp_flag::fin | tcp_flag::ack;
        default:
            return tcp_flag::ack;
    }
}

// In the first fragment of a packet the lengths are those of the whole, which is not there.
enum class Extent : std::uint8_t { whole, first_fragment };

[[gnu::noinline]] Reason parse_sctp(const std::uint8_t* header, std::uint32_t bytes, Extent extent,
                                    Packet& packet) {
    if (bytes < sctp_bytes + sctp_chunk_bytes_min)
        return Reason::sctp_malformed;
    const std::uint8_t* chunk = header + sctp_bytes;
    const std::uint32_t chunk_bytes = read16(chunk + 2).host();
    if (chunk_bytes < sctp_chunk_bytes_min ||
        (extent == Extent::whole && chunk_bytes > bytes - sctp_bytes))
        return Reason::sctp_malformed;
    packet.tcp_flags = flags_of_chunk(chunk[0]);
    return Reason::none;
}

// The transport header of packet.protocol in the `bytes` behind the headers of IP.
inline Reason parse_transport(const std::uint8_t* header, std::uint32_t bytes, Extent extent,
                              Packet& packet) {
    if (packet.protocol == Protocol::tcp) {
        if (bytes < tcp_bytes_min)
            return Reason::tcp_malformed;
        const std::uint32_t data_offset = (header[12] >> 4U) * 4U;
        if (data_offset < tcp_bytes_min || data_offset > bytes)
            return Reason::tcp_malformed;
        packet.tcp_flags = header[13];
    } else if (packet.protocol == Protocol::udp) {
        if (bytes < udp_bytes)
            return Reason::udp_malformed;
        const std::uint32_t udp_length = read16(header + 4).host();
        if (udp_length < udp_bytes || (extent == Extent::whole && udp_length > bytes))
            return Reason::udp_malformed;
        packet.tcp_flags = 0;
    } else if (const Reason reason = parse_sctp(header, bytes, extent, packet);
               reason != Reason::none) {
        return reason;
    }
    packet.client_port = read16(header);
    packet.port = read16(header + 2);
    return Reason::none;
}

// RFC 1812 5.2.2: a router verifies it.
bool is_checksum_right(const std::uint8_t* ip, std::uint32_t header_bytes) {
    if (header_bytes != ipv4_bytes_min) [[unlikely]]
        return internet_checksum({ip, header_bytes}) == 0;
    return is_plain_checksum_right(ip);
}

// A fragment, or a protocol that is not forwarded.
[[gnu::noinline]] Reason parse_odd_ipv4(const std::uint8_t* ip, std::uint32_t header_bytes,
                                        Packet& packet) {
    packet.behind_at = packet.ip_at + header_bytes;
    packet.next_header = ip[9];
    const Be16 fragment = read16(ip + 6);
    if ((fragment.raw() & ipv4_fragment_bits.raw()) != 0) {
        packet.fragment_id = read16(ip + 4).host();
        packet.fragment_offset = static_cast<std::uint16_t>((fragment.host() & 0x1fffU) * 8U);
        return Reason::fragment;
    }
    return ip[9] == next_header::icmp ? Reason::icmp : Reason::other_protocol;
}

Reason parse_ipv4(const std::uint8_t* ip, std::uint32_t available, Packet& packet) {
    if (available < ipv4_bytes_min)
        return Reason::frame_truncated;
    const std::uint32_t header_bytes = (ip[0] & 0x0fU) * 4U;
    const std::uint32_t total_bytes = read16(ip + 2).host();
    // A frame may be longer than its packet: Ethernet pads to 60 bytes.
    if (ip[0] >> 4U != 4 || header_bytes < ipv4_bytes_min || total_bytes < header_bytes ||
        total_bytes > available)
        return Reason::ip_malformed;
    if (!is_checksum_right(ip, header_bytes))
        return Reason::ip_checksum;
    packet.is_v6 = false;
    packet.hops = ip[8];
    packet.client = wide_v4(read32(ip + 12));
    packet.address = wide_v4(read32(ip + 16));
    packet.ip_bytes = total_bytes;
    if ((read16(ip + 6).raw() & ipv4_fragment_bits.raw()) != 0 || !is_carried(ip[9])) [[unlikely]]
        return parse_odd_ipv4(ip, header_bytes, packet);
    packet.protocol = static_cast<Protocol>(ip[9]);
    return parse_transport(ip + header_bytes, total_bytes - header_bytes, Extent::whole, packet);
}

[[gnu::noinline]] Reason parse_behind_extensions(const std::uint8_t* ip, Packet& packet) {
    ExtensionWalk walk{ip[6], ipv6_bytes};
    const Reason reason = skip_extensions(ip, packet.ip_bytes, walk);
    packet.behind_at = packet.ip_at + walk.at;
    packet.next_header = walk.protocol;
    if (reason == Reason::fragment) {
        const std::uint8_t* header = ip + walk.at;
        packet.behind_at += extension_bytes_min;
        packet.next_header = header[0];
        packet.fragment_id = read32(header + 4).host();
        packet.fragment_offset = static_cast<std::uint16_t>(read16(header + 2).host() & 0xfff8U);
    }
    if (reason != Reason::none)
        return reason;
    if (!is_carried(walk.protocol))
        return walk.protocol == next_header::icmpv6 ? Reason::icmp : Reason::other_protocol;
    packet.protocol = static_cast<Protocol>(walk.protocol);
    return parse_transport(ip + walk.at, packet.ip_bytes - walk.at, Extent::whole, packet);
}

Reason parse_ipv6(const std::uint8_t* ip, std::uint32_t available, Packet& packet) {
    if (available < ipv6_bytes)
        return Reason::frame_truncated;
    packet.ip_bytes = ipv6_bytes + read16(ip + 4).host();
    if (ip[0] >> 4U != 6 || packet.ip_bytes > available)
        return Reason::ip_malformed;
    packet.is_v6 = true;
    packet.hops = ip[7];
    packet.client = wide_v6(ip + 8);
    packet.address = wide_v6(ip + 24);
    // Mapped addresses do not belong on a wire, and are how the tables write those of IPv4.
    if (is_v4(packet.client) || is_v4(packet.address))
        return Reason::ip_malformed;
    if (!is_carried(ip[6])) [[unlikely]]
        return parse_behind_extensions(ip, packet);
    packet.protocol = static_cast<Protocol>(ip[6]);
    return parse_transport(ip + ipv6_bytes, packet.ip_bytes - ipv6_bytes, Extent::whole, packet);
}

// What lies at packet.ip_at.
Reason parse_ip(const Frame& frame, Be16 ethertype, Packet& packet) {
    const std::uint8_t* ip = frame.data + packet.ip_at;
    const std::uint32_t available = frame.length - packet.ip_at;
    if (ethertype == ethertype_ipv4)
        return parse_ipv4(ip, available, packet);
    if (ethertype == ethertype_ipv6)
        return parse_ipv6(ip, available, packet);
    return Reason::not_ip;
}

[[gnu::noinline]] Reason parse_tagged(const Frame& frame, Packet& packet) {
    Be16 ethertype = ethertype_vlan;
    for (std::uint32_t tags = 0; is_vlan(ethertype); ++tags) {
        if (tags == vlan_tags_max)
            return Reason::vlan_tags;
        packet.ip_at += vlan_bytes;
        if (frame.length < packet.ip_at)
            return Reason::frame_truncated;
        ethertype = read16(frame.data + packet.ip_at - sizeof(ethertype));
    }
    return parse_ip(frame, ethertype, packet);
}

}  // namespace

Reason parse(const Frame& frame, const MacAddress& own_mac, Packet& packet) {
    if (frame.length < ethernet_bytes)
        return Reason::frame_truncated;
    if (!is_mac(frame.data, own_mac))
        return Reason::other_mac;
    packet.ip_at = ethernet_bytes;
    const Be16 ethertype = read16(frame.data + 12);
    if (is_vlan(ethertype)) [[unlikely]]
        return parse_tagged(frame, packet);
    return parse_ip(frame, ethertype, packet);
}

// 0/8, 127/8, multicast, reserved and broadcast addresses send nothing (RFC 1122 3.2.1.3), and a
// packet from the VIP to itself is forged (a LAND attack).
// Of IPv6, neither do multicast addresses, :: and ::1 (RFC 4291 2.5.2, 2.5.3, 2.7).
bool Packet::has_valid_client() const {
    if (client == address)
        return false;
    if (is_v6) {
        const bool is_multicast =
            (BigEndian<std::uint64_t>::from_raw(client.first).host() >> 56U) == 0xff;
        const bool is_local =
            client.first == 0 && BigEndian<std::uint64_t>::from_raw(client.second).host() <= 1;
        return !is_multicast && !is_local;
    }
    const std::uint32_t first_octet = v4_of(client).host() >> 24U;
    return first_octet != 0 && first_octet != 127 && first_octet < 224;
}

Reason skip_extensions(const std::uint8_t* ip, std::uint32_t bytes, ExtensionWalk& walk) {
    using namespace next_header;
    for (;; ++walk.count) {
        if (walk.protocol != hop_by_hop && walk.protocol != routing && walk.protocol != fragment &&
            walk.protocol != authentication && walk.protocol != destination_options)
            return Reason::none;
        if (walk.count == extensions_max)
            return Reason::extension_headers;
        const bool is_misplaced = walk.protocol == hop_by_hop && walk.count > 0;
        if (bytes - walk.at < extension_bytes_min || is_misplaced)
            return Reason::ip_malformed;
        const std::uint8_t* header = ip + walk.at;
        std::uint32_t header_bytes = (header[1] + 1U) * 8U;
        if (walk.protocol == fragment) {
            // One that is whole is a packet like any other (RFC 6946).
            if ((read16(header + 2).raw() & ipv6_fragment_bits.raw()) != 0)
                return Reason::fragment;
            header_bytes = extension_bytes_min;
        } else if (walk.protocol == authentication) {
            header_bytes = (header[1] + 2U) * 4U;
        } else if (walk.protocol == routing && header[3] != 0) {
            return Reason::routing_header;
        }
        if (header_bytes > bytes - walk.at)
            return Reason::ip_malformed;
        walk.protocol = header[0];
        walk.at += header_bytes;
    }
}

Reason parse_first_fragment(const Frame& frame, Packet& packet) {
    // The walk goes on where it met the fragment header; hop-by-hop options cannot come any more.
    ExtensionWalk walk{packet.next_header, packet.behind_at - packet.ip_at, 1};
    if (packet.is_v6) {
        const Reason reason = skip_extensions(frame.data + packet.ip_at, packet.ip_bytes, walk);
        if (reason != Reason::none)
            return reason == Reason::fragment ? Reason::ip_malformed : reason;
    }
    if (!is_carried(walk.protocol))
        return Reason::fragment;
    packet.protocol = static_cast<Protocol>(walk.protocol);
    return parse_transport(frame.data + packet.ip_at + walk.at, packet.ip_bytes - walk.at,
                           Extent::first_fragment, packet);
}

}  // namespace headgate::dataplane
