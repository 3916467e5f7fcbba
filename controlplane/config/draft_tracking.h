// Drafts of what is tracked: see draft.h.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct WeightDraft {
    int weight = 0;
    std::optional<bool> reverse;  // absent: not said
};

// One line of a track_* block.
struct TrackerUseDraft {
    TrackerId tracker;
    Span where;
    std::optional<WeightDraft> weight;
    // track_virtual_server: how the configuration names it; the name above follows from it.
    Endpoint endpoint{};
    std::uint32_t fwmark = 0;  // not 0: instead of the endpoint
    std::string protocol{};    // empty: whatever it has
};

struct TrackScriptDraft {
    TrackScript script;
    Span where;
    Setting<Duration> timeout;
    WeightDraft weight;
};

struct TrackFileDraft {
    TrackFile file;
    Span where;
    WeightDraft weight{.weight = 1, .reverse = std::nullopt};
};

struct TrackProcessDraft {
    TrackProcess process;
    Span where;
    Setting<std::uint32_t> quorum;
    Setting<std::uint32_t> quorum_max;
    WeightDraft weight;
};

struct TrackersDraft {
    ScriptRules script_rules;
    std::vector<TrackScriptDraft> scripts;
    std::vector<TrackFileDraft> files;
    std::vector<TrackProcessDraft> processes;
    Setting<std::uint32_t> process_buffer_bytes;
    std::vector<Located<InterfaceDelay>> interface_delays;
    // Definitions that were reported to be unusable: whoever uses them need not hear it again.
    std::set<TrackerId> broken;
};

}  // namespace headgate::config
