// What an instance says about itself when asked: everything, copied out.
#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/tracker_status.h"

namespace headgate::vrrp {

std::optional<Hold> Instance::hold(Instant now,
                                   std::chrono::system_clock::time_point wall_now) const {
    const auto until = fsm_.held_until();
    if (!until)
        return std::nullopt;
    return Hold{.until_unix_ms = unix_ms_of(*until, now, wall_now), .reason = hold_reason_};
}

Standing Instance::standing(Instant now, std::chrono::system_clock::time_point wall_now) const {
    Standing standing{
        .name = config_.name, .state = state(), .held_vips = {}, .hold = hold(now, wall_now)};
    if (state() == State::master) {
        for (const HeldAddresses::Vip& vip : addresses_.vips()) {
            if (vip.present)
                standing.held_vips.push_back(vip.address.prefix.address);
        }
    }
    return standing;
}

InstanceStatus Instance::status(Instant now, std::chrono::system_clock::time_point wall_now) const {
    const auto unix_ms = [&](Instant when) { return unix_ms_of(when, now, wall_now); };
    const std::optional<IpAddress>& master = fsm_.master_address();
    InstanceStatus status{
        .name = config_.name,
        .state = state(),
        .reason = journal_.reason(),
        .last_transition_unix_ms = unix_ms(fsm_.since()),
        .interface = config_.interface,
        .vrid = config_.vrid,
        .version = config_.version,
        .priority = fsm_.effective_priority(),
        .preempt = config_.preempt,
        .advert_interval = config_.advert_interval,
        .skew = fsm_.skew(),
        .master_down_interval = fsm_.master_down_interval(),
        .master_address = master ? master->to_string() : "",
        .master_priority = fsm_.master_priority(),
        .vips = {},
        .adverts_sent = adverts_sent_,
        .adverts_received = adverts_received_,
        .adverts_refused = refusals_.num_refused(),
        .became_master = became_master_,
        .vips_restored = addresses_.num_restored() + routes_.num_restored(),
        .advert_errors = refusals_.counts(),
        .warning = refusals_.warning(),
        .own_address = link_state_.source ? link_state_.source->to_string() : "",
        .base_priority = config_.priority,
        .preempt_delay = fsm_.parameters().preempt_delay,
    };
    for (const HeldAddresses::Vip& vip : addresses_.vips()) {
        status.vips.push_back({.prefix = vip.address.prefix,
                               .interface = vip.address.interface,
                               .present = vip.present});
    }
    if (std::string problem = addresses_.problem(); !problem.empty())
        status.warning = std::move(problem);
    if (std::string problem = routes_.problem(); !problem.empty())
        status.warning = std::move(problem);
    if (!send_error_.empty())
        status.warning = "adverts cannot be sent: " + send_error_;

    status.advert_lateness = lateness_;
    status.trackers = tracker_statuses(tracking_, now);
    chronicle_.fill(status, now, wall_now);
    for (std::size_t index = 0; index < num_events; ++index) {
        const auto event = static_cast<Event>(index);
        status.events.push_back({.name = name_of(event), .count = fsm_.count(event)});
    }
    if (const auto& last = refusals_.last())
        status.last_refused = {.source = last->source.to_string(),
                               .error = name_of(last->error),
                               .detail = last->detail,
                               .unix_ms = unix_ms(last->when)};
    status.hold = hold(now, wall_now);
    if (const auto next = fsm_.deadline())
        status.deadline_unix_ms = unix_ms(*next);
    if (const auto allowed = fsm_.preempt_allowed())
        status.preempt_allowed_unix_ms = unix_ms(*allowed);
    if (const auto suspect = fsm_.split_brain())
        status.second_master = {.address = suspect->other.to_string(),
                                .priority = suspect->priority,
                                .since_unix_ms = unix_ms(suspect->since)};
    return status;
}

}  // namespace headgate::vrrp
