// MemoryPort: a port without a device, for tests and benchmarks. Frames are pushed in; what the
// core decided about them can be read back. Not thread-safe: push and inspect from the thread
// that runs the worker, or while it does not run.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <vector>

#include "dataplane/port/port.h"

namespace headgate::dataplane {

class MemoryPort final : public Port {
public:
    using Bytes = std::vector<std::uint8_t>;

    // `transmit_room`: frames that one burst may send; the others find the ring full.
    explicit MemoryPort(std::uint32_t transmit_room = burst_max) : transmit_room_(transmit_room) {}

    void push(std::span<const std::uint8_t> frame);
    [[nodiscard]] const std::vector<Bytes>& transmitted() const { return transmitted_; }
    // What left by the interface with that ifindex.
    [[nodiscard]] const std::vector<Bytes>& transmitted_by(int ifindex) {
        return elsewhere_[ifindex];
    }
    [[nodiscard]] const std::vector<Bytes>& passed_to_kernel() const { return passed_; }
    // Buffers that the caller has and has not given back; 0 between bursts.
    [[nodiscard]] std::size_t outstanding() const { return outstanding_; }

    void rx_burst(Burst& burst) override;
    void tx_burst(const Burst& burst) override;
    void tx_elsewhere(const Burst& burst) override;
    void to_kernel(const Burst& burst) override;
    void release(const Burst& burst) override;
    void tx_copies(std::span<const Frame> frames, std::span<const int> egresses) override;
    void wait(int wake_fd, std::chrono::milliseconds timeout) override;

private:
    std::uint32_t transmit_room_;
    // Each behind frame_headroom_bytes.
    std::deque<Bytes> waiting_;
    std::vector<Bytes> lent_;  // the frames of the outstanding burst
    std::vector<Bytes> transmitted_;
    std::map<int, std::vector<Bytes>> elsewhere_;
    std::vector<Bytes> passed_;
    std::size_t outstanding_ = 0;
};

}  // namespace headgate::dataplane
