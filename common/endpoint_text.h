// An address and a port that are text and number already, as the API's messages have them, in one
// word: as Endpoint::to_string() writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace headgate {

// "192.0.2.1:80", "[2001:db8::1]:80"
inline std::string endpoint_text(std::string_view address, std::uint32_t port) {
    const bool is_v6 = address.find(':') != std::string_view::npos;
    return is_v6 ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

}  // namespace headgate
