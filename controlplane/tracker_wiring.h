// Between the trackers and VRRP, which do not know each other: who is used, what a verdict means
// there, and the virtual servers as trackers. Main thread.
#pragma once

#include <functional>
#include <map>
#include <set>
#include <vector>

#include "controlplane/bfd/status.h"
#include "controlplane/config/model.h"
#include "controlplane/service/evaluate.h"
#include "controlplane/track/verdict.h"
#include "controlplane/vrrp/tracking.h"

namespace headgate {

// What the instances track.
std::set<config::TrackerId> used_trackers(const config::Vrrp& vrrp);

vrrp::TrackerState tracker_state(const track::Verdict& verdict);
vrrp::TrackerState tracker_state(const bfd::InstanceStatus& session);

// Virtual servers that instances track: up while at least one of their real servers is.
class ServiceTrackers {
public:
    explicit ServiceTrackers(track::Report report) : report_(std::move(report)) {}

    // Reports what has changed. Requires: `views` are of this configuration.
    void update(const config::Config& config, const std::vector<service::ServiceView>& views);

private:
    track::Report report_;
    std::map<config::TrackerId, bool> told_;
};

}  // namespace headgate
