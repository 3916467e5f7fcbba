// The command line of a simulation: which seeds to run.
#pragma once

#include <cstdint>
#include <iostream>

#include <boost/program_options.hpp>

namespace headgate::sim {

// `replay(seed)` runs one and prints what happens; `run(first, count)` runs many. Both return the
// exit status.
template <typename Replay, typename Run>
int run_seeds(int argc, char** argv, Replay replay, Run run) {
    namespace options = boost::program_options;
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
    if (values.contains("seed"))
        return replay(values["seed"].as<std::uint64_t>());
    return run(first, count);
}

}  // namespace headgate::sim
