// Drafts: what the lines of a block have set so far, each value with its place. They exist between
// reading and finishing, because a default often depends on other lines, which may come later.
// Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/draft_announce.h"
#include "controlplane/config/draft_bfd.h"
#include "controlplane/config/draft_election.h"
#include "controlplane/config/draft_protection.h"
#include "controlplane/config/draft_vrrp.h"
#include "controlplane/config/draft_vrrp_transport.h"
#include "controlplane/config/model.h"
#include "controlplane/config/setting.h"

namespace headgate::config {

struct GlobalDraft {
    Setting<std::string> router_id;
    Setting<std::uint8_t> vrrp_version;
    GlobalTransportDraft transport;
    Setting<std::string> vmac_prefix;
    Setting<std::string> vmac_address_prefix;
    AnnounceDraft announce;
    AnnounceLimitDraft announce_limit;
    bool min_garp = false;
    ElectionDraft election;
    StartupDraft startup;
    Scheduling vrrp_scheduling;
    Scheduling bfd_scheduling;
    bool log_unknown_vrids = false;
    ConnectionTimeouts connection_timeouts;
};

// The timing keywords, which virtual_server, real_server and the checks all have: the innermost
// block that sets one decides.
struct TimingDraft {
    Setting<Duration> delay_loop;
    Setting<Duration> connect_timeout;
    Setting<std::uint32_t> retry;
    Setting<Duration> delay_before_retry;
};

struct UrlDraft {
    std::optional<std::string> path;
    std::vector<StatusRange> statuses;
    std::optional<std::string> virtual_host;
};

enum class CheckKind : std::uint8_t { tcp, http };

struct CheckDraft {
    CheckKind kind = CheckKind::tcp;
    Span where;  // of its keyword
    TimingDraft timing;
    std::optional<IpAddress> connect_address;
    std::optional<std::uint16_t> connect_port;
    std::optional<std::string> virtual_host;
    std::vector<UrlDraft> urls;
};

struct RealServerDraft {
    Endpoint endpoint;
    Span where;           // of the keyword real_server
    Span endpoint_where;  // of its address and port
    Setting<Forwarding> forwarding;
    std::optional<std::uint32_t> weight;
    std::optional<bool> inhibit_on_failure;
    std::uint32_t upper_threshold = 0;
    Setting<std::uint32_t> lower_threshold;
    std::optional<std::string> virtual_host;
    TimingDraft timing;
    std::vector<CheckDraft> checks;
};

// A flag of sh or mh; without a scheduler, of any.
struct SchedulerFlagDraft {
    std::string_view keyword;
    std::optional<Scheduler> scheduler;
    bool VirtualServer::*flag = nullptr;
};

// A line of a virtual_server_group: an address, or all from the first to the last; or a mark.
struct GroupEntry {
    IpAddress first{};
    IpAddress last{};
    std::uint16_t port = 0;
    std::uint32_t fwmark = 0;        // 0: addresses
    std::optional<Family> family{};  // of a mark; absent: not said
};

// Of persistence.
struct GranularityDraft {
    std::uint8_t prefix_length = 0;
    bool is_netmask = false;  // and so of IPv4
};

struct SyncDaemonDraft {
    SyncDaemon daemon;
    Setting<std::string> instance;
    std::optional<std::uint8_t> id;
};

struct ServerGroupDraft {
    std::string name;
    std::vector<Located<GroupEntry>> entries;
};

struct ServerDraft {
    Endpoint endpoint;
    std::uint32_t fwmark = 0;    // not 0: instead of the endpoint
    Setting<std::string> group;  // likewise
    Setting<Family> family;
    Span where;           // of the keyword virtual_server
    Span endpoint_where;  // of its address and port
    Mentions mentions;
    Setting<Protocol> protocol;
    Setting<Scheduler> scheduler;
    std::vector<Located<SchedulerFlagDraft>> scheduler_flags;
    Setting<bool> one_packet;
    Setting<Forwarding> forwarding;
    Setting<std::chrono::seconds> persistence_timeout;
    Setting<GranularityDraft> granularity;
    Setting<std::string> persistence_engine;
    bool expire_quiescent = false;
    std::chrono::seconds drain_timeout{0};
    bool alpha = false;
    bool inhibit_on_failure = false;
    std::optional<std::uint32_t> weight;
    std::optional<std::string> virtual_host;
    TimingDraft timing;
    std::vector<RealServerDraft> real_servers;
};

// Everything that the files say, before defaults and cross-references.
struct Drafts {
    GlobalDraft global;
    TrackersDraft trackers;
    std::vector<VrrpDraft> instances;
    std::vector<GarpGroupDraft> garp_groups;
    std::vector<BfdDraft> bfd_instances;
    std::vector<SyncGroupDraft> sync_groups;
    StaticDraft statics;
    Firewall firewall;
    std::vector<ServerGroupDraft> server_groups;
    std::vector<ServerDraft> servers;
    Dataplane dataplane;  // but for its protection
    ProtectionDraft protection;
    IpvsPolicy ipvs;  // but for its sync daemon
    Setting<SyncDaemonDraft> sync_daemon;
    DumpFiles dump_files;
};

}  // namespace headgate::config
