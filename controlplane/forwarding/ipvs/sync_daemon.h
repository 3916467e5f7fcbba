// SyncDaemon: a thread of the kernel that tells other directors what connections IPVS has here
// (master), or learns theirs (backup). There is one of each at most. Pure.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/net.h"

namespace headgate::config {
struct SyncDaemon;
}

namespace headgate::forwarding::ipvs {

enum class SyncRole : std::uint8_t { master = 1, backup = 2 };  // the kernel's numbers

std::string_view to_word(SyncRole role);  // "master", "backup"

struct SyncDaemon {
    SyncRole role = SyncRole::backup;
    std::string interface;
    std::uint8_t id = 0;            // the daemons of other directors with the same one belong to it
    std::uint16_t payload_max = 0;  // bytes of a packet behind its headers; 0: the kernel's choice
    IpAddress group;                // multicast
    std::uint16_t port = 0;
    std::uint8_t ttl = 0;
    bool operator==(const SyncDaemon&) const = default;

    // "the master sync daemon on eth0"
    [[nodiscard]] std::string to_string() const;
};

// Those that a configuration asks for: that of the state of its VRRP instance, or both when it
// names none.
std::vector<SyncDaemon> sync_daemons_of(const config::SyncDaemon& asked, bool is_master);

// Whether `running`, as the kernel lists it, is what was asked for: the kernel fills in a size that
// was left to it, and corrects one that it cannot have.
bool is_as_asked(const SyncDaemon& running, const SyncDaemon& asked);

struct SyncStep {
    bool starts = false;  // else it stops
    SyncDaemon daemon;
    bool operator==(const SyncStep&) const = default;

    // "start the master sync daemon on eth0"
    [[nodiscard]] std::string to_string() const;
};

// From what runs to what is wanted: first what has to stop, then what has to start. One that is not
// wanted stops if its role is in `ours`.
std::vector<SyncStep> plan_sync(const std::vector<SyncDaemon>& running,
                                const std::vector<SyncDaemon>& wanted,
                                const std::set<SyncRole>& ours);

}  // namespace headgate::forwarding::ipvs
