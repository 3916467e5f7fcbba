// One interface of a simulated router: a real Instance over a fake Link, with a kernel that keeps
// leased addresses and removes them when the lease ends, whether or not there still is a process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/link.h"
#include "tests/sim/clock.h"
#include "tests/sim/network.h"

namespace headgate::sim {

class Leg final : public vrrp::Link {
public:
    // `latency_max`: how long after its time the event loop may get to a timer.
    Leg(std::size_t router, config::VrrpInstance config, Network& network, Random& random,
        const DriftingClock& clock, Duration latency_max);

    // ---- what happens to it; the process is there, but for create() and kill() ----
    void create(Instant now);
    void start(Instant now, const vrrp::Start& how);
    void kill();
    void stop(Instant now);
    void pause() { paused_ = true; }
    void resume(Instant now);
    void set_link(Instant now, bool up);
    void reconfigure(Instant now, const config::VrrpInstance& config);
    // Somebody removes a VIP behind its back.
    void lose_address(Instant now);
    void receive(Instant now, const Delivery& delivery);
    // Timers of the process and leases of the kernel that are due.
    void run(Instant now);
    // After the sync group has acted on the instance.
    void settle();

    // ---- what can be seen of it ----
    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] bool running() const { return instance_ != nullptr && !paused_; }
    [[nodiscard]] bool exists() const { return instance_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    [[nodiscard]] bool link_up() const { return network_.link_up(router_); }
    [[nodiscard]] bool can_resume(Instant now) const;
    // INIT when there is no process.
    [[nodiscard]] vrrp::State state() const;
    [[nodiscard]] bool is_master() const { return running() && state() == vrrp::State::master; }
    [[nodiscard]] std::string reason() const;
    [[nodiscard]] bool suspects_split_brain() const;
    // It is MASTER because the one before resigned.
    [[nodiscard]] bool was_resigned_to() const;
    [[nodiscard]] bool has_all_vips() const;
    [[nodiscard]] bool has_any_vip() const { return !kernel_.empty(); }
    [[nodiscard]] const config::VrrpInstance& config() const { return config_; }
    [[nodiscard]] std::uint64_t num_transitions() const { return num_transitions_; }
    [[nodiscard]] vrrp::Instance& instance() { return *instance_; }

    // ---- vrrp::Link ----
    Result<void> send(const vrrp::OutgoingAdvert& advert) override;
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override {
        return std::chrono::system_clock::time_point(now_.time_since_epoch());
    }
    Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) override;
    Result<void> withdraw(const config::VirtualAddress& vip) override;
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override;
    [[nodiscard]] std::optional<Instant> renewed(const config::VirtualAddress& vip) const override;
    Result<void> announce(const config::VirtualAddress& vip) override;
    [[nodiscard]] std::string_view base_of(std::string_view) const override { return {}; }

private:
    struct Lease {
        Instant renewed;
        Instant end;
    };

    void expire_leases(Instant now);
    void handle(Instant now, const std::vector<std::uint8_t>& packet);
    [[nodiscard]] vrrp::LinkState link_state() const;

    std::size_t router_;
    config::VrrpInstance config_;
    Network& network_;
    Random& random_;
    const DriftingClock& clock_;
    Duration latency_max_;
    vrrp::AnnounceQueue announcements_;
    std::unique_ptr<vrrp::Instance> instance_;
    bool paused_ = false;
    std::vector<std::vector<std::uint8_t>> socket_;  // what arrived while paused
    std::map<Prefix, Lease> kernel_;
    std::optional<Instant> asked_deadline_;  // of the process; wake_ belongs to it
    Instant wake_{};
    Instant now_{};  // of the event that is being handled: a Link call has no time of its own
    vrrp::State last_state_ = vrrp::State::init;
    std::uint64_t num_transitions_ = 0;
};

}  // namespace headgate::sim
