// Hashing of flows: two 64 x 64 -> 128 bit multiplications folded to 64 bits, under a secret seed.
//
// Not CRC32C: a CRC is linear, so two keys that collide do so under every seed, and a client could
// choose addresses and ports that all fall into one bucket. The multiplications need no special
// instruction, cost the same few nanoseconds, and leave the attacker guessing the seed.
#pragma once

#include <array>
#include <cstdint>

#include "dataplane/core/wide_address.h"

namespace headgate::dataplane {

struct HashSeed {
    std::array<std::uint64_t, 4> words{0x243f6a8885a308d3U, 0x13198a2e03707344U,
                                       0xa4093822299f31d0U, 0x082efa98ec4e6c89U};
};

// The 128-bit product, its halves folded together.
inline std::uint64_t multiply_fold(std::uint64_t left, std::uint64_t right) {
    __extension__ using Wide = unsigned __int128;
    const Wide product = static_cast<Wide>(left) * right;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64U);
}

// Of a client address and whatever else makes the key.
inline std::uint64_t hash_flow(const WideAddress& address, std::uint64_t rest,
                               const HashSeed& seed) {
    const std::uint64_t folded =
        multiply_fold(address.first ^ seed.words[0], address.second ^ seed.words[1]);
    return multiply_fold(folded ^ seed.words[2], rest ^ seed.words[3]);
}

// Of a service. The configured keys are nobody's attack surface: no seed. Folded, since
// neighbouring addresses differ in the highest bits, which the lower half of a product does not
// spread.
inline std::uint64_t hash_service(const WideAddress& address, std::uint32_t rest) {
    return multiply_fold(address.first ^ address.second ^ rest, 0x9e3779b97f4a7c15U);
}

}  // namespace headgate::dataplane
