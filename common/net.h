// Network vocabulary: big-endian integers as types, MAC and IP addresses, prefixes, endpoints.
// All are small values with total order and hash; parsing accepts exactly one textual form each.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <concepts>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace headgate {

// An integer as it lies in a packet. Converting to or from host order is always spelled out.
template <std::unsigned_integral T>
class BigEndian {
public:
    constexpr BigEndian() = default;
    constexpr explicit BigEndian(T host) : raw_(swap(host)) {}
    [[nodiscard]] static constexpr BigEndian from_raw(T raw) {
        BigEndian value;
        value.raw_ = raw;
        return value;
    }
    [[nodiscard]] constexpr T host() const { return swap(raw_); }
    // The memory representation, for sockaddr and BPF map keys.
    [[nodiscard]] constexpr T raw() const { return raw_; }
    constexpr bool operator==(const BigEndian&) const = default;
    constexpr auto operator<=>(const BigEndian& other) const { return host() <=> other.host(); }

private:
    static constexpr T swap(T value) {
        static_assert(std::endian::native == std::endian::little,
                      "big-endian hosts are not supported");
        if constexpr (sizeof(T) == 2)
            return __builtin_bswap16(value);
        else if constexpr (sizeof(T) == 4)
            return __builtin_bswap32(value);
        else
            return __builtin_bswap64(value);
    }
    T raw_ = 0;
};

using Be16 = BigEndian<std::uint16_t>;
using Be32 = BigEndian<std::uint32_t>;

struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    // "02:00:0a:00:00:0b"
    static Result<MacAddress> parse(std::string_view text);
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] bool is_zero() const { return *this == MacAddress{}; }
    auto operator<=>(const MacAddress&) const = default;
};

enum class Family : std::uint8_t { ipv4, ipv6 };

// An IPv4 or IPv6 address. Bytes are in network order; an IPv4 address uses the first four and
// keeps the rest zero, so that comparing and hashing need no case distinction.
class IpAddress {
public:
    constexpr IpAddress() = default;  // 0.0.0.0
    static IpAddress v4(Be32 address);
    static IpAddress v6(const std::array<std::uint8_t, 16>& bytes);
    // "192.0.2.1" or "2001:db8::1"; no prefix length, no port, no zone.
    static Result<IpAddress> parse(std::string_view text);

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool is_v4() const { return family_ == Family::ipv4; }
    // Requires: is_v4().
    [[nodiscard]] Be32 as_v4() const;
    // 4 or 16 bytes in network order; valid while this address lives.
    [[nodiscard]] std::span<const std::uint8_t> bytes() const {
        return std::span(bytes_).first(is_v4() ? 4 : 16);
    }
    // 32 or 128.
    [[nodiscard]] std::uint8_t bits() const { return is_v4() ? 32 : 128; }
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const IpAddress&) const = default;

private:
    Family family_ = Family::ipv4;
    std::array<std::uint8_t, 16> bytes_{};
};

// An address with a prefix length; host bits are kept ("192.0.2.1/24" is an interface address).
struct Prefix {
    IpAddress address;
    std::uint8_t length = 0;

    // "192.0.2.1/24"; without "/len" the full length (32 or 128).
    static Result<Prefix> parse(std::string_view text);
    [[nodiscard]] bool contains(const IpAddress& candidate) const;
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Prefix&) const = default;
};

struct Endpoint {
    IpAddress address;
    std::uint16_t port = 0;

    // "192.0.2.1:80", "[2001:db8::1]:80"
    [[nodiscard]] std::string to_string() const;
    auto operator<=>(const Endpoint&) const = default;
};

}  // namespace headgate

template <>
struct std::hash<headgate::IpAddress> {
    std::size_t operator()(const headgate::IpAddress& address) const noexcept;
};
template <>
struct std::hash<headgate::Endpoint> {
    std::size_t operator()(const headgate::Endpoint& endpoint) const noexcept;
};
