// FlowCacheSize: how many buckets of the flow cache (bpf/abi.h) each queue has.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "bpf/abi.h"

namespace headgate::dataplane {

// 2 to the power of. Both 0: there is no cache.
struct FlowCacheSize {
    std::uint32_t bits4 = 0;
    std::uint32_t bits6 = 0;

    // For so many flows of IPv4, and a quarter as many of IPv6; 0: no cache.
    static FlowCacheSize for_flows(std::uint32_t flows) {
        if (flows == 0)
            return {};
        const std::uint32_t buckets = std::bit_ceil(std::max(flows / LB_FLOW_WAYS, 8U));
        const auto bits = static_cast<std::uint32_t>(std::countr_zero(buckets));
        return {bits, bits - 2};
    }
};

}  // namespace headgate::dataplane
