// The uses of trackers by one instance as the status shows them: what each does to the priority
// now, and what it would do otherwise. Pure.
#pragma once

#include <vector>

#include "common/clock.h"
#include "controlplane/vrrp/status.h"
#include "controlplane/vrrp/tracking.h"

namespace headgate::vrrp {

[[nodiscard]] std::vector<TrackerStatus> tracker_statuses(const Tracking& tracking, Instant now);

}  // namespace headgate::vrrp
