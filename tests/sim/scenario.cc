#include "tests/sim/scenario.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace headgate::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t num_disturbances_max = 25;
// Quartz is a hundred times better; a virtual machine under load is not.
constexpr int drift_ppm_max = 10'000;

template <typename T, std::size_t size>
T pick(Random& random, const std::array<T, size>& from) {
    return from[below(random, size)];
}

bool one_in(Random& random, std::uint64_t chances) {
    return below(random, chances) == 0;
}

std::uint8_t draw_priority(Random& random) {
    // Equal ones and owners are the interesting cases, so they are frequent.
    switch (below(random, 4)) {
        case 0:
            return pick(random, std::array<std::uint8_t, 3>{100, 254, 255});
        case 1:
            return 100;
        default:
            return static_cast<std::uint8_t>(1 + below(random, 254));
    }
}

}  // namespace

void Outcome::add(const Outcome& other) {
    num_events += other.num_events;
    num_disturbances += other.num_disturbances;
    num_transitions += other.num_transitions;
    num_settled_checks += other.num_settled_checks;
    num_resumed += other.num_resumed;
}

// ---- what a seed means --------------------------------------------------------------------------

Scenario::Scenario(std::uint64_t seed, bool trace) : random_(seed), trace_(trace) {
    draw_rules();
    const Weather weather = draw_weather();
    for (std::size_t network = 0; network < num_networks_; ++network)
        networks_.push_back(nullptr);
    const std::size_t num_routers = 2 + below(random_, 4);
    for (auto& network : networks_)
        network = std::make_unique<Network>(num_routers, weather, random_);
    config::VrrpInstance config = draw_group();
    set_bounds(weather, config);
    for (std::size_t index = 0; index < num_routers; ++index)
        draw_routers(config);
    traced_.assign(num_routers * num_networks_, vrrp::State::init);
    for (std::size_t network = 0; network < num_networks_; ++network)
        judges_.push_back(std::make_unique<Judge>(routers_, *networks_[network], network, bounds_));
}

void Scenario::draw_rules() {
    version_ = pick(random_, std::array<std::uint8_t, 2>{2, 3});
    num_networks_ = one_in(random_, 3) ? 2 : 1;
    interval_ = version_ == 2 ? Duration(seconds(1 + below(random_, 2)))
                              : pick(random_, std::array<Duration, 3>{
                                                  milliseconds(20), milliseconds(100), seconds(1)});
    half_interval_ = version_ == 2 ? interval_ : interval_ / 2;
    if (one_in(random_, 3))
        drift_ppm_max_ = drift_ppm_max;
    down_timer_adverts_ = 3;
    if (one_in(random_, 3))
        down_timer_adverts_ = static_cast<std::uint8_t>(2 + below(random_, 4));
    skew_unit_ = version_ == 2 ? Duration(seconds(1)) : interval_;
    // The shortest skew, an owner's, is 1/256 of the unit. An advert that is later than that is
    // lost as far as the protocol is concerned.
    const Duration least_unit = version_ == 2 ? skew_unit_ : half_interval_;
    latency_max_ = least_unit / 1024;
    if (one_in(random_, 4))
        preempt_delay_max_ = 10 * interval_;
    if (one_in(random_, 6))
        startup_delay_ = up_to(random_, 5 * interval_);
}

Weather Scenario::draw_weather() {
    Weather weather{.delay_max = 2 * latency_max_};
    // What all but one advert within the patience of a backup may suffer. Clocks that drift apart
    // by two percent of four intervals cost the skew, and with it one advert more.
    weather.losses_in_row_max = down_timer_adverts_ - (drift_ppm_max_ == 0 ? 1 : 2);
    if (one_in(random_, 3) || weather.losses_in_row_max == 0)
        return weather;
    weather.loss_percent = static_cast<unsigned>(below(random_, 40));
    weather.corruption_percent = static_cast<unsigned>(below(random_, 10));
    weather.duplicate_percent = static_cast<unsigned>(below(random_, 20));
    if (one_in(random_, 3)) {
        weather.straggler_percent = static_cast<unsigned>(1 + below(random_, 10));
        weather.straggler_delay_max = 2 * half_interval_;
    }
    return weather;
}

