// Finishing of what is tracked: see finish.h. Pure.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/config/draft.h"
#include "controlplane/config/model.h"
#include "controlplane/config/report.h"

namespace headgate::config {

// All that can be tracked by name, with the weight that it has where its user gives none.
class TrackerCatalog {
public:
    // `broken`: definitions that exist and cannot be used; both outlive the catalog.
    TrackerCatalog(const std::vector<VirtualServer>& servers, const std::set<TrackerId>& broken)
        : servers_(servers), broken_(broken) {}

    // False: the name is taken.
    bool add(const TrackerId& id, const WeightDraft& weight, const Span& where);
    [[nodiscard]] Span where(const TrackerId& id) const { return entries_.at(id).where; }

    // The lines of track_* blocks. Those that name nothing are left out, and that is reported.
    [[nodiscard]] std::vector<TrackerUse> resolve(const std::vector<TrackerUseDraft>& uses,
                                                  Report& report) const;

private:
    struct Entry {
        WeightDraft weight;
        Span where;
    };

    [[nodiscard]] bool find(TrackerUse& use, const TrackerUseDraft& draft, Report& report) const;
    [[nodiscard]] bool find_server(TrackerUse& use, const TrackerUseDraft& draft,
                                   Report& report) const;
    void report_unknown(const TrackerUseDraft& draft, Report& report) const;

    const std::vector<VirtualServer>& servers_;
    const std::set<TrackerId>& broken_;
    std::map<TrackerId, Entry> entries_;
};

// Definitions whose name is taken are left out, and that is reported.
Trackers finish_trackers(const TrackersDraft& drafts, TrackerCatalog& catalog, Report& report);

// What a sync group tracks is tracked by its members, whose own weights count only as far as
// `sync_group_tracking_weight` says: keepalived's rules. Requires: the instances know their groups.
void finish_group_trackers(const Drafts& drafts, const TrackerCatalog& catalog, Vrrp& vrrp,
                           Report& report);

// The last line of an interface counts. Nobody waits for so long before a FAULT that a backup
// takes over from a master that is still there.
std::vector<InterfaceDelay> finish_interface_delays(const TrackersDraft& drafts,
                                                    const std::vector<VrrpInstance>& instances,
                                                    Report& report);

}  // namespace headgate::config
