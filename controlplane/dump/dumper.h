// Dumper: keepalived's dump files, written when a signal asks for them. Main thread only.
//
// The daemon's own counters never go back. Clearing, which keepalived does to its own, sets the
// base from which the dumps count.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "controlplane/config/model.h"
#include "controlplane/dump/files.h"
#include "controlplane/dump/stats.h"
#include "controlplane/track/activity.h"

namespace headgate::dump {

class Dumper {
public:
    explicit Dumper(std::filesystem::path temporary_directory)
        : temporary_directory_(std::move(temporary_directory)) {}

    // Logs keepalived's line, and what went wrong. Without VRRP instances nothing is written, as
    // keepalived has it.
    void write(Kind kind, const config::Config& config,
               const std::vector<vrrp::InstanceStatus>& instances, const track::Activity& activity);
    // The stats, once more; from here on the dumps count from zero.
    void write_stats_and_clear(const config::Config& config,
                               const std::vector<vrrp::InstanceStatus>& instances);

private:
    void store(Kind kind, const config::Config& config, const std::string& text) const;

    std::filesystem::path temporary_directory_;
    Baseline baseline_;
};

}  // namespace headgate::dump
