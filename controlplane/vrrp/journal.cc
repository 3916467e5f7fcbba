#include "controlplane/vrrp/journal.h"

#include <utility>

#include <fmt/format.h>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

constexpr Duration note_interval = std::chrono::seconds(1);

// What to write for events that an advert of a peer causes, at whatever rate it likes.
std::string line_for(const Fsm& fsm, Event event, const Advert& advert) {
    const std::string source = advert.source.to_string();
    switch (event) {
        case Event::weaker_discarded:
            return fmt::format("received lower priority ({}) advert from {} - discarding",
                               advert.priority, source);
        case Event::resignation_heard:
            return "Backup received priority 0 advertisement";
        case Event::forcing_election:
            return fmt::format(
                "Received advert from {} with lower priority {}, ours {}, forcing new election",
                source, advert.priority, fsm.effective_priority());
        case Event::weaker_tolerated:
            return fmt::format("Received advert from {} with lower priority {}, ours {}", source,
                               advert.priority, fsm.effective_priority());
        case Event::preempt_delay_started:
            return fmt::format("start preempt delay ({:.6f})",
                               to_seconds(fsm.parameters().preempt_delay));
        case Event::preempt_delay_stopped:
            return "stop preempt delay";
        case Event::own_address_heard:
            return "WARNING - equal priority advert received from remote host with our IP address.";
        default:
            return std::string(describe(event));
    }
}

}  // namespace

void Journal::entered(const Fsm& fsm, const Advert* cause, const std::string& problem) {
    explain(fsm, cause, problem);
    if (fsm.state() == State::init)
        log::info("({}) Stopped", owner_);
    else
        log::info("({}) Entering {} STATE{}", owner_, to_string(fsm.state()),
                  std::exchange(entered_any_, true) ? "" : " (init)");
    two_owners_told_ = false;
}

void Journal::explain(const Fsm& fsm, const Advert* cause, const std::string& problem) {
    reason_ = describe(fsm.reason());
    switch (fsm.reason()) {
        case Event::higher_priority_heard:
            reason_ += fmt::format(" ({} from {})", cause->priority, cause->source.to_string());
            if (cause->priority == fsm.effective_priority())
                log::info(
                    "({}) Master received advert from {} with same priority {} but higher IP "
                    "address than ours",
                    owner_, cause->source.to_string(), cause->priority);
            else
                log::info("({}) Master received advert from {} with higher priority {}, ours {}",
                          owner_, cause->source.to_string(), cause->priority,
                          fsm.effective_priority());
            break;
        case Event::rogue_owner:
            reason_ += fmt::format(" (255 from {})", cause->source.to_string());
            log::error("({}) {}", owner_, reason_);
            break;
        case Event::fault:
        case Event::group_fault:
            reason_ = problem;
            log::info("({}) entering FAULT state ({})", owner_, reason_);
            break;
        case Event::master_silent:
        case Event::master_resigned:
        case Event::master_weaker:
            log::info("({}) Receive advertisement timeout", owner_);
            break;
        case Event::resumed:
        case Event::timer_late:
        case Event::group_backup:
        case Event::group_master:
        case Event::yielded:
        case Event::nobody_took_over:
            log::info("({}) {}", owner_, reason_);
            break;
        default:
            break;
    }
}

void Journal::noted(Instant now, const Fsm& fsm, Event event, const Advert* cause) {
    // Loud, and rare: none of these repeats itself at the pace of a peer.
    if (event == Event::split_brain_begun) {
        log::error(
            "({}) two masters: {} with priority {} does not yield to {}; it does not hear the "
            "adverts, or does not accept them",
            owner_, cause->source.to_string(), cause->priority,
            fsm.master_address() ? fsm.master_address()->to_string() : "the master");
        return;
    }
    if (event == Event::split_brain_ended) {
        log::warn("({}) the second master is silent", owner_);
        return;
    }
    if (event == Event::two_owners) {
        if (!std::exchange(two_owners_told_, true))
            log::error(
                "({}) CONFIGURATION ERROR: local instance and a remote instance ({}) are both "
                "configured as address owner (priority 255); give all but one of the routers "
                "another priority",
                owner_, cause->source.to_string());
        return;
    }
    if (now < next_note_ || cause == nullptr)
        return;
    next_note_ = now + note_interval;
    log::info("({}) {}", owner_, line_for(fsm, event, *cause));
}

bool Journal::set_problem(const std::string& problem) {
    return std::exchange(reason_, problem) != problem;
}

}  // namespace headgate::vrrp
