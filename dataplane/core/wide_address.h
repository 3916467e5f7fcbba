// An IP address in 16 bytes, IPv4 and IPv6 alike, so that every table has one key format.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include "common/net.h"

namespace headgate::dataplane {

// The bytes of an IPv6 address in two words as they lie in memory; an IPv4 address in its mapped
// form ::ffff:a.b.c.d (RFC 4291 2.5.5.2), which no IPv6 packet on a wire carries: parse() sees to
// that.
struct WideAddress {
    std::uint64_t first = 0;
    std::uint64_t second = 0;
    bool operator==(const WideAddress&) const = default;
};

inline constexpr std::uint8_t mapped_prefix_length = 96;

inline WideAddress wide_v4(Be32 address) {
    return {0, std::uint64_t{address.raw()} << 32U | 0xffff0000U};
}

// From 16 bytes in network order.
inline WideAddress wide_v6(const std::uint8_t* bytes) {
    WideAddress address;
    std::memcpy(&address.first, bytes, sizeof(address.first));
    std::memcpy(&address.second, bytes + sizeof(address.first), sizeof(address.second));
    return address;
}

inline WideAddress wide(const IpAddress& address) {
    return address.is_v4() ? wide_v4(address.as_v4()) : wide_v6(address.bytes().data());
}

inline bool is_v4(const WideAddress& address) {
    return address.first == 0 && static_cast<std::uint32_t>(address.second) == 0xffff0000U;
}

// Requires: is_v4(address).
inline Be32 v4_of(const WideAddress& address) {
    return Be32::from_raw(static_cast<std::uint32_t>(address.second >> 32U));
}

inline IpAddress address_of(const WideAddress& address) {
    if (is_v4(address))
        return IpAddress::v4(v4_of(address));
    return IpAddress::v6(std::bit_cast<std::array<std::uint8_t, 16>>(address));
}

// Keeps the first `length` bits (0 to 128); an IPv4 prefix is mapped_prefix_length longer here.
inline WideAddress masked(const WideAddress& address, std::uint8_t length) {
    const auto mask = [](unsigned bits) -> std::uint64_t {
        return BigEndian(bits == 0 ? 0 : ~std::uint64_t{0} << (64U - bits)).raw();
    };
    if (length <= 64)
        return {address.first & mask(length), 0};
    return {address.first, address.second & mask(length - 64U)};
}

}  // namespace headgate::dataplane
