#include "controlplane/vrrp/instance.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace headgate::vrrp {

namespace {

// A lease survives two lost renewals.
constexpr int renewals_per_lease = 3;
constexpr Duration repair_interval = std::chrono::milliseconds(50);
// Of what a peer can cause at any rate, one line a second goes to the log.
constexpr Duration note_interval = std::chrono::seconds(1);

std::string text_of(Be32 address) {
    return IpAddress::v4(address).to_string();
}

std::string text_of(const config::VirtualAddress& vip) {
    return fmt::format("{} on {}", vip.prefix.to_string(), vip.interface);
}

bool contains(const std::vector<config::VirtualAddress>& addresses,
              const config::VirtualAddress& address) {
    return std::ranges::find(addresses, address) != addresses.end();
}

Parameters parameters_of(const config::VrrpInstance& config) {
    return {.version = config.version,
            .priority = config.priority,
            .advert_interval = config.advert_interval,
            .preempt = config.preempt,
            .garp_delay = config.garp_delay};
}

}  // namespace

Instance::Instance(config::VrrpInstance config, Link& link)
    : config_(std::move(config)),
      link_(link),
      router_(virtual_router(config_)),
      fsm_(parameters_of(config_)) {
    for (const config::VirtualAddress& address : config_.virtual_addresses)
        vips_.push_back({.address = address, .present = link_.present(address)});
}

void Instance::start(Instant now, const LinkState& state) {
    link_state_ = state;
    for (const Vip& vip : vips_) {
        if (vip.present)
            log::info("({}) {} is there already", config_.name, text_of(vip.address));
    }
    perform(state.source ? fsm_.start(now, *state.source) : fsm_.start_faulty(now), now, nullptr);
}

void Instance::on_packet(Instant now, const AdvertOrigin& origin,
                         std::span<const std::uint8_t> packet) {
    if (state() != State::backup && state() != State::master)
        return;
    if (origin.source == link_state_.source) {
        warn(AdvertError::own_address, origin.source);
        return;
    }
    const auto advert = decode(packet, router_);
    if (!advert) {
        warn(advert.error(), origin.source);
        return;
    }
    ++adverts_received_;
    if (!advert->addresses_match)
        warn(AdvertError::address_list, advert->source);
    perform(fsm_.on_advert(now, *advert), now, &*advert);
}

void Instance::on_deadline(Instant now) {
    // The state machine first: an advert is what others wait for.
    perform(fsm_.on_deadline(now), now, nullptr);
    if (next_renewal_ && now >= *next_renewal_)
        renew(now);
    if (repair_pending_ && now >= repair_allowed_)
        repair(now);
}

void Instance::on_link(Instant now, const LinkState& state) {
    if (link_state_ == state)
        return;
    link_state_ = state;
    if (state.source) {
        perform(fsm_.on_interface_up(now, *state.source), now, nullptr);
        return;
    }
    if (this->state() == State::fault && reason_ != state.problem) {
        reason_ = state.problem;
        changed_ = true;
    }
    perform(fsm_.on_interface_down(now), now, nullptr);
}

void Instance::on_addresses(Instant now) {
    const bool master = state() == State::master;
    bool missing = false;
    for (Vip& vip : vips_) {
        if (const bool present = link_.present(vip.address); present != vip.present) {
            vip.present = present;
            changed_ = true;
            if (master && !present)
                log::warn("({}) {} was removed, putting it back", config_.name,
                          text_of(vip.address));
            else if (!master && present)
                log::warn("({}) {} was added by somebody else while we are not MASTER",
                          config_.name, text_of(vip.address));
        }
        missing = missing || (!vip.present && vip.error.empty());
    }
    if (!master || !missing)
        return;
    repair_pending_ = true;
    if (now >= repair_allowed_)
        repair(now);
}

void Instance::release(const config::VrrpInstance& next) {
    std::erase_if(vips_, [&](Vip& vip) {
        if (contains(next.virtual_addresses, vip.address))
            return false;
        withdraw(vip);
        return true;
    });
}

