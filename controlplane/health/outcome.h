// What one probe of a real server found. Plain values, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/clock.h"

namespace headgate::health {

enum class Code : std::uint8_t {
    l4_ok,
    l4_timeout,
    l4_refused,
    l7_ok,
    l7_status,
    l7_timeout,
    l7_response,
    // The probe could not be made for a reason of this host (no file descriptor, no memory). It
    // says nothing about the real server and changes nothing.
    local_error,
};

// HAProxy's short words, which operators know: "L4OK", "L4TOUT", "L4CON", "L7OK", "L7STS",
// "L7TOUT", "L7RSP", "SOCKERR".
std::string_view to_string(Code code);

struct Outcome {
    Code code = Code::local_error;
    std::string detail;  // in words: "got 503, want 200-299"
    Duration duration{};

    [[nodiscard]] bool passed() const { return code == Code::l4_ok || code == Code::l7_ok; }
};

}  // namespace headgate::health
