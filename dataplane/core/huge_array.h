// HugeArray<T>: a fixed number of T, value-initialised, in 2 MB pages where the kernel gives them.
// A random access into a table of many megabytes costs a TLB miss on top of the cache miss with
// 4 KB pages. All memory is touched at construction, so a packet never causes a page fault.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

#include <sys/mman.h>

#include "common/check.h"

namespace headgate::dataplane {

template <typename T>
class HugeArray {
public:
    static_assert(std::is_trivially_destructible_v<T>);

    explicit HugeArray(std::size_t size) : size_(size) {
        const std::size_t bytes = (size * sizeof(T) + page_bytes - 1) / page_bytes * page_bytes;
        void* memory = std::aligned_alloc(page_bytes, bytes);
        check(memory != nullptr, "there is memory for the tables at start");
        // Advice only: without huge pages everything works, slower.
        static_cast<void>(::madvise(memory, bytes, MADV_HUGEPAGE));
        items_ = static_cast<T*>(memory);
        std::uninitialized_value_construct_n(items_, size);
    }
    ~HugeArray() { std::free(items_); }
    HugeArray(const HugeArray&) = delete;
    HugeArray& operator=(const HugeArray&) = delete;

    T& operator[](std::size_t index) { return items_[index]; }
    const T& operator[](std::size_t index) const { return items_[index]; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    static constexpr std::size_t page_bytes = 2U << 20U;

    T* items_;
    std::size_t size_;
};

}  // namespace headgate::dataplane
