#include "tests/sim/router.h"

#include <algorithm>

namespace headgate::sim {

Router::Router(std::size_t index, const config::VrrpInstance& config,
               const std::vector<std::unique_ptr<Network>>& networks, Random& random,
               const RouterOptions& options)
    : clock_(options.drift_ppm), startup_delay_(options.startup_delay) {
    for (std::size_t network = 0; network < networks.size(); ++network) {
        config::VrrpInstance own = config;
        own.name = fmt::format("VI_{}", network + 1);
        if (networks.size() > 1)
            own.election.sync_group = "VG";
        legs_.push_back(std::make_unique<Leg>(index, std::move(own), *networks[network], random,
                                              clock_, options.latency_max));
    }
}

void Router::boot(Instant now) {
    for (const auto& leg : legs_)
        leg->create(now);
    vrrp::Start how;
    how.resume = std::ranges::all_of(legs_, [&](const auto& leg) { return leg->can_resume(now); });
    how.deaf_until = clock_.local(now) + startup_delay_;
    deaf_until_ = how.resume ? now : clock_.moment(how.deaf_until);
    if (how.resume)
        ++num_resumed_;
    for (const auto& leg : legs_)
        leg->start(now, how);
    if (legs_.size() == 1)
        return;
    group_.emplace("VG");
    std::vector<vrrp::SyncGroup::Member> members;
    members.reserve(legs_.size());
    for (const auto& leg : legs_)
        members.push_back({&leg->instance(), true});
    group_->assemble(clock_.local(now), members);
    settle_group(now);
}

void Router::kill() {
    group_.reset();
    for (const auto& leg : legs_)
        leg->kill();
}

void Router::shut_down(Instant now) {
    if (paused())
        resume(now);
    for (const auto& leg : legs_)
        leg->stop(now);
    kill();
}

void Router::pause() {
    for (const auto& leg : legs_)
        leg->pause();
}

void Router::resume(Instant now) {
    for (const auto& leg : legs_)
        leg->resume(now);
    settle_group(now);
}

void Router::set_link(Instant now, std::size_t network, bool up) {
    legs_[network]->set_link(now, up);
    settle_group(now);
}

template <typename Change>
void Router::reconfigure(Instant now, Change change) {
    for (const auto& leg : legs_) {
        config::VrrpInstance config = leg->config();
        change(config);
        leg->reconfigure(now, config);
    }
    settle_group(now);
}

void Router::set_priority(Instant now, std::uint8_t priority) {
    reconfigure(now, [&](config::VrrpInstance& config) { config.priority = priority; });
}

void Router::set_interval(Instant now, Duration interval) {
    reconfigure(now, [&](config::VrrpInstance& config) { config.advert_interval = interval; });
}

void Router::lose_address(Instant now, std::size_t network) {
    legs_[network]->lose_address(now);
}

void Router::receive(Instant now, std::size_t network, const Delivery& delivery) {
    legs_[network]->receive(now, delivery);
    settle_group(now);
}

void Router::run(Instant now) {
    for (const auto& leg : legs_) {
        leg->run(now);
        settle_group(now);
    }
}

// What the VRRP thread does after each event.
void Router::settle_group(Instant now) {
    if (!group_ || paused())
        return;
    group_->settle(clock_.local(now));
    for (const auto& leg : legs_)
        leg->settle();
}

std::optional<Instant> Router::deadline() const {
    std::optional<Instant> earliest;
    for (const auto& leg : legs_) {
        if (const auto deadline = leg->deadline())
            earliest = earliest ? std::min(*earliest, *deadline) : deadline;
    }
    return earliest;
}

bool Router::all_links_up() const {
    return std::ranges::all_of(legs_, [](const auto& leg) { return leg->link_up(); });
}

bool Router::is_up(Instant now) const {
    return legs_[0]->running() && all_links_up() && now >= deaf_until_;
}

bool Router::is_half_master() const {
    const auto num_masters =
        std::ranges::count_if(legs_, [](const auto& leg) { return leg->is_master(); });
    return num_masters != 0 && num_masters != static_cast<std::ptrdiff_t>(legs_.size());
}

}  // namespace headgate::sim
