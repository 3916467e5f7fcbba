// Finishing: drafts → the typed model. Defaults that depend on other lines are filled in, and what
// only shows when the whole file is known is checked: two instances with one virtual router id, a
// virtual server without scheduler, addresses used twice. Rules and defaults are keepalived's.
// Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "controlplane/config/draft.h"
#include "controlplane/config/finish_tracking.h"
#include "controlplane/config/model.h"
#include "controlplane/config/report.h"

namespace headgate::config {

// Instances that cannot run are left out, and that is reported.
std::vector<VrrpInstance> finish_instances(std::vector<VrrpDraft> drafts, const GlobalDraft& global,
                                           const TrackerCatalog& catalog, Report& report);

// Likewise.
std::vector<BfdInstance> finish_bfd_instances(const std::vector<BfdDraft>& drafts,
                                              TrackerCatalog& catalog, Report& report);

// The transport of an instance whose other settings are not finished yet, and its version, which
// the family of its addresses decides. False: it cannot run, and that is reported. Virtual
// addresses of the other family are taken out of the draft.
bool finish_transport(VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                      Report& report);
// Whether an instance is held to the letter of the RFCs.
bool is_strict(const VrrpDraft& draft, const GlobalDraft& global);

// What an instance says, what it does not say from global_defs, and keepalived's defaults.
Announcing finish_announcing(const AnnounceDraft& draft, const GlobalDraft& global);
// Groups without a limit or an interface are left out, and that is reported.
AnnounceLimits finish_announce_limits(const std::vector<GarpGroupDraft>& groups,
                                      const GlobalDraft& global, Report& report);

// Gives a preference to every rule that has none, as keepalived does.
void place_rules(Drafts& drafts, Report& report);

// Static addresses, routes and rules; `instances` are those that a track_group may name.
StaticEntries finish_statics(StaticDraft draft, const std::vector<VrrpInstance>& instances,
                             Report& report);

// The interface of `use_vmac`. Requires: the transport of the instance is finished.
void finish_vmac(const VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                 Report& report);
// The interface of `use_ipvlan`, which becomes that of the instance. Requires: that of `use_vmac`
// is finished.
void finish_ipvlan(const VrrpDraft& draft, const GlobalDraft& global, VrrpInstance& instance,
                   Report& report);
// What `use_ipvlan` cannot have on one interface: another mode than that of an earlier instance,
// which is taken over, and a `use_vmac` beside it. `where`: of the vrrp_instance.
void fit_to_ipvlans(const std::vector<VrrpInstance>& earlier, const Span& where,
                    VrrpInstance& instance, Report& report);
// The interface of an address that names none, or that of the instance itself. Requires: the
// interfaces of `use_vmac` and `use_ipvlan` are finished.
void set_interface(VirtualAddress& address, const VrrpInstance& instance);
// Those of `use_vmac_addr`, and of `use_vmac` behind an address. Requires: the addresses of the
// instance are complete, each with its interface.
void finish_address_vmacs(const VrrpDraft& draft, const GlobalDraft& global,
                          VrrpInstance& instance);

// Gives another name to those that have the name of one before.
void tell_links_apart(std::vector<VrrpInstance>& instances);

// Excluded addresses, routes and rules of an instance whose virtual addresses are complete.
void finish_held(VrrpDraft& draft, VrrpInstance& instance, Report& report);

// Prefixes that are in both lists, and of mapped addresses, are left out, and that is reported.
Protection finish_protection(const ProtectionDraft& draft, Report& report);

// Left out likewise. Virtual servers that only the forwarding cannot carry stay in.
// One of a group becomes one for each of the group's addresses.
std::vector<VirtualServer> finish_servers(std::vector<ServerDraft> drafts,
                                          const std::vector<ServerGroupDraft>& groups,
                                          Report& report);

// What lvs_sync_daemon, or else lvs_sync_daemon_interface of an instance asks for. Absent: nothing,
// or it cannot run, and that is reported.
std::optional<SyncDaemon> finish_sync_daemon(const Drafts& drafts,
                                             const std::vector<VrrpInstance>& instances,
                                             Report& report);

// Reports what the engine of the configuration cannot forward, or not find out how to.
void check_engine(const Config& config, const Drafts& drafts, Report& report);

}  // namespace headgate::config
