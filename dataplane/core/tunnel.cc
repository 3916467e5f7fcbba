#include "dataplane/core/tunnel.h"

#include <algorithm>
#include <cstring>

#include "common/bytes.h"
#include "common/check.h"
#include "common/checksum.h"
#include "dataplane/core/ip_headers.h"
#include "dataplane/core/rewrite.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t gue_bytes = 4;
constexpr std::uint32_t gre_bytes = 4;
constexpr std::uint32_t gre_checksum_bytes = 4;
constexpr std::uint32_t fragment_bytes = 8;

constexpr std::uint8_t protocol_ipv4 = 4;
constexpr auto protocol_udp = static_cast<std::uint8_t>(Protocol::udp);
constexpr std::uint8_t protocol_ipv6 = 41;
constexpr std::uint8_t protocol_gre = 47;
constexpr std::uint16_t gre_checksum_present = 0x8000;

constexpr std::uint16_t ipv4_more_fragments = 0x2000;
constexpr std::uint16_t ipv4_dont_fragment = 0x4000;
constexpr std::uint32_t outer_bytes_max = 65535;  // what a length field can say

void write16(std::uint8_t* at, std::uint16_t value) {
    const std::uint16_t raw = Be16(value).raw();
    std::memcpy(at, &raw, sizeof(raw));
}

void write32(std::uint8_t* at, std::uint32_t value) {
    const std::uint32_t raw = Be32(value).raw();
    std::memcpy(at, &raw, sizeof(raw));
}

std::uint32_t raw16(const std::uint8_t* at) {
    return read16(at).raw();
}

std::uint32_t tunnel_bytes(const TunnelConfig& tunnel) {
    switch (tunnel.type) {
        case TunnelType::ipip:
            return 0;
        case TunnelType::gue:
            return udp_bytes + gue_bytes;
        case TunnelType::gre:
            break;
    }
    return gre_bytes + (tunnel.checksum ? gre_checksum_bytes : 0);
}

std::uint8_t outer_protocol(const TunnelConfig& tunnel, bool inner_v4) {
    switch (tunnel.type) {
        case TunnelType::ipip:
            return inner_v4 ? protocol_ipv4 : protocol_ipv6;
        case TunnelType::gue:
            return protocol_udp;
        case TunnelType::gre:
            break;
    }
    return protocol_gre;
}

void write_tunnel(ByteWriter& writer, const TunnelConfig& tunnel, bool inner_v4) {
    if (tunnel.type == TunnelType::gue) {
        writer.write(std::uint16_t{0});  // the source port, by the flow
        writer.write(tunnel.port);
        writer.write(std::uint32_t{0});  // length and checksum
        writer.write(std::uint8_t{0});   // version 0, a data message, no options
        writer.write(inner_v4 ? protocol_ipv4 : protocol_ipv6);
        writer.write(std::uint16_t{0});  // no flags
    } else if (tunnel.type == TunnelType::gre) {
        writer.write(tunnel.checksum ? gre_checksum_present : std::uint16_t{0});
        writer.write((inner_v4 ? ethertype_ipv4 : ethertype_ipv6).host());
        if (tunnel.checksum)
            writer.write(std::uint32_t{0});
    }
}

// RFC 3168 9.1.1: what marks congestion does not mark it outside, too.
std::uint8_t outer_tos(std::uint8_t inner) {
    constexpr unsigned ecn = 3;
    constexpr unsigned capable = 2;
    return static_cast<std::uint8_t>((inner & ecn) == ecn ? (inner & ~ecn) | capable : inner);
}

std::uint16_t fold_words(std::uint32_t sum) {
    sum = (sum & 0xffffU) + (sum >> 16U);
    return static_cast<std::uint16_t>(sum + (sum >> 16U));
}

// The Ethernet and IP headers.
std::uint32_t ahead_of_payload(bool is_v6) {
    return ethernet_bytes + (is_v6 ? ipv6_bytes : ipv4_bytes_min);
}

// What it carries, and how it may be treated.
struct Inner {
    std::uint8_t tos;
    std::uint8_t hops;
    bool dont_fragment;
};

Inner inner_of(const Packet& packet, const std::uint8_t* ip) {
    if (packet.is_v6)
        return {static_cast<std::uint8_t>(read16(ip).host() >> 4U), ip[7], false};
    return {ip[1], ip[8], (read16(ip + 6).host() & ipv4_dont_fragment) != 0};
}

void fill_ipv4(const TunnelHeader& header, const Inner& inner, std::uint32_t bytes, bool whole,
               std::uint32_t id, std::uint8_t* ip) {
    const bool fixed = inner.dont_fragment && whole;
    ip[1] = outer_tos(inner.tos);
    write16(ip + 2, static_cast<std::uint16_t>(bytes));
    write16(ip + 4, fixed ? std::uint16_t{0} : static_cast<std::uint16_t>(id));
    write16(ip + 6, fixed ? ipv4_dont_fragment : std::uint16_t{0});
    ip[8] = inner.hops;
    const std::uint32_t sum =
        header.ipv4_sum + raw16(ip) + raw16(ip + 2) + raw16(ip + 4) + raw16(ip + 6) + raw16(ip + 8);
    const auto checksum = static_cast<std::uint16_t>(~fold_words(sum));
    std::memcpy(ip + 10, &checksum, sizeof(checksum));
}

