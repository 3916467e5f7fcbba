// The hashes by which IPVS's sh, dh and mh find a server, bit for bit, so that a director that runs
// IPVS with the same configuration sends a client to the same server. They have no secret: use
// hash_flow() where an attacker must not find collisions.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "common/net.h"
#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

// The address in host order; of IPv6 the exclusive or of its four words.
inline std::uint32_t fold_address(const WideAddress& address) {
    if (is_v4(address))
        return v4_of(address).host();
    const std::uint64_t folded = address.first ^ address.second;
    return Be32::from_raw(static_cast<std::uint32_t>(folded) ^
                          static_cast<std::uint32_t>(folded >> 32U))
        .host();
}

// sh and dh: the upper `bits` bits of the product with 2^32 divided by the golden ratio.
inline std::uint32_t golden_hash(std::uint32_t value, unsigned bits) {
    constexpr std::uint32_t golden_ratio = 0x61c88647;
    return (value * golden_ratio) >> (32U - bits);
}

using SipKey = std::array<std::uint64_t, 2>;
// mh: for the entry of a client and the first entry of a server; for a server's step.
inline constexpr SipKey maglev_entry_key{2654435761U, 2654435761U};
inline constexpr SipKey maglev_step_key{2654446892U, 2654446892U};

// SipHash-1-3 (Aumasson and Bernstein, 2012) of the four bytes of `value`, least significant
// first; the lower half of the result.
inline std::uint32_t sip_hash(std::uint32_t value, const SipKey& key) {
    std::uint64_t v0 = key[0] ^ 0x736f6d6570736575U;
    std::uint64_t v1 = key[1] ^ 0x646f72616e646f6dU;
    std::uint64_t v2 = key[0] ^ 0x6c7967656e657261U;
    std::uint64_t v3 = key[1] ^ 0x7465646279746573U;
    const auto round = [&] {
        v0 += v1;
        v1 = std::rotl(v1, 13) ^ v0;
        v0 = std::rotl(v0, 32);
        v2 += v3;
        v3 = std::rotl(v3, 16) ^ v2;
        v0 += v3;
        v3 = std::rotl(v3, 21) ^ v0;
        v2 += v1;
        v1 = std::rotl(v1, 17) ^ v2;
        v2 = std::rotl(v2, 32);
    };
    const std::uint64_t block = std::uint64_t{sizeof(value)} << 56U | value;
    v3 ^= block;
    round();
    v0 ^= block;
    v2 ^= 0xff;
    round();
    round();
    round();
    return static_cast<std::uint32_t>(v0 ^ v1 ^ v2 ^ v3);
}

}  // namespace headgate::dataplane
