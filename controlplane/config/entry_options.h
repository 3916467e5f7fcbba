// Tables of the words in a line of routes or rules: options, each with the member function of a
// reader that takes it, and names of numbers. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "controlplane/config/suggest.h"
#include "controlplane/config/tree.h"

namespace headgate::config {

struct NamedNumber {
    std::string_view name;
    std::uint8_t value;
};

template <typename Reader>
struct EntryOption {
    std::string_view name;
    bool (Reader::*read)(const Word& option);  // its value; false: the line is given up
};

// Has `reader` take the value of the option `word`. Absent: there is no such option.
template <typename Reader>
std::optional<bool> read_option_of(std::span<const EntryOption<Reader>> options, Reader& reader,
                                   const Word& word) {
    const auto option = std::ranges::find(options, word.text, &EntryOption<Reader>::name);
    if (option == options.end())
        return std::nullopt;
    return (reader.*option->read)(word);
}

// nearest() among the names of all entries of the tables.
template <typename... Tables>
std::string_view nearest_in(std::string_view text, const Tables&... tables) {
    std::vector<std::string_view> names;
    const auto add = [&](const auto& table) {
        for (const auto& entry : table)
            names.push_back(entry.name);
    };
    (add(tables), ...);
    return nearest(text, names);
}

}  // namespace headgate::config
