// Drafts of elections and sync groups: see draft.h.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/draft_tracking.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

// Of an instance; those that global_defs has too are defaults there.
struct ElectionDraft {
    Setting<Duration> preempt_delay;
    Setting<std::uint8_t> down_timer_adverts;
    Setting<bool> higher_prio_send_advert;
    Setting<bool> lower_prio_no_advert;
    Setting<bool> owner_ignore_adverts;
    Setting<std::uint8_t> late_takeover_priority;
};

struct StartupDraft {
    Setting<Duration> after_start;
    Setting<Duration> after_boot;
};

struct SyncGroupDraft {
    std::string name;
    Span where;  // of the keyword vrrp_sync_group
    Mentions mentions;
    std::vector<Located<std::string>> members;
    std::vector<TrackerUseDraft> trackers;
    bool tracking_weight = false;
};

}  // namespace headgate::config
