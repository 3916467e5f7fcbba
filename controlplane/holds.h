// The VRRP instances that were told to step down, kept in a file of the run directory so that a
// restarted headgated holds back as the one before it did. Main thread only.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "controlplane/vrrp/status.h"

namespace headgate {

class Holds {
public:
    using ByInstance = std::map<std::string, vrrp::Hold>;

    explicit Holds(std::filesystem::path file) : file_(std::move(file)) {}

    // What the file says; nothing when there is none. One that cannot be read is logged.
    ByInstance load();
    // Writes the file when the holds of these instances are not what it says. A failure is logged,
    // and costs a restart its memory only.
    void update(const std::vector<vrrp::Standing>& instances);

private:
    std::filesystem::path file_;
    ByInstance saved_;
};

}  // namespace headgate
