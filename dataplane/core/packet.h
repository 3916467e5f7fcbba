// What the core takes from the headers of a frame it may forward, and the parser that takes it.
// Pure; reads never leave the frame.
#pragma once

#include <cstdint>

#include "common/net.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/reasons.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t ack = 0x10;
}  // namespace tcp_flag

struct Packet {
    WideAddress client{};   // the source address
    WideAddress address{};  // the destination address
    Be16 client_port;
    Be16 port;
    Protocol protocol = Protocol::tcp;
    // Of TCP; what the first chunk of an SCTP packet does to its association, in the same terms
    // (INIT is a SYN); 0 for UDP.
    std::uint8_t tcp_flags = 0;
    std::uint8_t hops = 0;  // the TTL or hop limit as it came
    bool is_v6 = false;
    std::uint32_t ip_at = 0;     // where the IP header lies in the frame
    std::uint32_t ip_bytes = 0;  // length of the IP packet

    // Of fragments and ICMP alone; packets that are forwarded as they come have no use for them.
    std::uint32_t behind_at = 0;        // where what the IP headers announce lies in the frame
    std::uint32_t fragment_id = 0;      // in host byte order
    std::uint16_t fragment_offset = 0;  // bytes; 0: the first
    std::uint8_t next_header = 0;       // of what lies at behind_at

    // The first packet of a handshake, and nothing that only resembles one.
    [[nodiscard]] bool opens_handshake() const {
        constexpr std::uint8_t relevant =
            tcp_flag::syn | tcp_flag::ack | tcp_flag::rst | tcp_flag::fin;
        return (tcp_flags & relevant) == tcp_flag::syn;
    }
    // Whether its source can be a host that sends to its destination.
    [[nodiscard]] bool has_valid_client() const;
    // Whether a connection may begin with it.
    [[nodiscard]] bool opens() const { return protocol == Protocol::udp || opens_handshake(); }
};

// Reason::none, and `packet` filled, when the frame is a whole TCP, UDP or SCTP packet (RFC 9293,
// 768, 9260) of IPv4 (RFC 791; with options) or IPv6 (RFC 8200; behind extension headers) for
// `own_mac`, behind at most two VLAN tags (IEEE 802.1Q); else what is the matter with it. Checksums
// above the IPv4 header are left to the real server. With Reason::fragment and Reason::icmp,
// `packet` has all that the IP headers say, too.
Reason parse(const Frame& frame, const MacAddress& own_mac, Packet& packet);

// For the `packet` of a first fragment: fills in what its transport header says, as far as it is
// there. A header that is cut is malformed (RFC 1858, RFC 7112). Reason::fragment: of a protocol
// that is not forwarded.
Reason parse_first_fragment(const Frame& frame, Packet& packet);

// For the `error` that was Reason::icmp: fills `about` with the addresses, ports and protocol of
// the connection that it is about, as one of its client's packets would have them. False: it is no
// error (RFC 792, 4443) or does not quote the ports of a packet that is forwarded.
bool parse_icmp_error(const Frame& frame, const Packet& error, Packet& about);

}  // namespace headgate::dataplane
