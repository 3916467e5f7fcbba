// What instances and sync groups track, and what a tracker's verdict does to them. Part of model.h.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/clock.h"
#include "common/net.h"

namespace headgate::config {

enum class TrackerKind : std::uint8_t { interface, script, file, process, bfd, virtual_server };

struct TrackerId {
    TrackerKind kind = TrackerKind::script;
    // That of its definition; of an interface its own; of a virtual server "192.0.2.10:80/tcp".
    std::string name{};
    auto operator<=>(const TrackerId&) const = default;
};

// One line of a track_* block, with the weight of the definition where it gives none.
struct TrackerUse {
    TrackerId tracker{};
    // 0: the instance is in FAULT while the tracker is down. Otherwise it changes the priority:
    // above 0 it is added while the tracker is up, below 0 while it is down; a file's number is
    // multiplied with it.
    int weight = 0;
    bool reverse = false;  // the opposite: subtracted; in FAULT while the tracker is up
    bool operator==(const TrackerUse&) const = default;
};

// A program that is run for the configuration, not a line for a shell.
struct Command {
    std::vector<std::string> words{};  // the program, then its arguments; never empty in a model
    std::string user{};                // empty: that of script_user
    std::string group{};               // empty: the user's own
    bool operator==(const Command&) const = default;
};

// How programs are run: the script keywords of global_defs.
struct ScriptRules {
    std::string user{};          // empty: keepalived_script where that user exists, else root
    std::string group{};         // empty: the user's own
    bool security = false;       // programs that others than root could change do not run
    bool keep_symlinks = false;  // run under the name that was written
    bool supplementary_groups = false;  // give the user's other groups, too
    bool operator==(const ScriptRules&) const = default;
};

struct TrackScript {
    std::string name{};
    Command command{};
    Duration interval = std::chrono::seconds(1);
    Duration timeout = std::chrono::seconds(1);
    std::uint32_t rise = 1;  // successes in a row that make it up
    std::uint32_t fall = 1;  // failures in a row that make it down
    bool init_fail = false;  // down until it has risen, instead of unknown until the first run
    bool operator==(const TrackScript&) const = default;
};

struct TrackFile {
    std::string name{};
    std::string path{};
    std::optional<std::int64_t> initial_value{};  // written at start where there is no file
    bool overwrite = false;                       // written at start in any case
    bool operator==(const TrackFile&) const = default;
};

struct TrackProcess {
    enum class Parameters : std::uint8_t { exact, initial, partial };

    std::string name{};
    std::string program{};                  // compared with the name or, with a '/', the path
    std::vector<std::string> parameters{};  // looked at when any, or when match says so
    bool compare_parameters = false;
    Parameters match = Parameters::exact;
    bool full_command = false;  // compare the first word of the command line, not the name
    std::uint32_t quorum = 1;
    std::uint32_t quorum_max = std::numeric_limits<std::uint32_t>::max();
    Duration fork_delay{};       // how long the quorum must have been there before it counts
    Duration terminate_delay{};  // likewise, been lost
    bool operator==(const TrackProcess&) const = default;
};

// interface_up_down_delays.
struct InterfaceDelay {
    std::string interface {};
    Duration down{};
    Duration up{};
    bool operator==(const InterfaceDelay&) const = default;
};

// What a definition says for those who use it without a weight of their own.
struct TrackerWeight {
    int weight = 0;
    bool reverse = false;
    bool operator==(const TrackerWeight&) const = default;
};

// What is tracked and how programs are run. Definitions that nobody uses are in it, too.
struct Trackers {
    ScriptRules script_rules;
    std::vector<TrackScript> scripts{};
    std::vector<TrackFile> files{};
    std::vector<TrackProcess> processes{};
    std::map<TrackerId, TrackerWeight> weights{};
    std::uint32_t process_buffer_bytes = 1 << 20;  // for what the kernel tells of processes
    bool operator==(const Trackers&) const = default;
};

}  // namespace headgate::config
