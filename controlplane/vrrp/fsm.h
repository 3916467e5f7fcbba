// The VRRP state machine of one instance (RFC 9568 section 6, RFC 3768 for version 2, and
// keepalived's FAULT). Pure: events come in with their time, a short list of actions comes out, and
// deadline() says when it wants to be called next. It knows no socket, no clock and no address of
// the kernel, so the simulator runs this very code against a fake network.
//
//            start ┌────────┐ master down timer, owner ┌────────┐
//   INIT ─────────►│ BACKUP │─────────────────────────►│ MASTER │
//     ▲            └────────┘◄─────────────────────────└────────┘
//     │ stop        ▲      │   higher priority heard        │
//     │    recovery │      │ fault                          │
//     └── any       │      ▼                                │
//                 ┌──────────┐◄─────────────────────────────┘
//                 │  FAULT   │
//                 └──────────┘
//
// In a sync group the master down timer does not make it MASTER: it only wants to be, and
// SyncGroup lets it take over when every member does.
//
// Invariants: adverts are sent in MASTER only (the resignation, priority 0, is the last thing a
// master does); every path out of MASTER removes the VIPs before it resigns; every way into BACKUP
// or FAULT asks for the VIPs to be removed, also those that an earlier run has left behind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "common/check.h"
#include "common/clock.h"
#include "common/net.h"
#include "controlplane/vrrp/event.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/second_master.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

// What the caller has to do, in this order.
struct Action {
    enum class Kind : std::uint8_t {
        send_advert,
        add_vips,
        remove_vips,
        send_garps,  // one block: as many per VIP as configured
        transition,  // state() and reason() have changed
        note,        // `event` is worth a log line
    };
    Kind kind{};
    std::uint8_t priority = 0;     // send_advert
    Event event = Event::started;  // transition, note; send_garps: what it is sent for
    bool operator==(const Action&) const = default;
};

// At most a handful per event: no allocation.
class Actions {
public:
    void push(const Action& action) {
        check(count_ < items_.size(), "an event causes few actions");
        items_[count_++] = action;
    }
    [[nodiscard]] const Action* begin() const { return items_.data(); }
    [[nodiscard]] const Action* end() const { return items_.data() + count_; }

private:
    std::array<Action, 12> items_{};
    std::size_t count_ = 0;
};

struct Parameters {
    std::uint8_t version = 2;
    std::uint8_t priority = 100;  // 1 to 255, before trackers add and subtract
    Duration advert_interval = std::chrono::seconds(1);
    bool preempt = true;  // an owner always preempts
    // For how long a weaker master is followed all the same, from its first advert; 0: not at all.
    Duration preempt_delay{};
    // How many adverts a backup waits for (RFC 9568 6.1: three).
    std::uint8_t down_timer_adverts = 3;
    // A master that meets a stronger one sends a last advert before it yields.
    bool higher_prio_send_advert = false;
    // A master that meets a weaker one does not answer it.
    bool lower_prio_no_advert = false;
    // An owner does not listen to adverts.
    bool owner_ignore_adverts = false;
    // A master whose timer is so late that a backup of this priority has taken over becomes BACKUP
    // instead of sending its advert; 0: it sends it.
    std::uint8_t late_takeover_priority = 0;
    // A member of a sync group; see wants_master().
    bool grouped = false;
    // `state MASTER`: in a sync group the first wait is one advert interval and the least skew.
    bool initial_master = false;
    bool operator==(const Parameters&) const = default;
};

// How an instance begins.
struct Start {
    // Until then it is deaf and does not become MASTER; the waiting begins there.
    Instant deaf_until{};
    // It goes on as MASTER: an earlier run was, and nobody can have taken over yet.
    bool resume = false;
};

// Who says that the instance is in FAULT. It recovers when nobody does any more.
enum class FaultSource : std::uint8_t { instance, group };

class Fsm {
public:
    explicit Fsm(const Parameters& parameters)
        : parameters_(parameters), master_interval_(parameters.advert_interval) {}

    // From INIT, when nothing is wrong and there is an address to send from. Otherwise:
    // start_faulty().
    Actions start(Instant now, const IpAddress& own_address, const Start& how = {});
    Actions start_faulty(Instant now, const Start& how = {});
    // An advert that decode() has accepted.
    Actions on_advert(Instant now, const Advert& advert);
    // Call it at deadline() or later; early calls do nothing.
    Actions on_deadline(Instant now);
    // The interface, a tracker, or the sync group. Repetitions do nothing.
    Actions on_fault(Instant now, FaultSource source);
    Actions on_recovery(Instant now, FaultSource source);
    // The address to send from. Required before the first recovery of the instance.
    void set_own_address(const IpAddress& own_address);
    // What trackers add to the priority. An owner's does not change.
    Actions on_weight(Instant now, int weight);
    // Keeps state and master; a running timer goes on under the new arithmetic. `group_changed`:
    // so have the addresses, or something else that the adverts say.
    Actions reconfigure(Instant now, const Parameters& parameters, bool group_changed);
    Actions stop(Instant now);
    // Steps down on request, gracefully, and holds back until `until`: it follows weaker masters as
    // well, and goes last when the master is gone, but it does take over then, which ends the hold.
    // In BACKUP, FAULT and INIT it only holds back, also what start() does.
    Actions yield(Instant now, Instant until);
    // Ends the hold; a master with a lower priority is preempted as ever.
    void end_hold() { held_until_.reset(); }

