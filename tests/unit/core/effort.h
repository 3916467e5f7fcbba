// How often a test with random seeds repeats. Under the address sanitizer once in five times: it
// finds what it finds in the first rounds, and takes twenty times as long.
#pragma once

#include <cstdint>

namespace headgate::dataplane {

constexpr std::uint32_t rounds(std::uint32_t wanted) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
    return (wanted + 4) / 5;
#endif
#endif
    return wanted;
}

}  // namespace headgate::dataplane
