// Runs many seeded scenarios of two to five routers over a fake network in virtual time, with the
// real state machine, codec and instance, and stops at the first promise of VRRP that is broken.
//
//   vrrp_sim                     the seeds that every test run takes
//   vrrp_sim --first 1000 --count 100000
//   vrrp_sim --seed 4711         one of them again, with everything that happens
#include <cstdint>

#include <fmt/format.h>

#include "common/log.h"
#include "tests/sim/scenario.h"
#include "tests/sim/seeds.h"

namespace {

using headgate::sim::Outcome;
using headgate::sim::Scenario;

int replay(std::uint64_t seed) {
    const Outcome outcome = Scenario(seed, true).run();
    fmt::print("seed {}: {}\n", seed, outcome.violation.value_or("every promise kept"));
    return outcome.violation ? 1 : 0;
}

int run(std::uint64_t first, std::uint64_t count) {
    Outcome sum;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Outcome outcome = Scenario(seed, false).run();
        if (outcome.violation) {
            fmt::print("seed {}: {}\nreplay it with --seed {}\n", seed, *outcome.violation, seed);
            return 1;
        }
        sum.add(outcome);
    }
    fmt::print(
        "seeds {} to {}: {} events, {} disturbances, {} transitions, {} restarts as "
        "MASTER, {} checks of a settled network; every promise kept\n",
        first, first + count - 1, sum.num_events, sum.num_disturbances, sum.num_transitions,
        sum.num_resumed, sum.num_settled_checks);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    // What the routers have to say is in wall-clock time, and there are thousands of them.
    spdlog::set_level(spdlog::level::off);
    return headgate::sim::run_seeds(argc, argv, replay, run);
}
