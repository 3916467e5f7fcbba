// check(): an invariant that only a programming error can break. Always on, in every build; never
// used for data that a peer, a file or a user controls (those are Results and counters).
#pragma once

#include <source_location>

namespace headgate {

// Prints the location and the broken invariant to stderr, then aborts.
[[noreturn]] void check_failed(const char* invariant, const std::source_location& where);

constexpr void check(bool holds, const char* invariant,
                     const std::source_location& where = std::source_location::current()) {
    if (!holds) [[unlikely]]
        check_failed(invariant, where);
}

}  // namespace headgate
