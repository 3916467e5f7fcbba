// What parse_plain() promises: it says nothing, or what parse() says.
#pragma once

#include "dataplane/core/packet.h"
#include "dataplane/core/plain_packet.h"
#include "dataplane/core/rewrite.h"

namespace headgate::packets {

struct PlainReading {
    bool is_plain = false;
    bool agrees = true;  // with parse(), if it is
};

inline PlainReading read_plain(const dataplane::Frame& frame, const MacAddress& own_mac) {
    dataplane::Packet plain;
    if (!dataplane::parse_plain(frame, dataplane::mac_word(own_mac), plain))
        return {};
    dataplane::Packet packet;
    const bool agrees = dataplane::parse(frame, own_mac, packet) == dataplane::Reason::none &&
                        plain.client == packet.client && plain.address == packet.address &&
                        plain.client_port == packet.client_port && plain.port == packet.port &&
                        plain.protocol == packet.protocol && plain.tcp_flags == packet.tcp_flags &&
                        plain.hops == packet.hops && plain.is_v6 == packet.is_v6 &&
                        plain.ip_at == packet.ip_at && plain.ip_bytes == packet.ip_bytes;
    return {true, agrees};
}

}  // namespace headgate::packets
