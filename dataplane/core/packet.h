// What the core takes from the headers of a frame it may forward, and the parser that takes it.
// Pure; reads never leave the frame.
#pragma once

#include <cstdint>

#include "common/net.h"
#include "dataplane/core/client_address.h"
#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/frame.h"
#include "dataplane/core/reasons.h"

namespace headgate::dataplane {

namespace tcp_flag {
inline constexpr std::uint8_t fin = 0x01;
inline constexpr std::uint8_t syn = 0x02;
inline constexpr std::uint8_t rst = 0x04;
inline constexpr std::uint8_t ack = 0x10;
}  // namespace tcp_flag

struct Packet {
    ClientAddress client{};  // the source address
    Be32 address;            // the destination address
    Be16 client_port;
    Be16 port;
    Protocol protocol = Protocol::tcp;
    std::uint8_t tcp_flags = 0;  // 0 for UDP
    std::uint16_t ip_bytes = 0;  // total length of the IP packet

    // The first segment of a handshake, and nothing that only resembles one.
    [[nodiscard]] bool opens_tcp() const {
        constexpr std::uint8_t relevant =
            tcp_flag::syn | tcp_flag::ack | tcp_flag::rst | tcp_flag::fin;
        return (tcp_flags & relevant) == tcp_flag::syn;
    }
};

// Reason::none, and `packet` filled, when the frame is a whole IPv4 TCP or UDP packet (RFC 791,
// 9293, 768; IP options allowed) for `own_mac`; else what is the matter with it. The header
// checksum is left to the real server: a packet damaged on the way does no harm in between.
Reason parse(const Frame& frame, const MacAddress& own_mac, Packet& packet);

}  // namespace headgate::dataplane
