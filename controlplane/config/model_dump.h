// Where keepalived's dump files go: see model.h.
#pragma once

#include <string>

namespace headgate::config {

// Empty: keepalived's own name, in the directory for temporary files.
struct DumpFiles {
    std::string data;
    std::string stats;
    std::string json;
    int json_version = 1;  // 1 or 2
    bool operator==(const DumpFiles&) const = default;
};

}  // namespace headgate::config
