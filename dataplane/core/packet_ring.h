// PacketRing: records of any size from one thread to another, in memory of a fixed size. The writer
// never waits: what finds no room is its to count.
//
// One thread writes (reserve, commit), one reads (front, pop). Each record lies in one piece,
// behind a word with its size; what is left at the end of the memory is skipped.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "common/check.h"

namespace headgate::dataplane {

class PacketRing {
public:
    // A power of two.
    explicit PacketRing(std::size_t bytes) : memory_(bytes) {
        check(std::has_single_bit(bytes) && bytes >= 2 * header_bytes,
              "the size of a ring is a power of two");
    }

    // ---- writer ----
    // Memory for a record of `bytes`, or nothing when there is no room; commit() hands it over.
    std::span<std::uint8_t> reserve(std::size_t bytes) {
        const std::size_t needed = padded(bytes);
        const std::uint64_t written = written_.load(std::memory_order_relaxed);
        const std::uint64_t read = read_.load(std::memory_order_acquire);
        const std::size_t at = offset(written);
        const std::size_t to_end = memory_.size() - at;
        const std::size_t skipped = needed > to_end ? to_end : 0;
        if (needed + skipped > memory_.size() - (written - read))
            return {};
        if (skipped != 0)
            put_size(at, skip);
        reserved_ = written + skipped;
        put_size(offset(reserved_), static_cast<std::uint32_t>(bytes));
        return std::span(memory_).subspan(offset(reserved_) + header_bytes, bytes);
    }
    void commit() {
        const std::uint32_t bytes = size_at(offset(reserved_));
        written_.store(reserved_ + padded(bytes), std::memory_order_release);
    }

    // ---- reader ----
    // The oldest record, or nothing. Valid until pop().
    [[nodiscard]] std::span<const std::uint8_t> front() {
        const std::uint64_t written = written_.load(std::memory_order_acquire);
        std::uint64_t read = read_.load(std::memory_order_relaxed);
        if (read == written)
            return {};
        if (size_at(offset(read)) == skip) {
            read += memory_.size() - offset(read);
            read_.store(read, std::memory_order_release);
        }
        return std::span(memory_).subspan(offset(read) + header_bytes, size_at(offset(read)));
    }
    // Requires: front() has returned a record.
    void pop() {
        const std::uint64_t read = read_.load(std::memory_order_relaxed);
        read_.store(read + padded(size_at(offset(read))), std::memory_order_release);
    }

private:
    static constexpr std::size_t header_bytes = 8;  // so that records are aligned for words
    static constexpr std::uint32_t skip = 0xffffffff;

    static std::size_t padded(std::size_t bytes) {
        return (header_bytes + bytes + header_bytes - 1) & ~(header_bytes - 1);
    }
    [[nodiscard]] std::size_t offset(std::uint64_t position) const {
        return static_cast<std::size_t>(position) & (memory_.size() - 1);
    }
    void put_size(std::size_t at, std::uint32_t size) {
        std::memcpy(&memory_[at], &size, sizeof size);
    }
    [[nodiscard]] std::uint32_t size_at(std::size_t at) const {
        std::uint32_t size = 0;
        std::memcpy(&size, &memory_[at], sizeof size);
        return size;
    }

    std::vector<std::uint8_t> memory_;
    std::uint64_t reserved_ = 0;  // the writer's: where the record that it writes begins
    // Bytes since the beginning of time.
    alignas(64) std::atomic<std::uint64_t> written_{0};
    alignas(64) std::atomic<std::uint64_t> read_{0};
};

}  // namespace headgate::dataplane
