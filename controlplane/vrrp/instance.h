// Instance: one vrrp_instance at work. It joins the state machine, the codec and the link, keeps
// the VIPs leased and in place, and says in the log and the status what happens.
//
// VRRP thread only. Like the state machine it takes time as a parameter and reaches the world only
// through its Link, so the simulator runs it whole. It writes to the log, which does not block.
//
// Leases: a VIP is installed for `vip_lease` and renewed three times in that time, so that the
// kernel removes it by itself when this process is killed or hangs.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model.h"
#include "controlplane/vrrp/fsm.h"
#include "controlplane/vrrp/link.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

class Instance {
public:
    // `link` outlives the instance.
    Instance(config::VrrpInstance config, Link& link);

    void start(Instant now, const LinkState& state);
    // `packet` is the IPv4 packet from which `origin` was read; its VRID is ours.
    void on_packet(Instant now, const AdvertOrigin& origin, std::span<const std::uint8_t> packet);
    // Call it at deadline() or later; early calls do nothing.
    void on_deadline(Instant now);
    void on_link(Instant now, const LinkState& state);
    // The kernel's addresses may have changed: puts a VIP back that somebody else has removed.
    void on_addresses(Instant now);
    // Removes the VIPs that `next` no longer has. Separate from reconfigure(), so that a VIP which
    // moves from one instance to another is removed by the one before the other installs it.
    void release(const config::VrrpInstance& next);
    // Requires: the same interface and virtual_router_id.
    void reconfigure(Instant now, config::VrrpInstance next);
    void stop(Instant now);

    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] State state() const { return fsm_.state(); }
    [[nodiscard]] const config::VrrpInstance& config() const { return config_; }
    // `now` and `wall_now` are the same moment on the two clocks. Errors that are counted by
    // interface and the lateness are the caller's to add.
    [[nodiscard]] InstanceStatus status(Instant now,
                                        std::chrono::system_clock::time_point wall_now) const;
    // Whether there was a transition, or a VIP came or went, since the last call.
    [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }

private:
    struct Vip {
        config::VirtualAddress address;
        bool present = false;
        std::string error{};  // of the last attempt to install it
    };

    // `cause`: the advert that led to the actions, if one did.
    void perform(const Actions& actions, Instant now, const Advert* cause);
    void send_advert(std::uint8_t priority);
    void renew(Instant now);
    void repair(Instant now);
    void install(Vip& vip);
    void withdraw(Vip& vip);
    void announce();
    void enter(Event reason, const Advert* cause);
    void note(Instant now, Event event, const Advert& advert);
    void warn(AdvertError error, Be32 source);

    config::VrrpInstance config_;
    Link& link_;
    VirtualRouter router_;
    Fsm fsm_;
    LinkState link_state_;
    std::vector<Vip> vips_;
    std::array<std::uint8_t, advert_bytes_max> packet_{};

    std::optional<Instant> next_renewal_;  // while MASTER
    // Somebody who removes a VIP each time that he sees it gets it back at this pace.
    Instant repair_allowed_{};
    bool repair_pending_ = false;

    std::string reason_;
    std::string warning_;
    std::string send_error_;  // empty: the last advert went out
    bool changed_ = false;
    bool entered_any_ = false;
    std::bitset<num_advert_errors> logged_errors_;  // since the last transition
    Instant next_note_{};

    std::uint64_t adverts_sent_ = 0;
    std::uint64_t adverts_received_ = 0;
    std::uint64_t became_master_ = 0;
    std::uint64_t vips_restored_ = 0;
    std::array<std::uint64_t, num_advert_errors> errors_{};
};

}  // namespace headgate::vrrp
