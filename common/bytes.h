// ByteReader and ByteWriter: bounds-checked access to wire formats, big-endian by default.
// A reader that runs past its end becomes failed() and yields zeros from then on, so a parser reads
// its whole header and checks once. No memory of a packet is ever cast to a struct.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>

#include "common/check.h"

namespace headgate {

class ByteReader {
public:
    explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    // The next integer, in network byte order on the wire, in host order as returned.
    template <std::unsigned_integral T>
    T read() {
        const std::span<const std::uint8_t> raw = take(sizeof(T));
        T value = 0;
        for (const std::uint8_t byte : raw)
            value = static_cast<T>((std::uint64_t{value} << 8U) | byte);
        return value;
    }

    // The next `count` bytes; empty, and failed() from then on, when there are fewer.
    std::span<const std::uint8_t> take(std::size_t count) {
        if (failed_ || count > remaining()) {
            failed_ = true;
            return {};
        }
        const auto taken = bytes_.subspan(offset_, count);
        offset_ += count;
        return taken;
    }

    void skip(std::size_t count) { take(count); }
    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - offset_; }
    [[nodiscard]] std::size_t offset() const { return offset_; }
    [[nodiscard]] bool failed() const { return failed_; }

private:
    std::span<const std::uint8_t> bytes_;
    std::size_t offset_ = 0;
    bool failed_ = false;
};

// Writes into memory that the caller owns and has sized: running over is a programming error.
class ByteWriter {
public:
    explicit ByteWriter(std::span<std::uint8_t> bytes) : bytes_(bytes) {}

    template <std::unsigned_integral T>
    void write(T value) {
        check(sizeof(T) <= bytes_.size() - offset_, "the writer has room for the integer");
        for (std::size_t index = 0; index < sizeof(T); ++index) {
            const std::size_t shift = 8 * (sizeof(T) - 1 - index);
            bytes_[offset_ + index] = static_cast<std::uint8_t>(std::uint64_t{value} >> shift);
        }
        offset_ += sizeof(T);
    }

    void write(std::span<const std::uint8_t> raw) {
        check(raw.size() <= bytes_.size() - offset_, "the writer has room for the bytes");
        std::ranges::copy(raw, bytes_.begin() + static_cast<std::ptrdiff_t>(offset_));
        offset_ += raw.size();
    }

    [[nodiscard]] std::size_t offset() const { return offset_; }

private:
    std::span<std::uint8_t> bytes_;
    std::size_t offset_ = 0;
};

}  // namespace headgate
