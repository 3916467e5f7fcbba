// BFD sessions: one neighbor each, whose silence is noticed within milliseconds. Part of model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/net.h"

namespace headgate::config {

struct BfdInstance {
    std::string name;
    IpAddress neighbor;
    std::optional<IpAddress> source;  // same family; absent: the kernel chooses
    // Up: how often we send and are willing to receive, at best. Not up: how often we send.
    std::chrono::microseconds min_tx = std::chrono::milliseconds(10);
    std::chrono::microseconds min_rx = std::chrono::milliseconds(10);
    std::chrono::microseconds idle_tx = std::chrono::seconds(1);
    std::uint8_t multiplier = 5;  // so many packets may be missed
    bool passive = false;         // does not speak first
    bool multihop = false;        // the neighbor is behind routers
    // TTL or hop limit: of what is sent; and the lowest that is accepted, absent: any.
    std::uint8_t ttl = 255;
    std::optional<std::uint8_t> ttl_min = 255;
    // Who hears of the session: trackers of VRRP instances, and checks of real servers.
    bool for_vrrp = true;
    bool for_checkers = true;
    bool operator==(const BfdInstance&) const = default;
};

}  // namespace headgate::config
