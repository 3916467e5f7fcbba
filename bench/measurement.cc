// The statistics of a row are those of its samples: no outlier is thrown away.
#include "bench/measurement.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iostream>

// Boost.JSON without its library: this is the one translation unit that uses it.
#include <boost/json/src.hpp>

#include "common/check.h"

namespace headgate::bench {
namespace {

double median(std::vector<double> samples) {
    check(!samples.empty(), "a measurement has samples");
    std::ranges::sort(samples);
    const std::size_t middle = samples.size() / 2;
    if (samples.size() % 2 == 1)
        return samples[middle];
    return (samples[middle - 1] + samples[middle]) / 2;
}

boost::json::object to_row(const Measurement& measurement) {
    const double value = median(measurement.samples);
    const double reference = median(measurement.reference_samples);
    return {{"name", measurement.name},
            {"unit", measurement.unit},
            {"n", measurement.samples.size()},
            {"median", value},
            {"min", std::ranges::min(measurement.samples)},
            {"max", std::ranges::max(measurement.samples)},
            {"reference", measurement.reference},
            {"reference_median", reference},
            {"ratio", value / reference}};
}

}  // namespace

std::string to_json(const std::vector<Measurement>& measurements) {
    boost::json::array rows;
    for (const Measurement& measurement : measurements)
        rows.push_back(to_row(measurement));
    return boost::json::serialize(rows);
}

int exit_code_of(std::string_view program, const std::function<int()>& run) {
    try {
        return run();
    } catch (const std::exception& error) {
        std::cerr << program << ": " << error.what() << '\n';
        return 2;
    }
}

}  // namespace headgate::bench
