#include "tests/sim/scenario.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace headgate::sim {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t num_disturbances_max = 25;

template <typename T, std::size_t size>
T pick(Random& random, const std::array<T, size>& from) {
    return from[below(random, size)];
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

Scenario::Scenario(std::uint64_t seed, bool trace) : random_(seed), trace_(trace) {
    draw_group();
}

void Scenario::draw_group() {
    version_ = pick(random_, std::array<std::uint8_t, 2>{2, 3});
    interval_ = version_ == 2 ? Duration(seconds(1 + below(random_, 2)))
                              : pick(random_, std::array<Duration, 3>{
                                                  milliseconds(10), milliseconds(100), seconds(1)});
    skew_unit_ = version_ == 2 ? Duration(seconds(1)) : interval_;
    // The shortest skew, an owner's, is 1/256 of the unit. An advert that is later than that is
    // lost as far as the protocol is concerned.
    const Duration latency_max = skew_unit_ / 1024;
    Weather weather{.delay_max = skew_unit_ / 512};
    if (below(random_, 3) != 0)
        weather = {.delay_max = weather.delay_max,
                   .loss_percent = static_cast<unsigned>(below(random_, 40)),
                   .corruption_percent = static_cast<unsigned>(below(random_, 10)),
                   .duplicate_percent = static_cast<unsigned>(below(random_, 20))};
    const bool lossy = weather.loss_percent + weather.corruption_percent > 0;

    config::VrrpInstance config;
    config.name = "VI_1";
    config.interface = "sim0";
    config.vrid = 51;
    config.version = version_;
    config.advert_interval = interval_;
    config.vip_lease = seconds(1 + below(random_, 3));
    if (version_ == 2 && below(random_, 2) == 0)
        config.auth_pass = "s3cret";
    for (std::uint64_t vip = 0; vip <= below(random_, 3); ++vip)
        config.virtual_addresses.push_back(
            {.prefix = {.address =
                            IpAddress::v4(Be32(0x0a000064 + static_cast<std::uint32_t>(vip))),
                        .length = 32},
             .interface = "sim0",
             .label = {},
             .broadcast = {}});

    const Duration slack = weather.delay_max + 4 * latency_max;
    const Duration one_gets_through = (lossy ? losses_in_row_max + 1 : 1) * interval_ + slack;
    const Duration lease_end = config.vip_lease + milliseconds(350);
    bounds_ = {.masters_overlap_max = one_gets_through,
               .vips_overlap_max = lease_end + one_gets_through,
               .masterless_max = 3 * interval_ + skew_unit_ + slack,
               .settle = 3 * interval_ + skew_unit_ + one_gets_through + lease_end + slack};

    const std::size_t num_routers = 2 + below(random_, 4);
    network_ = std::make_unique<Network>(num_routers, weather, random_);
    for (std::size_t index = 0; index < num_routers; ++index) {
        config.priority = draw_priority(random_);
        config.preempt = below(random_, 3) != 0;
        routers_.push_back(
            std::make_unique<Router>(index, config, *network_, random_, latency_max));
        tell(fmt::format("router {}: v{} priority {}{}, interval {} ms", index, version_,
                         config.priority, config.preempt ? "" : " nopreempt",
                         interval_ / milliseconds(1)));
    }
    traced_.assign(num_routers, vrrp::State::init);
    judge_ = std::make_unique<Judge>(routers_, *network_, bounds_);
}

Outcome Scenario::run() {
    for (const auto& router : routers_)
        router->boot(now_);
    judge_->priorities_changed(now_);
    const std::uint64_t num_disturbances = below(random_, num_disturbances_max);
    for (std::uint64_t count = 0; count < num_disturbances && !judge_->violation(); ++count) {
        // Half of the time long enough for the dust to settle, or disturbances on top of others.
        const bool settle = below(random_, 2) == 0;
        run_until(now_ + (settle ? bounds_.settle + up_to(random_, 5 * interval_)
                                 : up_to(random_, 4 * interval_)));
        disturb();
    }
    calm_down();
    run_until(now_ + bounds_.settle + 20 * interval_);
    outcome_.violation = judge_->violation();
    outcome_.num_settled_checks = judge_->num_settled_checks();
    for (const auto& router : routers_)
        outcome_.num_transitions += router->num_transitions();
    return outcome_;
}

std::optional<Instant> Scenario::next_event() const {
    std::optional<Instant> earliest = network_->next();
    for (const auto& router : routers_) {
        if (const auto deadline = router->deadline())
            earliest = earliest ? std::min(*earliest, *deadline) : deadline;
    }
    return earliest;
}

void Scenario::run_until(Instant end) {
    while (!judge_->violation()) {
        const auto next = next_event();
        if (!next || *next > end)
            break;
        now_ = std::max(now_, *next);
        ++outcome_.num_events;
        judge_->before(now_);
        while (const auto delivery = network_->take(now_))
            routers_[delivery->to]->receive(now_, *delivery);
        for (const auto& router : routers_)
            router->run(now_);
        judge_->after(now_);
        trace_states();
    }
    now_ = end;
    judge_->before(now_);
}

void Scenario::disturb() {
    ++outcome_.num_disturbances;
    if (below(random_, 6) == 0) {
        for (std::size_t index = 0; index < routers_.size(); ++index)
            network_->set_side(index, static_cast<int>(below(random_, 2)));
        tell("the network splits or heals");
        judge_->disturbed(now_);
    } else {
        const std::size_t index = below(random_, routers_.size());
        disturb(*routers_[index], index);
    }
    judge_->after(now_);
    trace_states();
}

void Scenario::disturb(Router& router, std::size_t index) {
    const auto happens = [&](const char* what) { tell(fmt::format("router {} {}", index, what)); };
    if (!router.exists()) {
        happens("boots");
        router.boot(now_);
    } else if (router.paused()) {
        happens("wakes up");
        router.resume(now_);
    } else if (!network_->link_up(index)) {
        happens("has its link back");
        router.set_link(now_, true);
    } else {
        switch (below(random_, 6)) {
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
                happens("loses its link");
                router.set_link(now_, false);
                break;
            case 4:
                happens("gets another priority");
                router.set_priority(now_, draw_priority(random_));
                judge_->priorities_changed(now_);
                break;
            default:
                // No cause for anybody to change his state: the judge is not told.
                happens("loses a VIP");
                router.lose_address(now_);
                return;
        }
    }
    judge_->disturbed(now_);
}

void Scenario::calm_down() {
    tell("everything comes back");
    for (std::size_t index = 0; index < routers_.size(); ++index) {
        Router& router = *routers_[index];
        network_->set_side(index, 0);
        if (!router.exists())
            router.boot(now_);
        if (router.paused())
            router.resume(now_);
        router.set_link(now_, true);
    }
    judge_->disturbed(now_);
    judge_->after(now_);
}

void Scenario::tell(const std::string& what) {
    if (trace_)
        fmt::print("{:12.6f} s  {}\n",
                   std::chrono::duration<double>(now_.time_since_epoch()).count(), what);
}

void Scenario::trace_states() {
    if (!trace_)
        return;
    for (std::size_t index = 0; index < routers_.size(); ++index) {
        const vrrp::State state = routers_[index]->state();
        if (std::exchange(traced_[index], state) != state)
            tell(fmt::format("  router {} is {}: {}", index, vrrp::to_string(state),
                             routers_[index]->reason(now_)));
    }
}

}  // namespace headgate::sim
