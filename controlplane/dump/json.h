// keepalived.json: the documents of keepalived's json_version 1 (an array of instances) and 2 (an
// object with that array and one of tracked processes). The keys, their order and the number
// formats are keepalived's.
#pragma once

#include <string>
#include <vector>

#include "controlplane/config/model.h"
#include "controlplane/dump/stats.h"
#include "controlplane/track/activity.h"
#include "controlplane/vrrp/status.h"

namespace headgate::dump {

// One line without a newline at its end, as keepalived writes it. Instances that have no status yet
// are left out. Passwords are masked.
std::string render_json(const config::Config& config,
                        const std::vector<vrrp::InstanceStatus>& instances,
                        const track::Activity& activity, const Baseline& baseline);

}  // namespace headgate::dump
