#include "controlplane/explain/words.h"

#include <algorithm>

#include <fmt/format.h>

namespace headgate::explain {

std::string time_words(std::int64_t milliseconds) {
    const std::int64_t whole = std::max<std::int64_t>(0, milliseconds);
    const std::int64_t seconds = whole / 1000;
    if (seconds < 60)
        return fmt::format("{}.{:02}s", seconds, whole % 1000 / 10);
    if (seconds < 3600)
        return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86400)
        return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}h", seconds / 86400, seconds / 3600 % 24);
}

std::string list_words(const std::vector<std::string>& items) {
    std::string words;
    for (std::size_t index = 0; index < items.size(); ++index) {
        if (index > 0)
            words += index + 1 == items.size() ? " and " : ", ";
        words += items[index];
    }
    return words;
}

}  // namespace headgate::explain
