// Which processes are those of a vrrp_track_process, and whether there are enough. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "controlplane/config/model_tracking.h"

namespace headgate::track {

// What /proc says of a process.
struct ProcessInfo {
    std::string name;                // comm: at most 15 bytes
    std::vector<std::string> words;  // cmdline; empty for kernel threads
};

// /proc/PID/cmdline: words, each ended by a zero byte.
std::vector<std::string> split_command_line(std::string_view text);

bool matches(const config::TrackProcess& process, const ProcessInfo& info);

inline bool has_quorum(const config::TrackProcess& process, std::size_t count) {
    return count >= process.quorum && count <= process.quorum_max;
}

}  // namespace headgate::track
