// Keyed digests of OpenSSL, over messages in pieces, and the comparison that goes with them.
// Pure; any thread.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>

namespace headgate::vrrp {

using ByteView = std::span<const std::uint8_t>;

// RFC 2104. Nothing when the library refuses: MD5 where the system's policy forbids it.
[[nodiscard]] std::optional<std::array<std::uint8_t, 16>> hmac_md5(
    ByteView key, std::initializer_list<ByteView> pieces);
[[nodiscard]] std::optional<std::array<std::uint8_t, 32>> hmac_sha256(
    ByteView key, std::initializer_list<ByteView> pieces);

// Takes the same time wherever the first difference is. Different lengths differ.
[[nodiscard]] bool equal_constant_time(ByteView left, ByteView right);

}  // namespace headgate::vrrp
