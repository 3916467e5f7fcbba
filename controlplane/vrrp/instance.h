// Instance: one vrrp_instance at work. It joins the state machine, the codec, the addresses and the
// link, and says in the log and the status what happens.
//
// VRRP thread only. Like the state machine it takes time as a parameter and reaches the world only
// through its Link, so the simulator runs it whole. It writes to the log, which does not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "common/clock.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/announcer.h"
#include "controlplane/vrrp/chronicle.h"
#include "controlplane/vrrp/fsm.h"
#include "controlplane/vrrp/held_addresses.h"
#include "controlplane/vrrp/held_routes.h"
#include "controlplane/vrrp/journal.h"
#include "controlplane/vrrp/link.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/refusals.h"
#include "controlplane/vrrp/status.h"
#include "controlplane/vrrp/sync_group.h"
#include "controlplane/vrrp/tracking.h"

namespace headgate::vrrp {

class Instance final : public SyncMember {
public:
    // All that is passed outlives the instance. Without a routing it has no routes.
    Instance(config::VrrpInstance config, Link& link, AnnounceQueue& announcements,
             Routing* routing = nullptr);

    // `trackers`: what they have said so far.
    void start(Instant now, const LinkState& state, const Start& how = {},
               const TrackerStates& trackers = {});
    // Before start(): whether an earlier run was MASTER so short a time ago that nobody can have
    // taken over yet.
    [[nodiscard]] bool can_resume(Instant now, const LinkState& state) const;
    // A packet with our VRID.
    void on_packet(Instant now, const Envelope& envelope);
    // Call it at deadline() or later; early calls do nothing.
    void on_deadline(Instant now);
    void on_link(Instant now, const LinkState& state);
    // A tracker has said something, perhaps one that this instance does not use.
    void on_tracker(Instant now, const TrackerId& id, const TrackerState& state);
    // What keeps the instance from its work outside of its interface; empty: nothing does.
    void on_host_problem(Instant now, const std::string& problem);
    // The kernel's addresses or routes may have changed: puts back what somebody else has removed.
    void on_addresses(Instant now);
    // Removes the VIPs that `next` no longer has. Separate from reconfigure(), so that a VIP which
    // moves from one instance to another is removed by the one before the other installs it.
    void release(const config::VrrpInstance& next);
    // Requires: the same virtual_router_id and channel.
    void reconfigure(Instant now, config::VrrpInstance next, const TrackerStates& trackers = {});
    void stop(Instant now);
    // Steps down, or does not even begin: see Fsm::yield(). `reason`: in the operator's words, may
    // be empty.
    void yield(Instant now, Instant until, std::string reason);
    void end_hold();

    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] State state() const override { return fsm_.state(); }
    [[nodiscard]] const config::VrrpInstance& config() const { return config_; }
    // `now` and `wall_now` are the same moment on the two clocks. Errors that are counted by
    // interface and the lateness are the caller's to add.
    [[nodiscard]] InstanceStatus status(Instant now,
                                        std::chrono::system_clock::time_point wall_now) const;
    [[nodiscard]] Standing standing(Instant now,
                                    std::chrono::system_clock::time_point wall_now) const;
    // Whether there was a transition, or a VIP came or went, since the last call.
    [[nodiscard]] bool take_changed();

    // Two masters, for longer than the protocol explains.
    [[nodiscard]] bool suspects_split_brain() const { return fsm_.split_brain().has_value(); }

    // ---- SyncMember ----
    [[nodiscard]] const std::string& name() const override { return config_.name; }
    [[nodiscard]] const std::string& reason() const override { return journal_.reason(); }
    [[nodiscard]] bool wants_master() const override { return fsm_.wants_master(); }
    [[nodiscard]] bool has_fault() const override { return fsm_.has_fault(FaultSource::instance); }
    void take_over(Instant now) override;
    void join_master(Instant now) override;
    void step_back(Instant now) override;
    void set_group_fault(Instant now, const std::string& why) override;

private:
    [[nodiscard]] std::optional<Hold> hold(Instant now,
                                           std::chrono::system_clock::time_point wall_now) const;
    // `cause`: the advert that led to the actions, if one did.
    void perform(const Actions& actions, Instant now, const Advert* cause);
    void send_advert(std::uint8_t priority);
    [[nodiscard]] Result<void> send_to_all(std::uint8_t priority);
    [[nodiscard]] Announcer::Addresses present_addresses() const;
    void enter(Instant now, const Advert* cause);
    // What stands against the instance itself being BACKUP or MASTER; empty: nothing.
    [[nodiscard]] std::string problem() const;
    void check_faults(Instant now);
    // What `source` had against it is over.
    void recover(Instant now, FaultSource source);
    // Under the configuration and the MTU that hold now.
    void set_router();
    void take_over_weights(Instant now, std::uint8_t previous);

    config::VrrpInstance config_;
    Link& link_;
    AdvertCodec codec_;
    Fsm fsm_;
    LinkState link_state_;
    std::string host_problem_;
    HeldAddresses addresses_;
    HeldRoutes routes_;
    Announcer announcer_;
    Refusals refusals_;
    Journal journal_;
    Chronicle chronicle_;
    std::string group_fault_;  // why its sync group is in FAULT; empty: it is not
    Tracking tracking_;

    std::string hold_reason_;
    std::string room_advice_;  // empty: an advert has room for all addresses
    std::string send_error_;   // empty: the last advert went out
    bool changed_ = false;

    std::uint64_t adverts_sent_ = 0;
    AdvertLateness lateness_;  // of those that a timer sends
    std::uint64_t adverts_received_ = 0;
    std::uint64_t became_master_ = 0;
};

}  // namespace headgate::vrrp
