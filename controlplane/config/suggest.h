// "Did you mean": the nearest of some names. Pure; any thread.
#pragma once

#include <span>
#include <string_view>

namespace headgate::config {

// The candidate that `word` was most likely meant to be, or an empty view when none is close: the
// only one that begins with it, or the nearest of which at most a third of the characters differ
// (a swap of neighbours counts once, case and `-` for `_` not at all).
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace headgate::config
