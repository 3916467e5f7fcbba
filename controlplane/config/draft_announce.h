// Drafts of announcing: see draft.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct ExtraInterfaces {
    std::chrono::seconds interval{0};
    bool everywhere = false;
};

// What global_defs and vrrp_instance can both say.
struct AnnounceDraft {
    Setting<std::chrono::seconds> delay;
    Setting<std::uint32_t> repeat;
    Setting<std::chrono::seconds> refresh;
    Setting<std::uint32_t> refresh_repeat;
    Setting<std::chrono::seconds> lower_priority_delay;
    Setting<std::uint32_t> lower_priority_repeat;
    Setting<ExtraInterfaces> extra;
};

// Of global_defs, or of one garp_group.
struct AnnounceLimitDraft {
    Setting<Duration> garp;
    Setting<Duration> na;
};

struct GarpGroupDraft {
    Span where;  // of the keyword garp_group
    Mentions mentions;
    AnnounceLimitDraft limit;
    std::vector<Located<std::string>> interfaces;
};

}  // namespace headgate::config
