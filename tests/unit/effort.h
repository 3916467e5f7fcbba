// How often a test with random seeds, or with a great number of something, repeats. Under the
// address sanitizer once in five times: it finds what it finds in the first rounds, and takes
// twenty times as long.
#pragma once

#include <cstdint>

namespace headgate {

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
inline constexpr bool has_address_sanitizer = true;
#else
inline constexpr bool has_address_sanitizer = false;
#endif
#else
inline constexpr bool has_address_sanitizer = false;
#endif

constexpr std::uint32_t rounds(std::uint32_t wanted) {
    return has_address_sanitizer ? (wanted + 4) / 5 : wanted;
}

}  // namespace headgate
