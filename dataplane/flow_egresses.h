// FlowEgresses: the numbers under which the XDP program knows the interfaces that cached flows
// leave by, when it is not the one they come in on (bpf/abi.h).
//
// Numbers are given round robin, so that a program that is just reading a destination does not find
// another interface under the number that stood there. *Control thread.* The controls are shared
// with the program, may come from another process, whose numbers then stay, and outlive this.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>

#include "bpf/abi.h"
#include "dataplane/core/snapshot.h"

namespace headgate::dataplane {

class FlowEgresses {
public:
    // Tells the program which interface has a number, by its ifindex, or that none has (0); false:
    // that is refused.
    using SetDevice = std::function<bool(std::uint32_t number, int ifindex)>;

    FlowEgresses(std::span<lb_flow_control> controls, SetDevice set_device);

    // The number of this egress, which is told to the program with its MAC address. 0: it cannot
    // send there, or has no number left.
    std::uint32_t use(const Egress& egress);

    // Takes the numbers back that were not used since the last call. Requires: no destination that
    // the program follows has them.
    void release_unused();

private:
    struct Number {
        int ifindex = 0;
        bool is_used = false;  // since the last release_unused()
    };

    [[nodiscard]] std::uint32_t find(int ifindex);
    void write(std::uint32_t number, std::uint64_t mac, int ifindex);

    std::span<lb_flow_control> controls_;
    SetDevice set_device_;
    std::array<Number, LB_EGRESSES_MAX> numbers_{};
    std::uint32_t last_ = 0;
};

}  // namespace headgate::dataplane