config::VrrpInstance Scenario::draw_group() {
    config::VrrpInstance config;
    config.interface = "sim0";
    config.vrid = 51;
    config.version = version_;
    config.advert_interval = interval_;
    config.vip_lease = seconds(1 + below(random_, 3));
    config.election.down_timer_adverts = down_timer_adverts_;
    if (version_ == 2 && one_in(random_, 2))
        config.auth_pass = "s3cret";
    for (std::uint64_t vip = 0; vip <= below(random_, 3); ++vip) {
        config::VirtualAddress address;
        address.prefix = {
            .address = IpAddress::v4(Be32(0x0a000064 + static_cast<std::uint32_t>(vip))),
            .length = 32};
        address.interface = "sim0";
        config.virtual_addresses.push_back(address);
    }
    return config;
}

void Scenario::set_bounds(const Weather& weather, const config::VrrpInstance& config) {
    const Duration late = weather.straggler_percent > 0 ? weather.straggler_delay_max : Duration{};
    const bool lossy =
        weather.loss_percent + weather.corruption_percent + weather.straggler_percent > 0;
    // Of every clock, one percent.
    const auto drifted = [&](Duration duration) {
        return duration + duration / 1'000'000 * (2 * drift_ppm_max_);
    };
    const Duration slack = weather.delay_max + 4 * latency_max_;
    const Duration one_gets_through =
        drifted((lossy ? weather.losses_in_row_max + 1 : 1) * interval_) + slack;
    const Duration master_down = drifted(down_timer_adverts_ * interval_ + skew_unit_) + slack;
    const Duration lease_end = drifted(config.vip_lease) + milliseconds(350);
    bounds_ = {.masters_overlap_max = one_gets_through,
               .vips_overlap_max = lease_end + one_gets_through,
               .masterless_max = master_down + late,
               .settle = 3 * master_down + one_gets_through + lease_end + 2 * late +
                         drifted(preempt_delay_max_ + startup_delay_),
               .heard = master_down + one_gets_through + late};
}

void Scenario::draw_routers(config::VrrpInstance config) {
    config.priority = draw_priority(random_);
    config.preempt = !one_in(random_, 3);
    if (config.preempt && config.priority != vrrp::priority_owner)
        config.election.preempt_delay = up_to(random_, preempt_delay_max_);
    config.election.higher_prio_send_advert = one_in(random_, 4);
    config.election.lower_prio_no_advert = one_in(random_, 4);
    config.election.late_takeover_priority = one_in(random_, 4) ? 254 : 0;
    if (one_in(random_, 4))
        config.initial_state = config::VrrpInitialState::master;
    const int drift = drift_ppm_max_ == 0
                          ? 0
                          : static_cast<int>(below(random_, 2 * drift_ppm_max + 1)) - drift_ppm_max;
    tell(
        fmt::format("router {}: v{} priority {}{}, interval {} ms, {} adverts, drift {} ppm, "
                    "preempt delay {} ms, startup delay {} ms, {} network(s)",
                    routers_.size(), version_, config.priority, config.preempt ? "" : " nopreempt",
                    interval_ / milliseconds(1), down_timer_adverts_, drift,
                    config.election.preempt_delay / milliseconds(1),
                    startup_delay_ / milliseconds(1), num_networks_));
    routers_.push_back(std::make_unique<Router>(
        routers_.size(), config, networks_, random_,
        RouterOptions{
            .latency_max = latency_max_, .drift_ppm = drift, .startup_delay = startup_delay_}));
}

// ---- what happens -------------------------------------------------------------------------------

