// See suggest.h. Optimal string alignment distance, three rows at a time.
#include "controlplane/config/suggest.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

namespace headgate::config {
namespace {

// Longer than any keyword; beyond it nothing is "close".
constexpr std::size_t word_max = 64;
constexpr std::size_t prefix_min = 3;

std::string folded(std::string_view text) {
    std::string copy(text);
    for (char& byte : copy) {
        if (byte >= 'A' && byte <= 'Z')
            byte = static_cast<char>(byte - 'A' + 'a');
        else if (byte == '-')
            byte = '_';
    }
    return copy;
}

// Requires: both are at most word_max long.
std::size_t distance(std::string_view left, std::string_view right) {
    std::array<std::size_t, word_max + 1> two_back{};
    std::array<std::size_t, word_max + 1> back{};
    std::array<std::size_t, word_max + 1> row{};
    for (std::size_t column = 0; column <= right.size(); ++column)
        back[column] = column;
    for (std::size_t line = 1; line <= left.size(); ++line) {
        row[0] = line;
        for (std::size_t column = 1; column <= right.size(); ++column) {
            const bool same = left[line - 1] == right[column - 1];
            row[column] = std::min(
                {back[column] + 1, row[column - 1] + 1, back[column - 1] + (same ? 0U : 1U)});
            if (line > 1 && column > 1 && left[line - 1] == right[column - 2] &&
                left[line - 2] == right[column - 1])
                row[column] = std::min(row[column], two_back[column - 2] + 1);
        }
        two_back = std::exchange(back, row);
    }
    return back[right.size()];
}

std::string_view only_one_that_begins_with(std::string_view word,
                                           std::span<const std::string_view> candidates) {
    std::string_view found;
    for (const std::string_view candidate : candidates) {
        if (!folded(candidate).starts_with(word))
            continue;
        if (!found.empty())
            return {};
        found = candidate;
    }
    return found;
}

}  // namespace

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
    if (word.empty() || word.size() > word_max)
        return {};
    const std::string wanted = folded(word);
    std::string_view best;
    if (word.size() >= prefix_min)
        best = only_one_that_begins_with(wanted, candidates);
    if (!best.empty())
        return best;
    std::size_t best_distance = word_max;
    for (const std::string_view candidate : candidates) {
        if (candidate.size() > word_max)
            continue;
        const std::size_t differences = distance(wanted, folded(candidate));
        const std::size_t length = std::max(word.size(), candidate.size());
        const std::size_t allowed = std::max<std::size_t>(1, length / 3);
        const bool alike = differences <= allowed && differences < length;
        if (alike && differences < best_distance) {
            best = candidate;
            best_distance = differences;
        }
    }
    return best;
}

}  // namespace headgate::config
