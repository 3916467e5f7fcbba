// What `headgate status` shows, put together from what the parts of the daemon know. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/api.pb.h"
#include "controlplane/config/model.h"
#include "controlplane/forwarding/bypass.h"
#include "controlplane/forwarding/ipvs/backend.h"
#include "controlplane/health/check_state.h"
#include "controlplane/service/evaluate.h"
#include "controlplane/service/history.h"
#include "controlplane/vrrp/status.h"

namespace headgate {

struct StatusInputs {
    const config::Config& config;
    const std::vector<vrrp::InstanceStatus>& vrrp;
    const std::vector<service::ServiceView>& views;  // of config.virtual_servers
    const service::History& history;
    std::function<const health::CheckState*(const config::Check&)> find_check;
    const forwarding::Bypass::State& bypass;
    // Absent while no dataplane answers.
    const std::optional<api::DataplaneState>& dataplane;
    const forwarding::ipvs::Backend::State& ipvs;
    // Absent while IPVS forwards nothing.
    const std::optional<api::DataplaneState>& ipvs_counters;
};

// Everything but what concerns the daemon itself (version, pid, times, configuration file).
api::Status make_status(const StatusInputs& inputs);

}  // namespace headgate