void fill_ipv6(const Inner& inner, std::uint32_t bytes, std::uint16_t flow, std::uint8_t* ip) {
    // RFC 6438: the flow label of a tunnel's packets is that of the flow inside.
    write32(ip, 6U << 28U | std::uint32_t{outer_tos(inner.tos)} << 20U | flow);
    write16(ip + 4, static_cast<std::uint16_t>(bytes - ipv6_bytes));
    ip[7] = inner.hops;
}

// Of what lies from `at` to the end of the outer packet, with the pseudo header of RFC 8200 8.1 or
// RFC 768.
std::uint16_t udp_checksum(const std::uint8_t* ip, bool is_v6, std::span<std::uint8_t> datagram) {
    InternetChecksum sum;
    sum.add(is_v6 ? std::span(ip + 8, 32) : std::span(ip + 12, 8));
    sum.add(std::uint16_t{protocol_udp});
    sum.add(static_cast<std::uint16_t>(datagram.size()));
    sum.add(datagram);
    const std::uint16_t checksum = sum.finish();
    return checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

// From the ports of RFC 6335 that nobody is assigned.
std::uint16_t source_port(std::uint16_t flow) {
    return static_cast<std::uint16_t>(0xc000U | (flow & 0x3fffU));
}

void fill_tunnel(const TunnelHeader& header, std::uint16_t flow, const std::uint8_t* ip,
                 std::span<std::uint8_t> tunnel) {
    if (header.type == TunnelType::gue) {
        write16(tunnel.data(), source_port(flow));
        write16(&tunnel[4], static_cast<std::uint16_t>(tunnel.size()));
        if (header.checksum)
            write16(&tunnel[6], udp_checksum(ip, header.outer_v6, tunnel));
    } else if (header.type == TunnelType::gre && header.checksum) {
        write16(&tunnel[4], internet_checksum(tunnel));
    }
}

// The headers of one fragment, which begins at `frame` with those of the whole.
struct OuterFragment {
    std::uint32_t offset;  // of its payload
    std::uint32_t bytes;
    bool is_last;
};

void make_ipv4_fragment(const OuterFragment& piece, std::uint8_t* ip) {
    write16(ip + 2, static_cast<std::uint16_t>(ipv4_bytes_min + piece.bytes));
    write16(ip + 6, static_cast<std::uint16_t>(piece.offset / 8 |
                                               (piece.is_last ? 0U : ipv4_more_fragments)));
    write16(ip + 10, 0);
    write16(ip + 10, internet_checksum({ip, ipv4_bytes_min}));
}

// With room for the fragment header behind the first one.
void make_ipv6_fragment(const OuterFragment& piece, std::uint32_t id, std::uint8_t* ip) {
    write16(ip + 4, static_cast<std::uint16_t>(fragment_bytes + piece.bytes));
    std::uint8_t* fragment = ip + ipv6_bytes;
    fragment[0] = ip[6];
    fragment[1] = 0;
    write16(fragment + 2, static_cast<std::uint16_t>(piece.offset | (piece.is_last ? 0U : 1U)));
    write32(fragment + 4, id);
    ip[6] = next_header::fragment;
}

}  // namespace