void Instance::reconfigure(Instant now, config::VrrpInstance next) {
    check(next.vrid == config_.vrid && next.interface == config_.interface,
          "the instance stays in its group of routers");
    release(next);
    std::vector<Vip> vips;
    for (const config::VirtualAddress& address : next.virtual_addresses) {
        const auto known = std::ranges::find(vips_, address, &Vip::address);
        Vip& vip = vips.emplace_back(
            known != vips_.end() ? *known
                                 : Vip{.address = address, .present = link_.present(address)});
        if (known == vips_.end() && state() != State::master)
            withdraw(vip);
    }
    vips_ = std::move(vips);

    VirtualRouter router = virtual_router(next);
    const bool group_changed =
        router != router_ || next.virtual_addresses != config_.virtual_addresses;
    const bool lease_changed = next.vip_lease != config_.vip_lease;
    router_ = std::move(router);
    config_ = std::move(next);
    logged_errors_.reset();
    warning_.clear();
    changed_ = true;
    perform(fsm_.reconfigure(now, parameters_of(config_), group_changed), now, nullptr);
    if (lease_changed && state() == State::master)
        renew(now);
}

void Instance::stop(Instant now) {
    perform(fsm_.stop(now), now, nullptr);
}

std::optional<Instant> Instance::deadline() const {
    std::optional<Instant> earliest = fsm_.deadline();
    const auto consider = [&](Instant instant) {
        earliest = earliest ? std::min(*earliest, instant) : instant;
    };
    if (next_renewal_)
        consider(*next_renewal_);
    if (repair_pending_)
        consider(repair_allowed_);
    return earliest;
}

void Instance::perform(const Actions& actions, Instant now, const Advert* cause) {
    for (const Action& action : actions) {
        switch (action.kind) {
            case Action::Kind::send_advert:
                send_advert(action.priority);
                break;
            case Action::Kind::add_vips:
                log::debug("({}) setting VIPs.", config_.name);
                renew(now);
                break;
            case Action::Kind::remove_vips:
                log::debug("({}) removing VIPs.", config_.name);
                next_renewal_.reset();
                repair_pending_ = false;
                std::ranges::for_each(vips_, [this](Vip& vip) { withdraw(vip); });
                break;
            case Action::Kind::send_garps:
                announce();
                break;
            case Action::Kind::transition:
                enter(action.event, cause);
                break;
            case Action::Kind::note:
                note(now, action.event, *cause);
                break;
        }
    }
}

void Instance::send_advert(std::uint8_t priority) {
    // Without an interface there is nobody to resign to.
    if (!link_state_.source)
        return;
    const std::size_t size = encode(router_, *link_state_.source, priority, packet_);
    const auto sent = link_.send(std::span(packet_).first(size));
    if (!sent) {
        if (send_error_.empty())
            log::warn("({}) cannot send adverts: {}", config_.name, sent.error().message);
        send_error_ = sent.error().message;
        return;
    }
    send_error_.clear();
    ++adverts_sent_;
    if (priority == priority_resign)
        log::info("({}) sent 0 priority", config_.name);
}

void Instance::renew(Instant now) {
    next_renewal_ = now + Duration(config_.vip_lease) / renewals_per_lease;
    for (Vip& vip : vips_)
        install(vip);
}

void Instance::repair(Instant now) {
    repair_pending_ = false;
    repair_allowed_ = now + repair_interval;
    for (Vip& vip : vips_) {
        if (vip.present)
            continue;
        install(vip);
        if (vip.present)
            ++vips_restored_;
    }
    // Whoever asked for the address in between has been told nothing.
    announce();
}

void Instance::install(Vip& vip) {
    const auto installed = link_.install(vip.address, config_.vip_lease);
    if (!installed && vip.error.empty())
        log::error("({}) cannot install {}: {}", config_.name, text_of(vip.address),
                   installed.error().message);
    vip.error = installed ? "" : installed.error().message;
    if (vip.present != installed.has_value()) {
        vip.present = installed.has_value();
        changed_ = true;
    }
}

void Instance::withdraw(Vip& vip) {
    vip.error.clear();
    if (const auto withdrawn = link_.withdraw(vip.address); !withdrawn) {
        log::error("({}) cannot remove {}: {}", config_.name, text_of(vip.address),
                   withdrawn.error().message);
        return;
    }
    if (std::exchange(vip.present, false))
        changed_ = true;
}

