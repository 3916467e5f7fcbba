// The VRRP state machine of one instance (RFC 9568 section 6, RFC 3768 for version 2, and
// keepalived's FAULT). Pure: events come in with their time, a short list of actions comes out, and
// deadline() says when it wants to be called next. It knows no socket, no clock and no address of
// the kernel, so the simulator runs this very code against a fake network.
//
//            start ┌────────┐ master down timer, owner ┌────────┐
//   INIT ─────────►│ BACKUP │─────────────────────────►│ MASTER │
//     ▲            └────────┘◄─────────────────────────└────────┘
//     │ stop        ▲      │   higher priority heard        │
//     │   interface │      │ interface down                 │
//     └── any       │      ▼                                │
//                 ┌──────────┐◄─────────────────────────────┘
//                 │  FAULT   │
//                 └──────────┘
//
// Invariants: adverts are sent in MASTER only (the resignation, priority 0, is the last thing a
// master does); every path out of MASTER removes the VIPs before it resigns; every way into BACKUP
// or FAULT asks for the VIPs to be removed, also those that an earlier run has left behind.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "common/check.h"
#include "common/clock.h"
#include "common/net.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

// What happened, for the log and the status. X(enumerator, words); the words complete the sentence
// "it is BACKUP since ...".
#define HEADGATE_VRRP_EVENTS(X)                                            \
    /* reasons of transitions */                                           \
    X(not_started, "not started")                                          \
    X(started, "started")                                                  \
    X(interface_down, "the interface cannot carry adverts")                \
    X(interface_up, "the interface came up")                               \
    X(owner, "priority 255 owns the addresses")                            \
    X(master_silent, "no advert within the master down interval")          \
    X(master_resigned, "the master resigned (priority 0)")                 \
    X(master_weaker, "the master has a lower priority")                    \
    X(higher_priority_heard, "an advert with a higher priority was heard") \
    X(yielded, "it was told to step down")                                 \
    X(nobody_took_over, "no other router took over")                       \
    X(stopped, "stopped")                                                  \
    /* no transition */                                                    \
    X(weaker_discarded, "an advert with a lower priority was ignored")     \
    X(resignation_heard, "the master resigned")                            \
    X(forcing_election, "another master with a lower priority was heard")

enum class Event : std::uint8_t {
#define HEADGATE_ENUMERATOR(name, words) name,
    HEADGATE_VRRP_EVENTS(HEADGATE_ENUMERATOR)
#undef HEADGATE_ENUMERATOR
};

[[nodiscard]] std::string_view describe(Event event);

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
    Event event = Event::started;  // transition, note
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
    std::array<Action, 8> items_{};
    std::size_t count_ = 0;
};

struct Parameters {
    std::uint8_t version = 2;
    std::uint8_t priority = 100;  // 1 to 255
    Duration advert_interval = std::chrono::seconds(1);
    bool preempt = true;    // an owner always preempts
    Duration garp_delay{};  // until the second block of gratuitous ARPs; 0: none
    bool operator==(const Parameters&) const = default;
};

class Fsm {
public:
    explicit Fsm(const Parameters& parameters)
        : parameters_(parameters), master_interval_(parameters.advert_interval) {}

    // From INIT, when the interface has an address to send from. A missing one: start_faulty().
    Actions start(Instant now, const IpAddress& own_address);
    Actions start_faulty(Instant now);
    // An advert that decode() has accepted and that does not come from our own address.
    Actions on_advert(Instant now, const Advert& advert);
    // Call it at deadline() or later; early calls do nothing.
    Actions on_deadline(Instant now);
    Actions on_interface_down(Instant now);
    // Also while up, when the address to send from has changed.
    Actions on_interface_up(Instant now, const IpAddress& own_address);
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

    // When on_deadline() is due; nothing in INIT and FAULT.
    [[nodiscard]] std::optional<Instant> deadline() const;

    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] Event reason() const { return reason_; }
    [[nodiscard]] Instant since() const { return since_; }
    [[nodiscard]] const Parameters& parameters() const { return parameters_; }
    [[nodiscard]] Duration skew() const;
    [[nodiscard]] Duration master_down_interval() const;
    // The last master that was heard and accepted; we ourselves while MASTER.
    [[nodiscard]] const std::optional<IpAddress>& master_address() const { return master_address_; }
    [[nodiscard]] std::uint8_t master_priority() const { return master_priority_; }
    [[nodiscard]] std::optional<Instant> held_until() const { return held_until_; }

private:
    // How long a backup waits before it takes over.
    enum class Wait : std::uint8_t { full, skew_only, one_advert };

    Actions as_backup(Instant now, const Advert& advert);
    Actions as_master(Instant now, const Advert& advert);
    void enter(Actions& actions, Instant now, State state, Event reason);
    void enter_backup(Actions& actions, Instant now, Event reason);
    void enter_master(Actions& actions, Instant now, Event reason);
    void begin(Actions& actions, Instant now, Event reason);
    void leave_master(Actions& actions);
    void follow(Instant now, const Advert& advert);
    void wait(Instant now, Wait wait);
    [[nodiscard]] Duration patience() const;
    void advertise(Actions& actions, Instant now);
    void announce(Actions& actions, Instant now);

    Parameters parameters_;
    State state_ = State::init;
    Event reason_ = Event::not_started;
    Instant since_{};
    IpAddress own_address_;
    std::optional<IpAddress> master_address_;
    std::uint8_t master_priority_ = 0;
    // RFC 9568 6.1 Active_Adver_Interval: learned from the master in version 3.
    Duration master_interval_;
    // BACKUP: since when it waits, how long, and what it means when the time has passed. The
    // deadline is derived, so that a changed priority or interval moves it.
    Instant wait_since_{};
    Wait wait_ = Wait::full;
    Event expiry_reason_ = Event::master_silent;
    std::optional<Instant> held_until_;  // see yield(); never in MASTER
    // MASTER.
    Instant next_advert_{};
    std::optional<Instant> next_garps_;
    std::optional<Instant> last_election_;  // when we last answered a weaker master
};

}  // namespace headgate::vrrp
