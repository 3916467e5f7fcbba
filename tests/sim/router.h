// One simulated router: a leg in each network, and a sync group when there are two. All of them are
// one process, with one clock.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "controlplane/vrrp/sync_group.h"
#include "tests/sim/clock.h"
#include "tests/sim/leg.h"

namespace headgate::sim {

struct RouterOptions {
    Duration latency_max{};
    int drift_ppm = 0;
    Duration startup_delay{};
};

class Router {
public:
    // A leg for each network.
    Router(std::size_t index, const config::VrrpInstance& config,
           const std::vector<std::unique_ptr<Network>>& networks, Random& random,
           const RouterOptions& options);
    Router(const Router&) = delete;  // legs refer to the clock
    Router& operator=(const Router&) = delete;

    void boot(Instant now);
    void kill();                  // as by SIGKILL: the kernel keeps the addresses
    void shut_down(Instant now);  // as by SIGTERM
    void pause();
    void resume(Instant now);
    void set_link(Instant now, std::size_t network, bool up);
    void set_priority(Instant now, std::uint8_t priority);
    void set_interval(Instant now, Duration interval);
    void lose_address(Instant now, std::size_t network);
    void receive(Instant now, std::size_t network, const Delivery& delivery);
    void run(Instant now);

    [[nodiscard]] std::optional<Instant> deadline() const;
    [[nodiscard]] const Leg& leg(std::size_t network) const { return *legs_[network]; }
    [[nodiscard]] bool exists() const { return legs_[0]->exists(); }
    [[nodiscard]] bool paused() const { return legs_[0]->paused(); }
    [[nodiscard]] bool all_links_up() const;
    // It takes part in the elections.
    [[nodiscard]] bool is_up(Instant now) const;
    // MASTER on some legs only.
    [[nodiscard]] bool is_half_master() const;
    [[nodiscard]] std::uint64_t num_resumed() const { return num_resumed_; }

private:
    void settle_group(Instant now);
    template <typename Change>
    void reconfigure(Instant now, Change change);

    DriftingClock clock_;
    Duration startup_delay_;
    std::vector<std::unique_ptr<Leg>> legs_;
    std::optional<vrrp::SyncGroup> group_;
    Instant deaf_until_{};
    std::uint64_t num_resumed_ = 0;
};

}  // namespace headgate::sim
