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

// A MAC address as it lies in memory, and two bytes of zeros.
inline std::uint64_t mac_word(const MacAddress& mac) {
    std::uint64_t word = 0;
    std::memcpy(&word, mac.bytes.data(), mac.bytes.size());
    return word;
}

// The frame of `packet` leaves for `destination` from `source`, both as mac_word() makes them: in
// two stores.
inline void rewrite(const Packet& packet, std::uint8_t* frame, std::uint64_t destination,
                    std::uint64_t source) {
    const std::uint64_t first = destination | source << 48U;
    const auto rest = static_cast<std::uint32_t>(source >> 16U);
    std::memcpy(frame, &first, sizeof(first));
    std::memcpy(frame + sizeof(first), &rest, sizeof(rest));
    take_hop(packet, frame + packet.ip_at);
}

}  // namespace headgate::dataplane
