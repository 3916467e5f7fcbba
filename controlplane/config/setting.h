// A setting: a value that the lines of a block may have given, with its place. What drafts are made
// of.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "controlplane/config/source.h"

namespace headgate::config {

// A value and where it was written.
template <typename T>
struct Located {
    T value;
    Span where;
};

template <typename T>
using Setting = std::optional<Located<T>>;

template <typename T>
T value_or(const Setting<T>& setting, const T& fallback) {
    return setting ? setting->value : fallback;
}

// The keywords that a block has in some form: right, wrong, or misspelled so that the right one was
// suggested. One that is missing from it has not been reported yet.
using Mentions = std::set<std::string, std::less<>>;

}  // namespace headgate::config
