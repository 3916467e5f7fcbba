// Drafts of VRRP instances: see draft.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/config/draft_announce.h"
#include "controlplane/config/draft_election.h"
#include "controlplane/config/draft_tracking.h"
#include "controlplane/config/draft_vrrp_transport.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

enum class AuthType : std::uint8_t { pass, ah };

struct VrrpDraft {
    std::string name;
    Span where;  // of the keyword vrrp_instance
    Mentions mentions;
    Setting<VrrpInitialState> state;
    Setting<std::string> interface;
    Setting<std::uint8_t> vrid;
    Setting<std::uint8_t> priority;
    Setting<std::uint8_t> version;
    Setting<Duration> advert_interval;
    Setting<AuthType> auth_type;
    Setting<std::string> auth_pass;
    TransportDraft transport;
    Setting<bool> preempt;
    ElectionDraft election;
    std::vector<Located<VirtualAddress>> addresses;
    Setting<std::chrono::seconds> vip_lease;
    AnnounceDraft announce;
    std::vector<TrackerUseDraft> trackers;
    bool track_primary = true;
};

}  // namespace headgate::config