    // ---- for the sync group ----
    // In BACKUP, and the master down timer has passed without a master to follow since.
    [[nodiscard]] bool wants_master() const {
        return state_ == State::backup && parameters_.grouped && expired_;
    }
    // Requires: wants_master().
    Actions take_over(Instant now);
    // Into a group that is MASTER. Requires: BACKUP.
    Actions join_master(Instant now);
    // From MASTER to BACKUP, because another member is not MASTER. It resigns, so that the other
    // routers need not wait for the whole master down interval.
    Actions step_back(Instant now);

    // When the next advert is due, if nothing is heard before; nothing in INIT and FAULT, nor when
    // a sync group decides.
    [[nodiscard]] std::optional<Instant> advert_due() const;
    // When on_deadline() is due; nothing in INIT and FAULT.
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Event reason() const { return reason_; }
    [[nodiscard]] Instant since() const { return since_; }
    [[nodiscard]] const Parameters& parameters() const { return parameters_; }
    // What adverts say: with the weights of trackers.
    [[nodiscard]] std::uint8_t effective_priority() const;
    [[nodiscard]] Duration skew() const;
    [[nodiscard]] Duration master_down_interval() const;
    // The last master that was heard and accepted; we ourselves while MASTER.
    [[nodiscard]] const std::optional<IpAddress>& master_address() const { return master_address_; }
    [[nodiscard]] std::uint8_t master_priority() const { return master_priority_; }
    [[nodiscard]] std::optional<Instant> held_until() const { return held_until_; }
    // While a weaker master is followed because of preempt_delay.
    [[nodiscard]] std::optional<Instant> preempt_allowed() const { return preempt_allowed_; }
    [[nodiscard]] bool has_fault(FaultSource source) const {
        return faults_[static_cast<std::size_t>(source)];
    }
    // Two masters, for longer than the protocol explains.
    [[nodiscard]] std::optional<SplitBrain::Suspect> split_brain() const {
        return split_brain_.suspect();
    }
    // How often it has happened.
    [[nodiscard]] std::uint64_t count(Event event) const {
        return counts_[static_cast<std::size_t>(event)];
    }

private:
    // How long a backup waits before it takes over.
    enum class Wait : std::uint8_t { full, skew_only, one_advert, one_advert_least_skew, none };

    Actions as_backup(Instant now, const Advert& advert);
    Actions as_master(Instant now, const Advert& advert);
    void meet_weaker(Actions& actions, Instant now, const Advert& advert);
    bool preempts(Actions& actions, Instant now, const Advert& advert);
    void suspect(Actions& actions, Instant now, const Advert& advert);
    void enter(Actions& actions, Instant now, State state, Event reason);
    void enter_backup(Actions& actions, Instant now, Event reason);
    void enter_fault(Actions& actions, Instant now, FaultSource source);
    void enter_master(Actions& actions, Instant now, Event reason);
    void begin(Actions& actions, Instant now, Event reason);
    void leave_master(Actions& actions);
    void follow(Instant now, const Advert& advert);
    void wait(Instant now, Wait wait, Event expiry_reason);
    void note(Actions& actions, Event event);
    [[nodiscard]] bool is_owner() const { return parameters_.priority == priority_owner; }
    [[nodiscard]] Duration skew_of(std::uint8_t priority) const;
    [[nodiscard]] Duration patience() const;
    void on_backup_deadline(Actions& actions, Instant now);
    void on_master_deadline(Actions& actions, Instant now);
    void advertise(Actions& actions, Instant now);

    Parameters parameters_;
    int weight_ = 0;
    State state_ = State::init;
    Event reason_ = Event::not_started;
    Instant since_{};
    std::array<bool, 2> faults_{};  // by FaultSource
    IpAddress own_address_;
    std::optional<IpAddress> master_address_;
    std::uint8_t master_priority_ = 0;
    // RFC 9568 6.1 Active_Adver_Interval: learned from the master in version 3.
    Duration master_interval_;
    Instant deaf_until_{};  // see Start
    bool first_begin_ = true;
    // BACKUP: since when it waits, how long, and what it means when the time has passed. The
    // deadline is derived, so that a changed priority or interval moves it.
    Instant wait_since_{};
    Wait wait_ = Wait::full;
    Event expiry_reason_ = Event::master_silent;
    bool expired_ = false;                    // only in a sync group
    std::optional<Instant> held_until_;       // see yield(); never in MASTER
    std::optional<Instant> preempt_allowed_;  // see Parameters::preempt_delay
    // MASTER.
    Instant next_advert_{};
    Instant last_advert_{};
    std::optional<Instant> last_election_;  // when we last answered a weaker master
    RogueOwner rogue_owner_;
    bool gave_way_ = false;  // to it
    SplitBrain split_brain_;
    std::array<std::uint64_t, num_events> counts_{};
};

}  // namespace headgate::vrrp
