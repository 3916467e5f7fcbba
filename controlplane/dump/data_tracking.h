// keepalived.data: sync groups, and what is tracked by whom. Pure.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/model.h"
#include "controlplane/track/activity.h"
#include "controlplane/vrrp/status.h"

namespace headgate::dump {

// The lists in the section of an instance: "   Tracked scripts :" and the others.
std::string tracker_lists(const vrrp::InstanceStatus& instance);

// The sections behind the instances. A tracker that no instance uses has no status, and is left
// out.
std::string render_sync_groups(const std::vector<config::SyncGroup>& groups,
                               const std::vector<vrrp::InstanceStatus>& instances);
std::string render_trackers(const config::Trackers& trackers,
                            const std::vector<vrrp::InstanceStatus>& instances,
                            const track::Activity& activity);

}  // namespace headgate::dump