Outcome Scenario::run() {
    for (const auto& router : routers_)
        router->boot(now_);
    tell_judges(true);
    const std::uint64_t num_disturbances = below(random_, num_disturbances_max);
    for (std::uint64_t count = 0; count < num_disturbances && !violation(); ++count) {
        // Half of the time long enough for the dust to settle, or disturbances on top of others.
        const bool settle = one_in(random_, 2);
        run_until(now_ + (settle ? bounds_.settle + up_to(random_, 5 * interval_)
                                 : up_to(random_, 4 * interval_)));
        disturb();
    }
    calm_down();
    run_until(now_ + bounds_.settle + 20 * interval_);
    outcome_.violation = violation();
    for (const auto& judge : judges_)
        outcome_.num_settled_checks += judge->num_settled_checks();
    for (const auto& router : routers_) {
        outcome_.num_resumed += router->num_resumed();
        for (std::size_t network = 0; network < num_networks_; ++network)
            outcome_.num_transitions += router->leg(network).num_transitions();
    }
    return outcome_;
}

std::optional<Instant> Scenario::next_event() const {
    std::optional<Instant> earliest;
    const auto also = [&](const std::optional<Instant>& instant) {
        if (instant)
            earliest = earliest ? std::min(*earliest, *instant) : instant;
    };
    for (const auto& network : networks_)
        also(network->next());
    for (const auto& router : routers_)
        also(router->deadline());
    return earliest;
}

void Scenario::run_until(Instant end) {
    while (!violation()) {
        const auto next = next_event();
        if (!next || *next > end)
            break;
        now_ = std::max(now_, *next);
        ++outcome_.num_events;
        for (const auto& judge : judges_)
            judge->before(now_);
        for (std::size_t network = 0; network < num_networks_; ++network) {
            while (const auto delivery = networks_[network]->take(now_))
                routers_[delivery->to]->receive(now_, network, *delivery);
        }
        for (const auto& router : routers_)
            router->run(now_);
        judge_now();
    }
    now_ = end;
    for (const auto& judge : judges_)
        judge->before(now_);
}

void Scenario::disturb() {
    ++outcome_.num_disturbances;
    if (one_in(random_, 5)) {
        disturb_network();
    } else {
        const std::size_t index = below(random_, routers_.size());
        disturb(*routers_[index], index);
    }
    judge_now();
}

void Scenario::disturb_network() {
    Network& network = *networks_[below(random_, num_networks_)];
    if (network.has_cuts()) {
        tell("every path works in both directions again");
        network.mend();
    } else if (one_in(random_, 3)) {
        const std::size_t from = below(random_, routers_.size());
        const std::size_t to = (from + 1 + below(random_, routers_.size() - 1)) % routers_.size();
        tell(fmt::format("router {} does not hear router {} any more", to, from));
        network.cut(from, to);
    } else {
        // Half of the time all networks in the same way.
        const bool together = one_in(random_, 2);
        for (std::size_t index = 0; index < routers_.size(); ++index) {
            const int side = static_cast<int>(below(random_, 2));
            for (const auto& each : networks_) {
                if (together || each.get() == &network)
                    each->set_side(index, side);
            }
        }
        tell("the network splits or heals");
    }
    tell_judges();
}

void Scenario::disturb(Router& router, std::size_t index) {
    const auto happens = [&](const char* what) { tell(fmt::format("router {} {}", index, what)); };
    const std::size_t network = below(random_, num_networks_);
    if (!router.exists()) {
        happens("boots");
        router.boot(now_);
    } else if (router.paused()) {
        happens("wakes up");
        router.resume(now_);
    } else if (!router.all_links_up()) {
        happens("has its links back");
        for (std::size_t each = 0; each < num_networks_; ++each)
            router.set_link(now_, each, true);
    } else {
        switch (below(random_, 8)) {
            case 0:
                happens("is killed");
                router.kill();
                break;
            case 1:
                happens("is shut down");
                router.shut_down(now_);
                break;
            case 2:
                happens("falls asleep");
                router.pause();
                break;
            case 3:
                happens("loses a link");
                router.set_link(now_, network, false);
                break;
            case 4:
                happens("gets another priority");
                router.set_priority(now_, draw_priority(random_));
                tell_judges(true);
                return;
            case 5:
                happens("gets another interval");
                router.set_interval(now_, one_in(random_, 2) ? interval_ : half_interval_);
                tell_judges(true);
                return;
            case 6:
                restart(router, index);
                break;
            default:
                // No cause for anybody to change his state: the judges are not told.
                happens("loses a VIP");
                router.lose_address(now_, network);
                return;
        }
    }
    tell_judges();
}

