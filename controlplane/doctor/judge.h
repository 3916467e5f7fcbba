// Facts in, findings out. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/doctor/facts.h"

namespace headgate::doctor {

// A note is wrong only for who uses what it is about.
enum class Weight : std::uint8_t { note, warning, error };

struct Finding {
    Weight weight = Weight::warning;
    std::string subject;  // "kernel", "clock", "memory", the name of an interface, an address
    std::string problem;  // what is wrong
    std::string reason;   // why it matters
    std::string fix;      // the command; lines of it end in "\n" but for the last
};

// In the order of Facts; what is wrong comes before what is not ideal.
[[nodiscard]] std::vector<Finding> judge(const Facts& facts);

}  // namespace headgate::doctor
