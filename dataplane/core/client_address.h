// A client's address in 16 bytes, IPv4 and IPv6 alike, so that every table has one key format.
#pragma once

#include <cstdint>

#include "common/net.h"

namespace headgate::dataplane {

// The bytes of an IPv6 address in two words as they lie in memory; an IPv4 address in its mapped
// form ::ffff:a.b.c.d (RFC 4291 2.5.5.2), which no IPv6 packet on a wire carries.
struct ClientAddress {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    bool operator==(const ClientAddress&) const = default;
};

inline ClientAddress client_v4(Be32 address) {
    return {0, std::uint64_t{address.raw()} << 32U | 0xffff0000U};
}

// Requires: made by client_v4().
inline Be32 v4_of(const ClientAddress& client) {
    return Be32::from_raw(static_cast<std::uint32_t>(client.second >> 32U));
}

// Keeps the first `length` bits of the IPv4 address (0 to 32).
inline ClientAddress mask_v4(const ClientAddress& client, std::uint8_t length) {
    const std::uint32_t host_mask = length == 0 ? 0 : ~std::uint32_t{0} << (32U - length);
    const std::uint64_t raw_mask = Be32(host_mask).raw();
    return {client.first, client.second & (raw_mask << 32U | 0xffffffffU)};
}

}  // namespace headgate::dataplane
