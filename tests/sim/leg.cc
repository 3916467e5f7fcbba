#include "tests/sim/leg.h"

#include <algorithm>

namespace headgate::sim {

namespace {

// Linux checks address lifetimes by a timer of whole seconds with some slack; measured on 6.18, an
// address goes up to 0.35 s after its lease.
constexpr Duration lease_slack_max = std::chrono::milliseconds(350);

// Long enough that blocks are still queued when mastership is lost.
constexpr Duration announce_interval = std::chrono::milliseconds(50);

}  // namespace

Leg::Leg(std::size_t router, config::VrrpInstance config, Network& network, Random& random,
         const DriftingClock& clock, Duration latency_max)
    : router_(router),
      config_(std::move(config)),
      network_(network),
      random_(random),
      clock_(clock),
      latency_max_(latency_max) {
    announcements_.set_limits({}, {.others = {.garp = announce_interval, .na = {}}, .groups = {}});
}

vrrp::LinkState Leg::link_state() const {
    if (!link_up())
        return {.source = std::nullopt, .problem = "interface sim0 down"};
    return {.source = IpAddress::v4(Be32(0x0a000001 + static_cast<std::uint32_t>(router_))),
            .problem = ""};
}

void Leg::create(Instant now) {
    now_ = now;
    socket_.clear();
    paused_ = false;
    instance_ = std::make_unique<vrrp::Instance>(config_, *this, announcements_);
}

bool Leg::can_resume(Instant now) const {
    return instance_->can_resume(clock_.local(now), link_state());
}

void Leg::start(Instant now, const vrrp::Start& how) {
    now_ = now;
    instance_->start(clock_.local(now), link_state(), how);
    settle();
}

void Leg::kill() {
    instance_.reset();
    paused_ = false;
    settle();
}

void Leg::stop(Instant now) {
    now_ = now;
    instance_->stop(clock_.local(now));
}

// The order of the VRRP thread: what is in the sockets is read before any timer is looked at, or a
// router that was asleep would take its own absence for that of the master.
void Leg::resume(Instant now) {
    now_ = now;
    paused_ = false;
    instance_->on_link(clock_.local(now), link_state());
    for (const auto& packet : std::exchange(socket_, {}))
        handle(now, packet);
    instance_->on_addresses(clock_.local(now));
    settle();
}

void Leg::set_link(Instant now, bool up) {
    network_.set_link(router_, up);
    if (!running())
        return;
    now_ = now;
    instance_->on_link(clock_.local(now), link_state());
    settle();
}

void Leg::reconfigure(Instant now, const config::VrrpInstance& config) {
    config_ = config;
    if (!running())
        return;
    now_ = now;
    instance_->reconfigure(clock_.local(now), config_);
    settle();
}

void Leg::lose_address(Instant now) {
    if (kernel_.empty() || !running())
        return;
    now_ = now;
    kernel_.erase(
        std::next(kernel_.begin(), static_cast<std::ptrdiff_t>(below(random_, kernel_.size()))));
    instance_->on_addresses(clock_.local(now));
    settle();
}

void Leg::receive(Instant now, const Delivery& delivery) {
    if (paused_)
        socket_.push_back(delivery.packet);
    else if (instance_)
        handle(now, delivery.packet);
}

void Leg::handle(Instant now, const std::vector<std::uint8_t>& packet) {
    now_ = now;
    const auto envelope = vrrp::open_ipv4(packet);
    if (envelope && vrrp::vrid_of(*envelope) == config_.vrid)
        instance_->on_packet(clock_.local(now), *envelope);
    settle();
}

void Leg::run(Instant now) {
    expire_leases(now);
    if (!running() || !asked_deadline_ || now < wake_)
        return;
    now_ = now;
    instance_->on_deadline(clock_.local(now));
    announcements_.run(clock_.local(now));
    asked_deadline_.reset();
    settle();
}

void Leg::expire_leases(Instant now) {
    const bool lost =
        std::erase_if(kernel_, [&](const auto& entry) { return entry.second.end <= now; }) > 0;
    if (lost && running()) {
        now_ = now;
        instance_->on_addresses(clock_.local(now));
        settle();
    }
}

// After every event: draws the latency of the next wake-up once, and counts transitions.
void Leg::settle() {
    const auto wanted =
        instance_ ? earliest({instance_->deadline(), announcements_.deadline()}) : std::nullopt;
    if (wanted != asked_deadline_) {
        asked_deadline_ = wanted;
        if (wanted)
            wake_ = clock_.moment(*wanted) + up_to(random_, latency_max_);
    }
    if (state() != last_state_)
        ++num_transitions_;
    last_state_ = state();
}

std::optional<Instant> Leg::deadline() const {
    std::optional<Instant> earliest;
    if (running() && asked_deadline_)
        earliest = wake_;
    for (const auto& [address, lease] : kernel_)
        earliest = earliest ? std::min(*earliest, lease.end) : lease.end;
    return earliest;
}

vrrp::State Leg::state() const {
    return instance_ ? instance_->state() : vrrp::State::init;
}

std::string Leg::reason() const {
    return instance_ ? instance_->reason() : "no process";
}

bool Leg::suspects_split_brain() const {
    return instance_ && instance_->suspects_split_brain();
}

bool Leg::was_resigned_to() const {
    return is_master() && reason() == describe(vrrp::Event::master_resigned);
}

bool Leg::has_all_vips() const {
    return kernel_.size() == config_.virtual_addresses.size();
}

Result<void> Leg::send(const vrrp::OutgoingAdvert& advert) {
    if (!link_up())
        return fail("network is down");
    network_.send(now_, router_, advert.bytes);
    return {};
}

Result<void> Leg::install(const config::VirtualAddress& vip, std::chrono::seconds lease) {
    kernel_[vip.prefix] = {.renewed = now_, .end = now_ + lease + up_to(random_, lease_slack_max)};
    return {};
}

Result<void> Leg::withdraw(const config::VirtualAddress& vip) {
    kernel_.erase(vip.prefix);
    return {};
}

bool Leg::present(const config::VirtualAddress& vip) const {
    return kernel_.contains(vip.prefix);
}

std::optional<Instant> Leg::renewed(const config::VirtualAddress& vip) const {
    const auto known = kernel_.find(vip.prefix);
    return known != kernel_.end() ? std::optional(clock_.local(known->second.renewed))
                                  : std::nullopt;
}

Result<void> Leg::announce(const config::VirtualAddress& vip) {
    check(instance_->state() == vrrp::State::master, "only a master announces");
    return present(vip) ? Result<void>{} : fail("an address that is not there was announced");
}

}  // namespace headgate::sim
