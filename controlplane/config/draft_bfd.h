// Drafts of BFD sessions: see draft.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/net.h"
#include "controlplane/config/draft_tracking.h"
#include "controlplane/config/model_bfd.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct BfdDraft {
    std::string name;
    Span where;  // of the keyword bfd_instance
    Mentions mentions;
    Setting<IpAddress> neighbor;
    Setting<IpAddress> source;
    Setting<std::chrono::microseconds> min_rx;
    Setting<std::chrono::microseconds> min_tx;
    Setting<std::chrono::microseconds> idle_tx;
    Setting<std::uint8_t> multiplier;
    Setting<std::uint8_t> ttl;
    Setting<int> max_hops;  // -1: not looked at
    Setting<bool> multihop;
    bool passive = false;
    bool for_vrrp = false;  // both false: for both
    bool for_checkers = false;
    WeightDraft weight;  // for who tracks it and gives none
};

}  // namespace headgate::config
