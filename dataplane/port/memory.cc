#include "dataplane/port/memory.h"

#include <algorithm>

#include <poll.h>

#include "common/check.h"

namespace headgate::dataplane {

namespace {

MemoryPort::Bytes copy_of(const Frame& frame) {
    return {frame.data, frame.data + frame.length};
}

}  // namespace

void MemoryPort::push(std::span<const std::uint8_t> frame) {
    Bytes& bytes = waiting_.emplace_back(frame_headroom_bytes);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
}

void MemoryPort::rx_burst(Burst& burst) {
    check(outstanding_ == 0, "one burst is outstanding at a time");
    lent_.clear();
    while (!waiting_.empty() && lent_.size() < burst_max) {
        lent_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
    }
    burst.count = static_cast<std::uint32_t>(lent_.size());
    burst.headroom = frame_headroom_bytes;
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        Bytes& bytes = lent_[index];
        const auto length = static_cast<std::uint32_t>(bytes.size() - frame_headroom_bytes);
        burst.frames[index] = {bytes.data() + frame_headroom_bytes, length};
        counters_.rx_bytes.add(length);
    }
    counters_.rx_packets.add(burst.count);
    outstanding_ = burst.count;
}

void MemoryPort::tx_burst(const Burst& burst) {
    std::uint32_t sent = 0;
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] != Verdict::transmit)
            continue;
        --outstanding_;
        if (sent == transmit_room_) {
            counters_.tx_dropped.add(1);
            continue;
        }
        ++sent;
        transmitted_.push_back(copy_of(burst.frames[index]));
    }
    counters_.tx_packets.add(sent);
}

void MemoryPort::tx_elsewhere(const Burst& burst) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] == Verdict::elsewhere)
            elsewhere_[burst.egresses[index]].push_back(copy_of(burst.frames[index]));
    }
}

void MemoryPort::to_kernel(const Burst& burst) {
    for (std::uint32_t index = 0; index < burst.count; ++index) {
        if (burst.verdicts[index] != Verdict::kernel)
            continue;
        passed_.push_back(copy_of(burst.frames[index]));
        counters_.kernel_packets.add(1);
    }
}

void MemoryPort::release(const Burst& burst) {
    outstanding_ -= static_cast<std::size_t>(
        std::count_if(burst.verdicts.begin(), burst.verdicts.begin() + burst.count,
                      [](Verdict verdict) { return verdict != Verdict::transmit; }));
}

void MemoryPort::tx_copies(std::span<const Frame> frames, std::span<const int> egresses) {
    check(outstanding_ == 0, "the burst has been given back");
    for (std::size_t index = 0; index < frames.size(); ++index) {
        if (egresses[index] != 0) {
            elsewhere_[egresses[index]].push_back(copy_of(frames[index]));
            continue;
        }
        transmitted_.push_back(copy_of(frames[index]));
        counters_.tx_packets.add(1);
    }
}

void MemoryPort::wait(int wake_fd, std::chrono::milliseconds timeout) {
    if (!waiting_.empty())
        return;
    pollfd event{wake_fd, POLLIN, 0};
    ::poll(&event, 1, static_cast<int>(timeout.count()));
}

}  // namespace headgate::dataplane