// Killed, and back soon: often before its lease ends, so that it goes on as MASTER.
void Scenario::restart(Router& router, std::size_t index) {
    tell(fmt::format("router {} is killed and comes back soon", index));
    router.kill();
    tell_judges();
    judge_now();  // it is MASTER no longer
    run_until(now_ + up_to(random_, 2 * interval_));
    tell(fmt::format("router {} is back", index));
    for (const auto& network : networks_)
        network->after_silence(index);
    router.boot(now_);
}

void Scenario::calm_down() {
    tell("everything comes back");
    for (const auto& network : networks_)
        network->mend();
    for (std::size_t index = 0; index < routers_.size(); ++index) {
        Router& router = *routers_[index];
        for (const auto& network : networks_)
            network->set_side(index, 0);
        if (!router.exists())
            router.boot(now_);
        if (router.paused())
            router.resume(now_);
        for (std::size_t network = 0; network < num_networks_; ++network)
            router.set_link(now_, network, true);
    }
    tell_judges();
    judge_now();
}

// ---- the judges ---------------------------------------------------------------------------------

void Scenario::tell_judges(bool rules_changed) {
    const bool coherent = is_coherent();
    for (const auto& judge : judges_) {
        if (rules_changed)
            judge->rules_changed(now_, coherent);
        else
            judge->disturbed(now_, coherent);
    }
}

void Scenario::judge_now() {
    for (const auto& judge : judges_)
        judge->after(now_);
    for (std::size_t index = 0; index < routers_.size(); ++index) {
        if (!half_master_ && routers_[index]->is_half_master())
            half_master_ =
                fmt::format("at {:.6f} s: router {} is MASTER in one network only",
                            std::chrono::duration<double>(now_.time_since_epoch()).count(), index);
    }
    trace_states();
}

// Every path works in both directions, and in every network or in none: then each part of the
// world has one master. A router with a link down is in FAULT everywhere.
bool Scenario::is_coherent() const {
    for (const auto& network : networks_) {
        if (network->has_cuts())
            return false;
    }
    for (std::size_t left = 0; left < routers_.size(); ++left) {
        for (std::size_t right = left + 1; right < routers_.size(); ++right) {
            if (!routers_[left]->all_links_up() || !routers_[right]->all_links_up())
                continue;
            for (const auto& network : networks_) {
                if (network->connected(left, right) != networks_[0]->connected(left, right))
                    return false;
            }
        }
    }
    return true;
}

std::optional<std::string> Scenario::violation() const {
    for (const auto& judge : judges_) {
        if (judge->violation())
            return judge->violation();
    }
    return half_master_;
}

void Scenario::tell(const std::string& what) {
    if (trace_)
        fmt::print("{:12.6f} s  {}\n",
                   std::chrono::duration<double>(now_.time_since_epoch()).count(), what);
}

void Scenario::trace_states() {
    if (!trace_)
        return;
    for (std::size_t index = 0; index < traced_.size(); ++index) {
        const std::size_t router = index / num_networks_;
        const std::size_t network = index % num_networks_;
        const Leg& leg = routers_[router]->leg(network);
        if (std::exchange(traced_[index], leg.state()) != leg.state())
            tell(fmt::format("  router {} is {} in network {}: {}", router,
                             vrrp::to_string(leg.state()), network, leg.reason()));
    }
}

}  // namespace headgate::sim
