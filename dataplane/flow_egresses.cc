#include "dataplane/flow_egresses.h"

#include <atomic>
#include <utility>

namespace headgate::dataplane {

FlowEgresses::FlowEgresses(std::span<lb_flow_control> controls, SetDevice set_device)
    : controls_(controls), set_device_(std::move(set_device)) {
    if (controls_.empty())
        return;
    for (std::uint32_t number = 1; number < LB_EGRESSES_MAX; ++number)
        numbers_[number].ifindex = static_cast<int>(controls_[0].egresses[number].ifindex);
}

// That of the interface, or the next that is free; 0: none is.
std::uint32_t FlowEgresses::find(int ifindex) {
    for (std::uint32_t number = 1; number < LB_EGRESSES_MAX; ++number) {
        if (numbers_[number].ifindex == ifindex)
            return number;
    }
    for (std::uint32_t tried = 1; tried < LB_EGRESSES_MAX; ++tried) {
        last_ = last_ % (LB_EGRESSES_MAX - 1) + 1;
        if (numbers_[last_].ifindex == 0)
            return last_;
    }
    return 0;
}

std::uint32_t FlowEgresses::use(const Egress& egress) {
    const std::uint32_t number = find(egress.ifindex);
    if (number == 0)
        return 0;
    Number& entry = numbers_[number];
    if (entry.is_used)
        return number;
    // Again with every snapshot: the kernel takes a device out that goes, also if another one gets
    // its ifindex.
    if (!set_device_(number, egress.ifindex))
        return 0;
    entry = {egress.ifindex, true};
    write(number, egress.mac, egress.ifindex);
    return number;
}

void FlowEgresses::release_unused() {
    for (std::uint32_t number = 1; number < LB_EGRESSES_MAX; ++number) {
        Number& entry = numbers_[number];
        const bool is_used = std::exchange(entry.is_used, false);
        if (is_used || entry.ifindex == 0)
            continue;
        set_device_(number, 0);
        entry.ifindex = 0;
        write(number, 0, 0);
    }
}

void FlowEgresses::write(std::uint32_t number, std::uint64_t mac, int ifindex) {
    for (lb_flow_control& control : controls_) {
        lb_egress& egress = control.egresses[number];
        std::atomic_ref(egress.mac).store(mac, std::memory_order_release);
        std::atomic_ref(egress.ifindex)
            .store(static_cast<std::uint32_t>(ifindex), std::memory_order_release);
    }
}

}  // namespace headgate::dataplane
