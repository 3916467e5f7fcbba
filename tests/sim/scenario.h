// A scenario: a group of routers in one network or two, and a series of disturbances, all drawn
// from one seed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "tests/sim/judge.h"
#include "tests/sim/network.h"
#include "tests/sim/router.h"

namespace headgate::sim {

struct Outcome {
    std::optional<std::string> violation;
    std::uint64_t num_events = 0;
    std::uint64_t num_disturbances = 0;
    std::uint64_t num_transitions = 0;
    std::uint64_t num_settled_checks = 0;
    std::uint64_t num_resumed = 0;

    void add(const Outcome& other);
};

class Scenario {
public:
    // `trace`: prints every disturbance and every transition.
    Scenario(std::uint64_t seed, bool trace);
    Outcome run();

private:
    void draw_rules();
    [[nodiscard]] Weather draw_weather();
    [[nodiscard]] config::VrrpInstance draw_group();
    void draw_routers(config::VrrpInstance config);
    void set_bounds(const Weather& weather, const config::VrrpInstance& config);

    void run_until(Instant end);
    void disturb();
    void disturb_network();
    void disturb(Router& router, std::size_t index);
    void restart(Router& router, std::size_t index);
    void calm_down();
    void tell_judges(bool rules_changed = false);
    void judge_now();
    [[nodiscard]] bool is_coherent() const;
    [[nodiscard]] std::optional<std::string> violation() const;
    void tell(const std::string& what);
    void trace_states();
    [[nodiscard]] std::optional<Instant> next_event() const;

    Random random_;
    bool trace_;
    std::uint8_t version_ = 2;
    std::size_t num_networks_ = 1;  // two: in a sync group
    std::uint8_t down_timer_adverts_ = 3;
    int drift_ppm_max_ = 0;
    Duration interval_{};       // the longest that any router may have
    Duration half_interval_{};  // the other one; the same where it cannot be changed
    Duration skew_unit_{};      // of the longest
    Duration latency_max_{};
    Duration preempt_delay_max_{};
    Duration startup_delay_{};
    Instant now_{std::chrono::seconds(1)};
    std::vector<std::unique_ptr<Network>> networks_;
    std::vector<std::unique_ptr<Router>> routers_;
    std::vector<std::unique_ptr<Judge>> judges_;  // one for each network
    std::vector<vrrp::State> traced_;
    std::optional<std::string> half_master_;
    Bounds bounds_;
    Outcome outcome_;
};

}  // namespace headgate::sim
