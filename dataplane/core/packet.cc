// RFC 791 (IPv4), RFC 9293 (TCP), RFC 768 (UDP). Every length is checked before it is used.
#include "dataplane/core/packet.h"

#include <cstring>

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t ethernet_bytes = 14;
constexpr std::uint32_t ipv4_bytes_min = 20;
constexpr std::uint32_t tcp_bytes_min = 20;
constexpr std::uint32_t udp_bytes = 8;

constexpr Be16 ethertype_ipv4(0x0800);
constexpr Be16 ethertype_vlan(0x8100);          // IEEE 802.1Q
constexpr Be16 ethertype_service_vlan(0x88a8);  // IEEE 802.1ad
constexpr Be16 fragment_bits(0x3fff);           // more fragments, and the offset
constexpr std::uint8_t protocol_icmp = 1;

Be16 read16(const std::uint8_t* at) {
    std::uint16_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return Be16::from_raw(raw);
}

Be32 read32(const std::uint8_t* at) {
    std::uint32_t raw = 0;
    std::memcpy(&raw, at, sizeof(raw));
    return Be32::from_raw(raw);
}

// In two loads; memcmp() would be a call.
bool is_mac(const std::uint8_t* at, const MacAddress& mac) {
    const std::uint8_t* wanted = mac.bytes.data();
    return read32(at) == read32(wanted) && read16(at + 4) == read16(wanted + 4);
}

Reason parse_ports(const std::uint8_t* header, std::uint32_t bytes, Packet& packet) {
    if (packet.protocol == Protocol::tcp) {
        if (bytes < tcp_bytes_min)
            return Reason::tcp_malformed;
        const std::uint32_t data_offset = (header[12] >> 4U) * 4U;
        if (data_offset < tcp_bytes_min || data_offset > bytes)
            return Reason::tcp_malformed;
        packet.tcp_flags = header[13];
    } else {
        if (bytes < udp_bytes)
            return Reason::udp_malformed;
        const std::uint32_t udp_length = read16(header + 4).host();
        if (udp_length < udp_bytes || udp_length > bytes)
            return Reason::udp_malformed;
        packet.tcp_flags = 0;
    }
    packet.client_port = read16(header);
    packet.port = read16(header + 2);
    return Reason::none;
}

}  // namespace

Reason parse(const Frame& frame, const MacAddress& own_mac, Packet& packet) {
    if (frame.length < ethernet_bytes)
        return Reason::frame_truncated;
    if (!is_mac(frame.data, own_mac))
        return Reason::other_mac;
    const Be16 ethertype = read16(frame.data + 12);
    if (ethertype != ethertype_ipv4) {
        const bool tagged = ethertype == ethertype_vlan || ethertype == ethertype_service_vlan;
        return tagged ? Reason::vlan_tag : Reason::not_ipv4;
    }
    const std::uint8_t* ip = frame.data + ethernet_bytes;
    const std::uint32_t available = frame.length - ethernet_bytes;
    if (available < ipv4_bytes_min)
        return Reason::frame_truncated;
    const std::uint32_t header_bytes = (ip[0] & 0x0fU) * 4U;
    const std::uint16_t total_bytes = read16(ip + 2).host();
    // A frame may be longer than its packet: Ethernet pads to 60 bytes.
    if (ip[0] >> 4U != 4 || header_bytes < ipv4_bytes_min || total_bytes < header_bytes ||
        total_bytes > available)
        return Reason::ip_malformed;
    if ((read16(ip + 6).raw() & fragment_bits.raw()) != 0)
        return Reason::fragment;
    packet.protocol = static_cast<Protocol>(ip[9]);
    if (packet.protocol != Protocol::tcp && packet.protocol != Protocol::udp)
        return ip[9] == protocol_icmp ? Reason::icmp : Reason::other_protocol;
    packet.client = client_v4(read32(ip + 12));
    packet.address = read32(ip + 16);
    packet.ip_bytes = total_bytes;
    return parse_ports(ip + header_bytes, total_bytes - header_bytes, packet);
}

}  // namespace headgate::dataplane
