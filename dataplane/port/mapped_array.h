// MappedArray<T>: an array map of an XDP program (BPF_F_MMAPABLE) in the memory of this process,
// which reads and writes it without system calls. *Any thread*, as far as the T allow it.
#pragma once

#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include <sys/mman.h>

namespace headgate::dataplane {

template <typename T>
class MappedArray {
public:
    static_assert(sizeof(T) % 8 == 0, "the kernel rounds the size of a value up to 8 bytes");

    MappedArray() = default;
    ~MappedArray() {
        if (!items_.empty())
            ::munmap(items_.data(), items_.size_bytes());
    }
    MappedArray(const MappedArray&) = delete;
    MappedArray& operator=(const MappedArray&) = delete;

    // Maps the first `count` entries of the map; false, with errno, when that fails. Once.
    bool map(int map_fd, std::size_t count) {
        // The kernel rounds the length up to whole pages, here and in munmap().
        void* start =
            ::mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, map_fd, 0);
        if (start == MAP_FAILED)
            return false;
        items_ = {static_cast<T*>(start), count};
        return true;
    }

    // Empty before map().
    [[nodiscard]] std::span<T> items() const { return items_; }

private:
    std::span<T> items_;
};

}  // namespace headgate::dataplane