void Instance::announce() {
    for (const Vip& vip : vips_)
        log::debug("({}) Sending gratuitous ARP on {} for {}", config_.name, vip.address.interface,
                   vip.address.prefix.address.to_string());
    for (std::uint32_t round = 0; round < config_.garp_repeat; ++round) {
        for (const Vip& vip : vips_) {
            if (!vip.present)
                continue;
            if (const auto sent = link_.announce(vip.address); !sent)
                log::debug("({}) {}", config_.name, sent.error().message);
        }
    }
}

// keepalived's lines, which people and their tools look for.
void Instance::enter(Event reason, const Advert* cause) {
    reason_ = describe(reason);
    if (reason == Event::higher_priority_heard) {
        reason_ += fmt::format(" ({} from {})", cause->priority, text_of(cause->source));
        log::info("({}) Master received advert from {} with {} priority {}, ours {}", config_.name,
                  text_of(cause->source),
                  cause->priority == config_.priority ? "a higher address and the same" : "higher",
                  cause->priority, config_.priority);
    } else if (reason == Event::interface_down) {
        reason_ = link_state_.problem;
        log::info("({}) entering FAULT state ({})", config_.name, reason_);
    } else if (reason == Event::master_silent) {
        log::info("({}) Receive advertisement timeout", config_.name);
    }
    if (state() == State::init)
        log::info("({}) Stopped", config_.name);
    else
        log::info("({}) Entering {} STATE{}", config_.name, to_string(state()),
                  std::exchange(entered_any_, true) ? "" : " (init)");
    if (state() == State::master)
        ++became_master_;
    warning_.clear();
    logged_errors_.reset();
    changed_ = true;
}

void Instance::note(Instant now, Event event, const Advert& advert) {
    if (now < next_note_)
        return;
    next_note_ = now + note_interval;
    const std::string source = text_of(advert.source);
    if (event == Event::weaker_discarded)
        log::info("({}) received lower priority ({}) advert from {} - discarding", config_.name,
                  advert.priority, source);
    else if (event == Event::resignation_heard)
        log::info("({}) Backup received priority 0 advertisement", config_.name);
    else
        log::info(
            "({}) Received advert from {} with lower priority {}, ours {}, forcing new "
            "election",
            config_.name, source, advert.priority, config_.priority);
}

void Instance::warn(AdvertError error, Be32 source) {
    const auto index = static_cast<std::size_t>(error);
    ++errors_[index];
    if (logged_errors_.test(index))
        return;
    logged_errors_.set(index);
    warning_ = fmt::format("advert from {}: {}", text_of(source), describe(error));
    log::warn("({}) {}", config_.name, warning_);
}

InstanceStatus Instance::status(Instant now, std::chrono::system_clock::time_point wall_now) const {
    const auto since = wall_now - (now - fsm_.since());
    const std::optional<Be32> master = fsm_.master_address();
    InstanceStatus status{
        .name = config_.name,
        .state = state(),
        .reason = reason_,
        .last_transition_unix_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(since.time_since_epoch()).count(),
        .interface = config_.interface,
        .vrid = config_.vrid,
        .version = config_.version,
        .priority = config_.priority,
        .preempt = config_.preempt,
        .advert_interval = config_.advert_interval,
        .skew = fsm_.skew(),
        .master_down_interval = fsm_.master_down_interval(),
        .master_address = master ? text_of(*master) : "",
        .master_priority = fsm_.master_priority(),
        .vips = {},
        .adverts_sent = adverts_sent_,
        .adverts_received = adverts_received_,
        .became_master = became_master_,
        .vips_restored = vips_restored_,
        .advert_errors = {},
        .warning = warning_,
    };
    for (const Vip& vip : vips_) {
        status.vips.push_back({.prefix = vip.address.prefix,
                               .interface = vip.address.interface,
                               .present = vip.present});
        if (!vip.error.empty())
            status.warning = fmt::format("{}: {}", text_of(vip.address), vip.error);
    }
    if (!send_error_.empty())
        status.warning = "adverts cannot be sent: " + send_error_;
    for (std::size_t index = 0; index < num_advert_errors; ++index)
        status.advert_errors.push_back(
            {.name = name_of(static_cast<AdvertError>(index)), .count = errors_[index]});
    return status;
}

}  // namespace headgate::vrrp
