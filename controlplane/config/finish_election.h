// See finish.h: elections and sync groups. Pure.
#pragma once

#include <vector>

#include "controlplane/config/draft.h"
#include "controlplane/config/report.h"

namespace headgate::config {

// Requires: the priority, the preemption and the initial state of the instance are set.
void finish_election(VrrpInstance& instance, const ElectionDraft& draft,
                     const ElectionDraft& global, Report& report);

StartupDelay finish_startup(const StartupDraft& draft);

// Tells the instances which group they are in. Groups without a member are left out.
std::vector<SyncGroup> finish_sync_groups(const std::vector<SyncGroupDraft>& drafts,
                                          const std::vector<VrrpDraft>& instance_drafts,
                                          std::vector<VrrpInstance>& instances, Report& report);

}  // namespace headgate::config
