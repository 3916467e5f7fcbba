#include "controlplane/vrrp/instance.h"

#include <algorithm>
#include <utility>

#include "common/log.h"
#include "controlplane/vrrp/advice.h"

namespace headgate::vrrp {

namespace {

Parameters parameters_of(const config::VrrpInstance& config) {
    const config::Election& election = config.election;
    return {.version = config.version,
            .priority = config.priority,
            .advert_interval = config.advert_interval,
            .preempt = config.preempt,
            .preempt_delay = election.preempt_delay,
            .down_timer_adverts = election.down_timer_adverts,
            .higher_prio_send_advert = election.higher_prio_send_advert,
            .lower_prio_no_advert = election.lower_prio_no_advert,
            .owner_ignore_adverts = election.owner_ignore_adverts,
            .late_takeover_priority = election.late_takeover_priority,
            .grouped = !election.sync_group.empty(),
            .initial_master = config.initial_state == config::VrrpInitialState::master};
}

// What is VRRP's own of it; empty when there is nothing.
std::span<const std::uint8_t> message_of(const Envelope& envelope) {
    const std::size_t before = envelope.protocol == ip_protocol_auth ? auth_header_bytes : 0;
    return envelope.payload.subspan(std::min(before, envelope.payload.size()));
}

}  // namespace

Instance::Instance(config::VrrpInstance config, Link& link, AnnounceQueue& announcements,
                   Routing* routing)
    : config_(std::move(config)),
      link_(link),
      codec_(virtual_router(config_)),
      fsm_(parameters_of(config_)),
      addresses_(config_.name, config_, link_),
      routes_(config_.name, config_.routes, config_.rules, routing),
      announcer_(config_, announcements, link_),
      refusals_(config_.name),
      journal_(config_.name),
      tracking_(config_.trackers) {}

void Instance::start(Instant now, const LinkState& state, const Start& how,
                     const TrackerStates& trackers) {
    link_state_ = state;
    set_router();
    tracking_.update(trackers);
    perform(fsm_.on_weight(now, tracking_.sum()), now, nullptr);
    // The trackers of the earlier run were well a moment ago.
    const bool trusted = how.resume && link_state_.problem.empty() && tracking_.is_waiting();
    perform(trusted || problem().empty() ? fsm_.start(now, *state.source, how)
                                         : fsm_.start_faulty(now, how),
            now, nullptr);
}

// At its last renewal the earlier run was MASTER, and an advert interval before that at the latest
// its peers heard of it. From then on they wait for their master down interval.
bool Instance::can_resume(Instant now, const LinkState& state) const {
    const std::optional<Instant> renewed = addresses_.renewed();
    return state.source && renewed &&
           now - *renewed + config_.advert_interval <
               config_.election.down_timer_adverts * config_.advert_interval;
}

void Instance::on_packet(Instant now, const Envelope& envelope) {
    if (state() != State::backup && state() != State::master)
        return;
    const auto refuse = [&](AdvertError error) {
        if (refusals_.add(now, error, envelope.source))
            refusals_.explain(advise(error, message_of(envelope), config_));
    };
    if (envelope.source == link_state_.source) {
        refuse(AdvertError::own_address);
        return;
    }
    const auto advert = codec_.decode(envelope, link_.wall_now());
    if (!advert) {
        refuse(advert.error());
        return;
    }
    ++adverts_received_;
    chronicle_.heard(now, advert->source, advert->priority);
    for (const AdvertError remark : advert->remarks) {
        if (refusals_.remark(now, remark, envelope.source))
            refusals_.explain(advise(remark, message_of(envelope), config_));
    }
    perform(fsm_.on_advert(now, *advert), now, &*advert);
}

void Instance::on_deadline(Instant now) {
    const bool was_held = fsm_.held_until().has_value();
    const std::optional<Instant> due = fsm_.advert_due();
    const std::uint64_t sent_before = adverts_sent_;
    // The state machine first: an advert is what others wait for.
    perform(fsm_.on_deadline(now), now, nullptr);
    if (due && adverts_sent_ > sent_before)
        lateness_.add(now - *due);
    if (was_held && !fsm_.held_until()) {
        log::info("({}) no longer held back", config_.name);
        changed_ = true;
    }
    if (addresses_.on_deadline(now))
        announcer_.announce_again(now, present_addresses());
    if (announcer_.deadline() && now >= *announcer_.deadline())
        announcer_.on_deadline(now, present_addresses());
    routes_.on_deadline(now);
}

void Instance::on_link(Instant now, const LinkState& state) {
    if (link_state_ == state)
        return;
    const bool mtu_changed = state.mtu != link_state_.mtu;
    link_state_ = state;
    if (mtu_changed)
        set_router();
    if (state.source)
        fsm_.set_own_address(*state.source);
    check_faults(now);
}

void Instance::on_tracker(Instant now, const TrackerId& id, const TrackerState& state) {
    const std::uint8_t previous = fsm_.effective_priority();
    if (!tracking_.update(id, state))
        return;
    changed_ = true;
    take_over_weights(now, previous);
    check_faults(now);
}

void Instance::take_over_weights(Instant now, std::uint8_t previous) {
    perform(fsm_.on_weight(now, tracking_.sum()), now, nullptr);
    if (fsm_.effective_priority() != previous)
        log::info("({}) Changing effective priority from {} to {}", config_.name, previous,
                  fsm_.effective_priority());
}

void Instance::on_host_problem(Instant now, const std::string& problem) {
    if (host_problem_ == problem)
        return;
    host_problem_ = problem;
    check_faults(now);
}

std::string Instance::problem() const {
    if (!link_state_.problem.empty())
        return link_state_.problem;
    if (!host_problem_.empty())
        return host_problem_;
    // A tracker that has not spoken yet keeps an instance from starting, and stops none.
    const bool runs = state() == State::backup || state() == State::master;
    return runs && tracking_.is_waiting() ? "" : tracking_.problem();
}

// Whatever can be wrong with the instance itself comes together here.
void Instance::check_faults(Instant now) {
    const std::string wrong = problem();
    if (wrong.empty()) {
        recover(now, FaultSource::instance);
        return;
    }
    if (state() == State::fault && journal_.set_problem(wrong))
        changed_ = true;
    perform(fsm_.on_fault(now, FaultSource::instance), now, nullptr);
}

// As keepalived: peers that send by unicast have to find our own address, and no advert of a BACKUP
// tells the switches between where that is.
void Instance::recover(Instant now, FaultSource source) {
    const bool was_faulty = state() == State::fault;
    perform(fsm_.on_recovery(now, source), now, nullptr);
    const std::optional<IpAddress>& own = link_state_.source;
    if (was_faulty && state() != State::fault && config_.transport.unicast && own)
        announcer_.announce_again(
            now, {{.prefix = {.address = *own, .length = static_cast<std::uint8_t>(own->bits())},
                   .interface = link_state_.interface}});
}

void Instance::set_router() {
    codec_.reconfigure(virtual_router(config_, link_state_.mtu));
    const std::string before =
        std::exchange(room_advice_, advise_on_room(codec_.router(), config_, link_state_.mtu));
    if (!room_advice_.empty() && room_advice_ != before)
        log::warn("({}) {}", config_.name, room_advice_);
}

void Instance::on_addresses(Instant now) {
    if (addresses_.on_addresses(now))
        announcer_.announce_again(now, present_addresses());
    // Behind the addresses, with which routes may have gone.
    routes_.on_changes(now);
}

void Instance::release(const config::VrrpInstance& next) {
    const std::vector<config::VirtualAddress> addresses = all_addresses(next);
    routes_.release_all_but(next.routes, next.rules);
    addresses_.release_all_but(addresses);
    announcer_.forget_all_but(addresses);
}

void Instance::reconfigure(Instant now, config::VrrpInstance next, const TrackerStates& trackers) {
    check(next.vrid == config_.vrid && next.interface == config_.interface &&
              next.transport.family == config_.transport.family,
          "the instance stays in its group of routers");
    addresses_.reconfigure(next);
    const bool group_changed = virtual_router(next, link_state_.mtu) != codec_.router() ||
                               all_addresses(next) != all_addresses(config_);
    const bool lease_changed = next.vip_lease != config_.vip_lease;
    config_ = std::move(next);
    set_router();
    announcer_.reconfigure(now, config_);
    refusals_.forget();
    changed_ = true;
    const std::uint8_t previous = fsm_.effective_priority();
    tracking_.configure(config_.trackers);
    tracking_.update(trackers);
    perform(fsm_.reconfigure(now, parameters_of(config_), group_changed), now, nullptr);
    take_over_weights(now, previous);
    check_faults(now);
    if (lease_changed && state() == State::master)
        addresses_.hold(now);
    routes_.reconfigure(now, config_.routes, config_.rules);
}

void Instance::stop(Instant now) {
    perform(fsm_.stop(now), now, nullptr);
}

void Instance::take_over(Instant now) {
    perform(fsm_.take_over(now), now, nullptr);
}

void Instance::join_master(Instant now) {
    perform(fsm_.join_master(now), now, nullptr);
}

void Instance::step_back(Instant now) {
    perform(fsm_.step_back(now), now, nullptr);
}

void Instance::set_group_fault(Instant now, const std::string& why) {
    group_fault_ = why;
    if (why.empty()) {
        recover(now, FaultSource::group);
        return;
    }
    if (state() == State::fault && !has_fault() && journal_.set_problem(why))
        changed_ = true;
    perform(fsm_.on_fault(now, FaultSource::group), now, nullptr);
}

void Instance::yield(Instant now, Instant until, std::string reason) {
    hold_reason_ = std::move(reason);
    log::info("({}) told to step down and hold back for {} s{}{}", config_.name,
              std::chrono::duration_cast<std::chrono::seconds>(until - now).count(),
              hold_reason_.empty() ? "" : ": ", hold_reason_);
    changed_ = true;
    perform(fsm_.yield(now, until), now, nullptr);
}

void Instance::end_hold() {
    if (!fsm_.held_until())
        return;
    fsm_.end_hold();
    log::info("({}) no longer held back, on request", config_.name);
    changed_ = true;
}

std::optional<Instant> Instance::deadline() const {
    return earliest(
        {fsm_.deadline(), addresses_.deadline(), routes_.deadline(), announcer_.deadline()});
}

bool Instance::take_changed() {
    const bool addresses_changed = addresses_.take_changed();
    return std::exchange(changed_, false) || addresses_changed;
}

void Instance::perform(const Actions& actions, Instant now, const Advert* cause) {
    for (const Action& action : actions) {
        switch (action.kind) {
            case Action::Kind::send_advert:
                send_advert(action.priority);
                break;
            case Action::Kind::add_vips:
                log::debug("({}) setting VIPs.", config_.name);
                addresses_.hold(now);
                routes_.hold(now);
                break;
            case Action::Kind::remove_vips:
                log::debug("({}) removing VIPs.", config_.name);
                announcer_.end();
                routes_.release();
                addresses_.release();
                break;
            case Action::Kind::send_garps:
                if (action.event == Event::forcing_election)
                    announcer_.answer_weaker_master(now, present_addresses());
                else
                    announcer_.begin(now, present_addresses());
                break;
            case Action::Kind::transition:
                enter(now, cause);
                break;
            case Action::Kind::note:
                journal_.noted(now, fsm_, action.event, cause);
                changed_ = changed_ || action.event == Event::split_brain_begun ||
                           action.event == Event::split_brain_ended;
                break;
        }
    }
}

void Instance::send_advert(std::uint8_t priority) {
    // Without an interface there is nobody to resign to.
    if (!link_state_.source)
        return;
    const auto sent = send_to_all(priority);
    if (!sent) {
        if (send_error_.empty())
            log::warn("({}) cannot send adverts: {}", config_.name, sent.error().message);
        send_error_ = sent.error().message;
        return;
    }
    send_error_.clear();
    ++adverts_sent_;
    if (priority == priority_resign) {
        chronicle_.resigned();
        log::info("({}) sent 0 priority", config_.name);
    }
}

// To as many of them as it can: the error is of the last one that it could not reach.
Result<void> Instance::send_to_all(std::uint8_t priority) {
    Result<void> result;
    const config::VrrpTransport& transport = config_.transport;
    const bool from_vmac = config_.vmac && !config_.vmac->send_from_base;
    for (const IpAddress& destination : codec_.destinations()) {
        const auto bytes =
            codec_.encode(*link_state_.source, destination, priority, link_.wall_now());
        auto sent = bytes ? link_.send({.source = *link_state_.source,
                                        .destination = destination,
                                        .hop_limit = transport.unicast ? transport.ttl : advert_ttl,
                                        .vmac = from_vmac ? config_.vmac->name : std::string_view(),
                                        .bytes = *bytes})
                          : fail(
                                "they cannot be authenticated (OpenSSL refuses the digest, or all "
                                "sequence numbers are used up)");
        if (!sent)
            result = std::move(sent);
    }
    return result;
}

Announcer::Addresses Instance::present_addresses() const {
    Announcer::Addresses present;
    for (const HeldAddresses::Vip& vip : addresses_.vips()) {
        if (vip.present)
            present.push_back(vip.address);
    }
    return present;
}

void Instance::enter(Instant now, const Advert* cause) {
    journal_.entered(fsm_, cause, fsm_.reason() == Event::group_fault ? group_fault_ : problem());
    chronicle_.entered(now, state(), journal_.reason());
    if (state() == State::master)
        ++became_master_;
    refusals_.forget();
    changed_ = true;
}

}  // namespace headgate::vrrp
