// A scenario: a group of routers, a network and a series of disturbances, all drawn from one seed.
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
};

class Scenario {
public:
    // `trace`: prints every disturbance and every transition.
    Scenario(std::uint64_t seed, bool trace);
    Outcome run();

private:
    void draw_group();
    void run_until(Instant end);
    void disturb();
    void disturb(Router& router, std::size_t index);
    void calm_down();
    void tell(const std::string& what);
    void trace_states();
    [[nodiscard]] std::optional<Instant> next_event() const;

    Random random_;
    bool trace_;
    std::uint8_t version_ = 2;
    Duration interval_{};
    Duration skew_unit_{};
    Instant now_{std::chrono::seconds(1)};
    std::unique_ptr<Network> network_;
    std::vector<std::unique_ptr<Router>> routers_;
    std::vector<vrrp::State> traced_;
    std::unique_ptr<Judge> judge_;
    Bounds bounds_;
    Outcome outcome_;
};

}  // namespace headgate::sim
