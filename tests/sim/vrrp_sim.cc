// Runs many seeded scenarios of two to five routers over a fake network in virtual time, with the
// real state machine, codec and instance, and stops at the first promise of VRRP that is broken.
//
//   vrrp_sim                     the seeds that every test run takes
//   vrrp_sim --first 1000 --count 100000
//   vrrp_sim --seed 4711         one of them again, with everything that happens
#include <cstdint>
#include <iostream>

#include <fmt/format.h>
#include <boost/program_options.hpp>

#include "common/log.h"
#include "tests/sim/scenario.h"

namespace {

namespace options = boost::program_options;
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
    std::uint64_t first = 1;
    std::uint64_t count = 1000;
    options::options_description description("options");
    description.add_options()("help", "print this")("seed", options::value<std::uint64_t>(),
                                                    "replay one seed and print what happens")(
        "first", options::value(&first)->default_value(first), "the first seed")(
        "count", options::value(&count)->default_value(count), "how many seeds");
    options::variables_map values;
    try {
        options::store(options::parse_command_line(argc, argv, description), values);
        options::notify(values);
    } catch (const options::error& error) {
        std::cerr << error.what() << '\n' << description;
        return 2;
    }
    if (values.contains("help")) {
        std::cout << description;
        return 0;
    }
    // What the routers have to say is in wall-clock time, and there are thousands of them.
    spdlog::set_level(spdlog::level::off);
    if (values.contains("seed"))
        return replay(values["seed"].as<std::uint64_t>());
    return run(first, count);
}
