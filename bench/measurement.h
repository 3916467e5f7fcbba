// What every benchmark program prints: one row per measurement, as a JSON array on stdout.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace headgate::bench {

// Figures of the thing measured and of its reference, taken in turns in one process so that both
// see the same noise of the machine. `unit` is of both; ratio = median / reference median.
struct Measurement {
    std::string name;
    std::string unit;
    std::vector<double> samples;
    std::string reference;
    std::vector<double> reference_samples;
};

// Requires: samples in every measurement.
std::string to_json(const std::vector<Measurement>& measurements);

// What main() returns: that of `run`, or 2 when the command line was wrong, after saying so.
int exit_code_of(std::string_view program, const std::function<int()>& run);

}  // namespace headgate::bench
