// "Did you mean": the nearest of some names. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace headgate::config {

// The candidate that `word` was most likely meant to be, or an empty view when none is close: at
// most a third of its characters differ (a swap of neighbours counts once, case and `-` for `_` not
// at all), or `word` is the beginning of just one candidate.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace headgate::config
