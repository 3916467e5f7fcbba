// Announcer: when one instance announces its addresses, as keepalived does it.
//
//   a new MASTER          a block at once, another after `delay`
//   a weaker master heard a block at once, another after `lower_priority_delay`
//   a MASTER that stays   a block every `refresh`, and one frame per extra interface
//   an address put back   a block of all, once
//   a recovery            a block of our own address, once (unicast only)
//
// Else it is silent while not MASTER: end() also takes back what still waits in the queue.
//
// VRRP thread only. Time is a parameter; the frames go through the queue that all instances share.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_announce.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/announce_queue.h"
#include "controlplane/vrrp/link.h"

namespace headgate::vrrp {

class Announcer {
public:
    // The addresses that are in place now, in configuration order.
    using Addresses = std::vector<config::VirtualAddress>;

    // `queue` and `link` outlive the object.
    Announcer(const config::VrrpInstance& config, AnnounceQueue& queue, Link& link);
    ~Announcer();
    Announcer(const Announcer&) = delete;
    Announcer& operator=(const Announcer&) = delete;
    Announcer(Announcer&&) = delete;
    Announcer& operator=(Announcer&&) = delete;

    // A MASTER under changed settings starts its intervals anew.
    void reconfigure(Instant now, const config::VrrpInstance& config);

    // Has become MASTER, or got new addresses while it is.
    void begin(Instant now, const Addresses& addresses);
    void answer_weaker_master(Instant now, const Addresses& addresses);
    // A block without a second one, also while not MASTER.
    void announce_again(Instant now, const Addresses& addresses);
    // Is not MASTER any more.
    void end();
    // Those that `next` no longer has are not there any more, though it is still MASTER.
    void forget_all_but(const Addresses& next) { queue_.retain(this, next); }

    // Call it at deadline() or later; early calls do nothing.
    void on_deadline(Instant now, const Addresses& addresses);
    [[nodiscard]] std::optional<Instant> deadline() const;

private:
    void send(Instant now, const Addresses& addresses, std::uint32_t rounds);
    void start_intervals(Instant now);
    [[nodiscard]] Addresses one_per_extra_interface(const Addresses& addresses) const;

    std::string owner_;
    std::string interface_;  // of the adverts
    config::Announcing settings_;
    AnnounceQueue& queue_;
    Link& link_;
    bool master_ = false;
    std::optional<Instant> second_block_;
    std::optional<Instant> second_answer_;
    std::optional<Instant> next_refresh_;
    std::optional<Instant> next_extra_;
};

}  // namespace headgate::vrrp
