#include "tests/sim/router.h"

#include <algorithm>

namespace headgate::sim {

namespace {

// Linux checks address lifetimes by a timer of whole seconds with some slack; measured on 6.18, an
// address goes up to 0.35 s after its lease.
constexpr Duration lease_slack_max = std::chrono::milliseconds(350);

// Long enough that blocks are still queued when mastership is lost.
constexpr Duration announce_interval = std::chrono::milliseconds(50);

}  // namespace

Router::Router(std::size_t index, config::VrrpInstance config, Network& network, Random& random,
               Duration latency_max)
    : index_(index),
      config_(std::move(config)),
      network_(network),
      random_(random),
      latency_max_(latency_max) {
    announcements_.set_limits({}, {.others = {.garp = announce_interval, .na = {}}, .groups = {}});
}

vrrp::LinkState Router::link_state() const {
    if (!network_.link_up(index_))
        return {.source = std::nullopt, .problem = "interface sim0 down"};
    return {.source = IpAddress::v4(Be32(0x0a000001 + static_cast<std::uint32_t>(index_))),
            .problem = ""};
}

void Router::boot(Instant now) {
    now_ = now;
    socket_.clear();
    paused_ = false;
    instance_ = std::make_unique<vrrp::Instance>(config_, *this, announcements_);
    instance_->start(now, link_state());
    settle();
}

void Router::kill() {
    instance_.reset();
    paused_ = false;
    settle();
}

void Router::shut_down(Instant now) {
    if (paused_)
        resume(now);
    now_ = now;
    instance_->stop(now);
    kill();
}

// The order of VrrpThread: what is in the sockets is read before any timer is looked at, or a
// router that was asleep would take its own absence for that of the master.
void Router::resume(Instant now) {
    now_ = now;
    paused_ = false;
    instance_->on_link(now, link_state());
    for (const auto& packet : std::exchange(socket_, {}))
        handle(now, packet);
    instance_->on_addresses(now);
    settle();
}

void Router::set_link(Instant now, bool up) {
    network_.set_link(index_, up);
    if (!running())
        return;
    now_ = now;
    instance_->on_link(now, link_state());
    settle();
}

void Router::set_priority(Instant now, std::uint8_t priority) {
    config_.priority = priority;
    if (!running())
        return;
    now_ = now;
    instance_->reconfigure(now, config_);
    settle();
}

void Router::lose_address(Instant now) {
    if (kernel_.empty() || !running())
        return;
    now_ = now;
    kernel_.erase(
        std::next(kernel_.begin(), static_cast<std::ptrdiff_t>(below(random_, kernel_.size()))));
    instance_->on_addresses(now);
    settle();
}

void Router::receive(Instant now, const Delivery& delivery) {
    if (paused_)
        socket_.push_back(delivery.packet);
    else if (instance_)
        handle(now, delivery.packet);
}

void Router::handle(Instant now, const std::vector<std::uint8_t>& packet) {
    now_ = now;
    const auto envelope = vrrp::open_ipv4(packet);
    if (envelope && vrrp::vrid_of(*envelope) == config_.vrid)
        instance_->on_packet(now, *envelope);
    settle();
}

void Router::run(Instant now) {
    expire_leases(now);
    if (!running() || !asked_deadline_ || now < wake_)
        return;
    now_ = now;
    instance_->on_deadline(now);
    announcements_.run(now);
    asked_deadline_.reset();
    settle();
}

void Router::expire_leases(Instant now) {
    const bool lost =
        std::erase_if(kernel_, [&](const auto& entry) { return entry.second <= now; }) > 0;
    if (lost && running()) {
        now_ = now;
        instance_->on_addresses(now);
        settle();
    }
}

// After every event: draws the latency of the next wake-up once, and counts transitions.
void Router::settle() {
    const auto wanted =
        instance_ ? earliest({instance_->deadline(), announcements_.deadline()}) : std::nullopt;
    if (wanted != asked_deadline_) {
        asked_deadline_ = wanted;
        if (wanted)
            wake_ = *wanted + up_to(random_, latency_max_);
    }
    if (state() != last_state_)
        ++num_transitions_;
    last_state_ = state();
}

std::optional<Instant> Router::deadline() const {
    std::optional<Instant> earliest;
    if (running() && asked_deadline_)
        earliest = wake_;
    for (const auto& [address, end] : kernel_)
        earliest = earliest ? std::min(*earliest, end) : end;
    return earliest;
}

vrrp::State Router::state() const {
    return instance_ ? instance_->state() : vrrp::State::init;
}

std::string Router::reason(Instant now) const {
    return instance_ ? instance_->status(now, {}).reason : "no process";
}

Duration Router::master_down_interval(Instant now) const {
    return instance_ ? instance_->status(now, {}).master_down_interval : Duration{};
}

bool Router::has_all_vips() const {
    return kernel_.size() == config_.virtual_addresses.size();
}

Result<void> Router::send(const vrrp::OutgoingAdvert& advert) {
    if (!network_.link_up(index_))
        return fail("network is down");
    network_.send(now_, index_, advert.bytes);
    return {};
}

Result<void> Router::install(const config::VirtualAddress& vip, std::chrono::seconds lease) {
    kernel_[vip.prefix] = now_ + lease + up_to(random_, lease_slack_max);
    return {};
}

Result<void> Router::withdraw(const config::VirtualAddress& vip) {
    kernel_.erase(vip.prefix);
    return {};
}

bool Router::present(const config::VirtualAddress& vip) const {
    return kernel_.contains(vip.prefix);
}

Result<void> Router::announce(const config::VirtualAddress& vip) {
    check(instance_->state() == vrrp::State::master, "only a master announces");
    return present(vip) ? Result<void>{} : fail("an address that is not there was announced");
}

}  // namespace headgate::sim
