// Configurations with one planted mistake each: what tests of diagnostics share.
#pragma once

#include <iosfwd>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {

struct Broken {
    std::string name;     // what is wrong
    std::string text;     // >> marks the place that the diagnostic must point to
    std::string message;  // a part of the diagnostic's message
    std::string hint;     // a part of its hint
    Severity severity = Severity::error;
    int exit_code = exit_usable_with_errors;
};

void PrintTo(const Broken& broken, std::ostream* out);

// For the names of test cases.
std::string case_name(const testing::TestParamInfo<Broken>& info);

// Expects that there is exactly one diagnostic, at the right line and column, that says what is
// wrong and what to write instead. Returns what was loaded.
LoadResult expect_one_diagnostic(const Broken& broken);

}  // namespace headgate::config
