// The Internet checksum (RFC 1071), as a sum that can be continued over several pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace headgate {

// Accumulates 16-bit big-endian words. Every piece but the last must have an even length.
class InternetChecksum {
public:
    void add(std::span<const std::uint8_t> bytes) {
        std::size_t index = 0;
        for (; index + 1 < bytes.size(); index += 2)
            sum_ += static_cast<std::uint32_t>(bytes[index] << 8U) | bytes[index + 1];
        if (index < bytes.size())
            sum_ += static_cast<std::uint32_t>(bytes[index] << 8U);
    }
    void add(std::uint16_t word) { sum_ += word; }

    // The value for a checksum field that was zero while summing, in host order. A message whose
    // checksum field is included and right yields 0.
    [[nodiscard]] std::uint16_t finish() const {
        std::uint64_t folded = sum_;
        while (folded >> 16U)
            folded = (folded & 0xffffU) + (folded >> 16U);
        return static_cast<std::uint16_t>(~folded);
    }

private:
    std::uint64_t sum_ = 0;
};

inline std::uint16_t internet_checksum(std::span<const std::uint8_t> bytes) {
    InternetChecksum sum;
    sum.add(bytes);
    return sum.finish();
}

}  // namespace headgate
