// How serious a status is, for the exit status of `headgate status` and its first line. Pure.
#pragma once

#include <string>
#include <vector>

#include "common/api.pb.h"

namespace headgate::cli {

// The values are the exit status.
enum class Severity { ok = 0, degraded = 1, critical = 2 };

struct Finding {
    Severity severity = Severity::degraded;
    std::string text;
};

// What an operator should look at, the most serious first; empty when all is well. An instance in
// BACKUP and a virtual server in standby are well.
std::vector<Finding> findings(const api::Status& status);

Severity worst(const std::vector<Finding>& findings);

}  // namespace headgate::cli