TunnelHeader build_tunnel_header(const DestinationConfig& destination, bool inner_v4) {
    check(destination.tunnel && destination.mac, "the tunnel and its next hop are known");
    const TunnelConfig& tunnel = *destination.tunnel;
    const IpAddress& address = destination.endpoint.address;
    check(tunnel.source.family() == address.family(), "a tunnel has ends of one family");
    TunnelHeader header;
    header.type = tunnel.type;
    header.checksum = tunnel.checksum && tunnel.type != TunnelType::ipip;
    header.outer_v6 = !address.is_v4();
    const std::uint32_t ip_bytes = header.outer_v6 ? ipv6_bytes : ipv4_bytes_min;
    const std::uint32_t outer = ip_bytes + tunnel_bytes(tunnel);
    header.length = static_cast<std::uint16_t>(ethernet_bytes + outer);

    const std::span bytes = std::span(header.bytes).last(header.length);
    ByteWriter writer(bytes);
    writer.write(std::span(destination.mac->bytes));
    writer.write(std::uint32_t{0});  // the source, of the interface
    writer.write(std::uint16_t{0});
    writer.write((header.outer_v6 ? ethertype_ipv6 : ethertype_ipv4).host());
    if (header.outer_v6) {
        writer.write(std::uint32_t{0});
        writer.write(std::uint16_t{0});
        writer.write(outer_protocol(tunnel, inner_v4));
        writer.write(std::uint8_t{0});
    } else {
        writer.write(std::uint32_t{0x45000000});
        writer.write(std::uint32_t{0});
        writer.write(std::uint8_t{0});
        writer.write(outer_protocol(tunnel, inner_v4));
        writer.write(std::uint16_t{0});
    }
    writer.write(tunnel.source.bytes());
    writer.write(address.bytes());
    if (!header.outer_v6) {
        // The addresses: what is not filled in.
        std::uint32_t sum = 0;
        for (std::uint32_t at = ethernet_bytes + 12; at < ethernet_bytes + ipv4_bytes_min; at += 2)
            sum += raw16(&bytes[at]);
        header.ipv4_sum = fold_words(sum);
    }
    write_tunnel(writer, tunnel, inner_v4);

    const std::uint32_t mtu = std::min(tunnel.mtu, outer_bytes_max);
    const std::uint32_t ahead =
        ahead_of_payload(header.outer_v6) + (header.outer_v6 ? fragment_bytes : 0);
    header.unit = static_cast<std::uint16_t>(
        (std::min<std::uint32_t>(mtu + ethernet_bytes, fragment_bytes_max) - ahead) & ~7U);
    header.whole_max = static_cast<std::uint16_t>(mtu > outer ? mtu - outer : 0);
    // Nobody has to send less than every link takes (RFC 2473 7.1, RFC 4213 3.2.1).
    header.refused_above =
        static_cast<std::uint16_t>(std::max<std::uint32_t>(header.whole_max, mtu_min(inner_v4)));
    header.packet_max = static_cast<std::uint16_t>(outer_bytes_max - outer);
    return header;
}

bool is_too_big(const TunnelHeader& header, const Packet& packet, const std::uint8_t* ip) {
    if (packet.ip_bytes <= header.whole_max) [[likely]]
        return false;
    const bool fixed = packet.is_v6 || inner_of(packet, ip).dont_fragment;
    return packet.ip_bytes > (fixed ? header.refused_above : header.packet_max);
}

void wrap(const TunnelHeader& header, const Packet& packet, const Wrapping& wrapping,
          Frame& frame) {
    std::uint8_t* const inner = frame.data + packet.ip_at;
    take_hop(packet, inner);
    std::memcpy(inner - tunnel_room, header.bytes.data(), tunnel_room);
    frame = {inner - header.length, header.length + packet.ip_bytes};
    std::memcpy(frame.data + mac_bytes, wrapping.source_mac, mac_bytes);
    std::uint8_t* const ip = frame.data + ethernet_bytes;
    const std::uint32_t bytes = frame.length - ethernet_bytes;
    const Inner carried = inner_of(packet, inner);
    if (header.outer_v6)
        fill_ipv6(carried, bytes, wrapping.flow, ip);
    else
        fill_ipv4(header, carried, bytes, packet.ip_bytes <= header.whole_max, wrapping.id, ip);
    if (header.type != TunnelType::ipip) {
        const std::uint32_t ip_bytes = header.outer_v6 ? ipv6_bytes : ipv4_bytes_min;
        fill_tunnel(header, wrapping.flow, ip, {ip + ip_bytes, bytes - ip_bytes});
    }
}

std::size_t further_fragments(const TunnelHeader& header, const Packet& packet) {
    return (header.length - ahead_of_payload(header.outer_v6) + packet.ip_bytes - 1) / header.unit;
}

void cut(const TunnelHeader& header, std::uint32_t id, Frame& frame, std::span<std::uint8_t> memory,
         std::span<Frame> pieces) {
    // The headers of the whole, and of a fragment.
    const std::uint32_t before = ahead_of_payload(header.outer_v6);
    const std::uint32_t ahead = before + (header.outer_v6 ? fragment_bytes : 0);
    const std::uint32_t payload = frame.length - before;
    const auto make = [&](std::uint8_t* to, const OuterFragment& piece) {
        if (header.outer_v6)
            make_ipv6_fragment(piece, id, to + ethernet_bytes);
        else
            make_ipv4_fragment(piece, to + ethernet_bytes);
    };
    std::size_t number = 0;
    for (std::uint32_t offset = header.unit; offset < payload; offset += header.unit, ++number) {
        const std::uint32_t left = payload - offset;
        const OuterFragment piece{offset, std::min<std::uint32_t>(header.unit, left),
                                  left <= header.unit};
        const std::span to = memory.subspan(number * fragment_bytes_max, fragment_bytes_max);
        std::copy_n(frame.data, before, to.data());
        std::copy_n(frame.data + before + offset, piece.bytes, to.data() + ahead);
        make(to.data(), piece);
        pieces[number] = {to.data(), ahead + piece.bytes};
    }
    std::uint8_t* const start = frame.data - (ahead - before);
    std::memmove(start, frame.data, before);
    make(start, {0, header.unit, false});
    frame = {start, ahead + header.unit};
}

}  // namespace headgate::dataplane
