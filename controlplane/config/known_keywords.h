// What keepalived (up to 2.4) has and Headgate does not act on yet. It lets a file from the field
// be read with one precise warning for each such line, and never with a false "did you mean".
// Constant data; any thread.
#pragma once

#include <functional>
#include <string_view>

#include "controlplane/config/schema.h"

namespace headgate::config {

struct KnownKeyword {
    std::string_view name;
    // What to write instead, or what follows from its absence; may be empty.
    std::string_view advice;
};

// Whether keepalived has `name` in `block`; then `found` is filled in.
bool find_known_keyword(Block block, std::string_view name, KnownKeyword* found = nullptr);

// Calls `visit` for each one that keepalived has in `block`.
void for_each_known_keyword(Block block, const std::function<void(std::string_view)>& visit);

}  // namespace headgate::config
