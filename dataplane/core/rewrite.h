// What direct routing changes in a frame that is forwarded.
#pragma once

#include <cstdint>
#include <cstring>

#include "common/net.h"
#include "dataplane/core/packet.h"

namespace headgate::dataplane {

// One hop further. The checksum by RFC 1624, in which 0xffff, which no sum yields, becomes 0.
inline void take_hop(const Packet& packet, std::uint8_t* ip) {
    if (packet.is_v6) {
        --ip[7];
        return;
    }
    --ip[8];
    std::uint16_t checksum = 0;
    std::memcpy(&checksum, ip + 10, sizeof(checksum));
    const std::uint32_t sum = std::uint32_t{checksum} + Be16(0x0100).raw();
    checksum = static_cast<std::uint16_t>(sum + (sum >= 0xffff ? 1U : 0U));
    std::memcpy(ip + 10, &checksum, sizeof(checksum));
}

// The frame of `packet` leaves for `destination` from `source`.
inline void rewrite(const Packet& packet, std::uint8_t* frame, const MacAddress& destination,
                    const MacAddress& source) {
    std::memcpy(frame, destination.bytes.data(), destination.bytes.size());
    std::memcpy(frame + destination.bytes.size(), source.bytes.data(), destination.bytes.size());
    take_hop(packet, frame + packet.ip_at);
}

}  // namespace headgate::dataplane
