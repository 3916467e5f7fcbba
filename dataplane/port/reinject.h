// Reinjector: gives a frame that a worker has received back to the kernel, as if it had just come
// in on its interface and queue (so that routing, rp_filter and sockets see the true interface).
// It runs an XDP_PASS program over the frame with BPF_F_TEST_XDP_LIVE_FRAMES (Linux 5.18): no TAP
// device, no route to configure. One system call per frame, so callers bound how many they send.
//
// Loaded once on the control thread; inject() may then be called from any thread.
#pragma once

#include <memory>

#include "common/result.h"
#include "dataplane/core/frame.h"

struct pass_bpf;

namespace headgate::dataplane {

class Reinjector {
public:
    static Result<std::shared_ptr<const Reinjector>> load();
    ~Reinjector();
    Reinjector(const Reinjector&) = delete;
    Reinjector& operator=(const Reinjector&) = delete;

    // False when the kernel did not take the frame: the interface is gone or down, the frame is
    // larger than a page, or the kernel is too old.
    [[nodiscard]] bool inject(const Frame& frame, int ifindex, std::uint32_t queue) const;

private:
    explicit Reinjector(pass_bpf* program);
    pass_bpf* program_;  // owned
    int program_fd_;
};

}  // namespace headgate::dataplane
