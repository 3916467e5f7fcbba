// keepalived.data: what keepalived 2.2.7 writes about its instances, groups and trackers, with the
// titles and keys that monitoring reads. What Headgate has no counterpart of is left out.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/model.h"
#include "controlplane/track/activity.h"
#include "controlplane/vrrp/status.h"

namespace headgate::dump {

// Passwords are masked.
std::string render_data(const config::Config& config,
                        const std::vector<vrrp::InstanceStatus>& instances,
                        const track::Activity& activity);

}  // namespace headgate::dump
