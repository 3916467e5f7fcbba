// How times and lists read in explanations. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace headgate::explain {

// "0.41s", "59.99s", then "1m00s", "2h05m", "12d04h". Negative counts as 0.
std::string time_words(std::int64_t milliseconds);

// "a", "a and b", "a, b and c"
std::string list_words(const std::vector<std::string>& items);

}  // namespace headgate::explain
