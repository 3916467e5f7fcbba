// One simulated router: a real Instance over a fake Link, with a kernel that keeps leased addresses
// and removes them when the lease ends, whether or not there still is a process.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "common/clock.h"
#include "controlplane/config/model_vrrp.h"
#include "controlplane/vrrp/instance.h"
#include "controlplane/vrrp/link.h"
#include "tests/sim/network.h"

namespace headgate::sim {

class Router final : public vrrp::Link {
public:
    // `latency_max`: how long after its time the event loop may get to a timer.
    Router(std::size_t index, config::VrrpInstance config, Network& network, Random& random,
           Duration latency_max);

    // ---- what happens to it ----
    void boot(Instant now);
    void kill();  // as by SIGKILL: the kernel keeps the addresses until their lease ends
    void shut_down(Instant now);  // as by SIGTERM
    void pause() { paused_ = true; }
    void resume(Instant now);
    void set_link(Instant now, bool up);
    void set_priority(Instant now, std::uint8_t priority);
    // Somebody removes a VIP behind its back.
    void lose_address(Instant now);
    void receive(Instant now, const Delivery& delivery);
    // Timers of the process and leases of the kernel that are due.
    void run(Instant now);

    // ---- what can be seen of it ----
    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] bool running() const { return instance_ != nullptr && !paused_; }
    [[nodiscard]] bool exists() const { return instance_ != nullptr; }
    [[nodiscard]] bool paused() const { return paused_; }
    // INIT when there is no process.
    [[nodiscard]] vrrp::State state() const;
    [[nodiscard]] std::string reason(Instant now) const;
    [[nodiscard]] bool has_all_vips() const;
    [[nodiscard]] bool has_any_vip() const { return !kernel_.empty(); }
    [[nodiscard]] const config::VrrpInstance& config() const { return config_; }
    [[nodiscard]] Duration master_down_interval(Instant now) const;
    [[nodiscard]] std::uint64_t num_transitions() const { return num_transitions_; }

    // ---- vrrp::Link ----
    Result<void> send(const vrrp::OutgoingAdvert& advert) override;
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override {
        return std::chrono::system_clock::time_point(now_.time_since_epoch());
    }
    Result<void> install(const config::VirtualAddress& vip, std::chrono::seconds lease) override;
    Result<void> withdraw(const config::VirtualAddress& vip) override;
    [[nodiscard]] bool present(const config::VirtualAddress& vip) const override;
    Result<void> announce(const config::VirtualAddress& vip) override;
    [[nodiscard]] std::string_view base_of(std::string_view) const override { return {}; }

private:
    void expire_leases(Instant now);
    void handle(Instant now, const std::vector<std::uint8_t>& packet);
    void settle();
    [[nodiscard]] vrrp::LinkState link_state() const;

    std::size_t index_;
    config::VrrpInstance config_;
    Network& network_;
    Random& random_;
    Duration latency_max_;
    vrrp::AnnounceQueue announcements_;
    std::unique_ptr<vrrp::Instance> instance_;
    bool paused_ = false;
    std::vector<std::vector<std::uint8_t>> socket_;  // what arrived while paused
    std::map<Prefix, Instant> kernel_;               // address -> end of its lease
    std::optional<Instant> asked_deadline_;          // of the process; wake_ belongs to it
    Instant wake_{};
    Instant now_{};  // of the event that is being handled: a Link call has no time of its own
    vrrp::State last_state_ = vrrp::State::init;
    std::uint64_t num_transitions_ = 0;
};

}  // namespace headgate::sim
