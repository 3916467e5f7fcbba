// The lists of what is tracked: `track_script { chk_nginx weight -20 }` and its sisters. Pure.
#pragma once

#include <optional>
#include <span>

#include "controlplane/config/draft_tracking.h"
#include "controlplane/config/model_tracking.h"
#include "controlplane/config/reader.h"

namespace headgate::config {

// The largest weight, up and down, with which a tracker of the kind can be used.
int weight_max(TrackerKind kind);

// Handlers of the keywords that open such a list, in any block that tracks.
void read_track_list(const Context& context, const Value& value, TrackerKind kind);

// "NUMBER [reverse | noreverse]". Absent: it cannot be used, and that is reported.
std::optional<WeightDraft> read_weight(std::span<const Word> words, int maximum, Report& report);

}  // namespace headgate::config
