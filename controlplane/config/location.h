// Where something stands in the configuration files. A plain value.
#pragma once

#include <cstdint>
#include <string>

namespace headgate::config {

// Line and column count from 1.
struct SourceLocation {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    bool operator==(const SourceLocation&) const = default;
};

}  // namespace headgate::config
