// The typed configuration of what the dataplane does against floods: see model.h.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/net.h"
#include "common/protection_defaults.h"

namespace headgate::config {

// Rates are per second; 0: no limit.
struct Protection {
    std::optional<std::uint32_t> connection_rate;  // absent: as many as a worker has time for
    std::uint32_t source_rate = 0;
    std::uint8_t source_prefix_length_v4 = protection_defaults::source_prefix_length_v4;
    std::uint8_t source_prefix_length_v6 = protection_defaults::source_prefix_length_v6;
    std::uint32_t fragment_rate = protection_defaults::fragment_rate;
    std::uint32_t icmp_error_rate = protection_defaults::icmp_error_rate;
    std::uint32_t icmp_answer_rate = protection_defaults::icmp_answer_rate;
    // Each network once, without host bits; none in both.
    std::vector<Prefix> blocked;
    std::vector<Prefix> allowed;
};

}  // namespace headgate::config
