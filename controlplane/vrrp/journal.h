// Journal: what one instance says about itself: the lines that keepalived writes, which people and
// their tools look for, and the sentence that says why it is in its state.
//
// VRRP thread only. It writes to the log, which does not block, and never more than a line a second
// of what a peer can cause at any rate.
#pragma once

#include <string>

#include "common/clock.h"
#include "controlplane/vrrp/event.h"
#include "controlplane/vrrp/fsm.h"
#include "controlplane/vrrp/packet.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

class Journal {
public:
    // `owner`: the name of the instance.
    explicit Journal(std::string owner) : owner_(std::move(owner)) {}

    // The state machine has made a transition. `cause`: the advert that led to it, if one did;
    // `problem`: what is wrong, when it is FAULT.
    void entered(const Fsm& fsm, const Advert* cause, const std::string& problem);
    // It has something to say without a transition.
    void noted(Instant now, const Fsm& fsm, Event event, const Advert* cause);
    // What is wrong has changed, and the state has not. True: that is news.
    bool set_problem(const std::string& problem);

    // Why it is in its state, in words.
    [[nodiscard]] const std::string& reason() const { return reason_; }

private:
    void explain(const Fsm& fsm, const Advert* cause, const std::string& problem);

    std::string owner_;
    std::string reason_;
    bool entered_any_ = false;
    bool two_owners_told_ = false;  // since the last transition
    Instant next_note_{};
};

}  // namespace headgate::vrrp
