// Drafts of VRRP instances: see draft.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "controlplane/config/draft_announce.h"
#include "controlplane/config/draft_election.h"
#include "controlplane/config/draft_tracking.h"
#include "controlplane/config/draft_vmac.h"
#include "controlplane/config/draft_vrrp_transport.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

enum class AuthType : std::uint8_t { pass, ah };

// What stands outside of instances: static_ipaddress and so on.
struct StaticDraft {
    Setting<std::string> default_interface;
    std::vector<Located<VirtualAddress>> addresses;
    std::vector<Located<Route>> routes;
    std::vector<Located<Rule>> rules;
    std::map<std::string, std::vector<Located<std::string>>, std::less<>> track_groups;
};

struct VrrpDraft {
    std::string name;
    Span where;  // of the keyword vrrp_instance
    Mentions mentions;
    Setting<VrrpInitialState> state;
    Setting<std::string> interface;
    Setting<std::uint8_t> vrid;
    Setting<std::uint8_t> priority;
    Setting<std::uint8_t> version;
    Setting<std::string> sync_interface;  // lvs_sync_daemon_interface
    Setting<Duration> advert_interval;
    Setting<AuthType> auth_type;
    Setting<std::string> auth_pass;
    TransportDraft transport;
    VmacDraft vmac;
    IpvlanDraft ipvlan;
    Setting<bool> preempt;
    ElectionDraft election;
    std::vector<Located<VirtualAddress>> addresses;
    std::vector<Located<VirtualAddress>> excluded_addresses;
    bool promote_secondaries = false;
    Setting<bool> accept;
    std::vector<Located<Route>> routes;
    std::vector<Located<Rule>> rules;
    Setting<std::chrono::seconds> vip_lease;
    AnnounceDraft announce;
    std::vector<TrackerUseDraft> trackers;
    bool track_primary = true;
};

}  // namespace headgate::config
