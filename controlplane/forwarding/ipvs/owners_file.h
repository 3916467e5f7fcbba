// OwnersFile: which services and sync daemons of the kernel are ours, kept in a file of the run
// directory, so that a headgated that was killed leaves nothing that the next one takes for
// somebody else's. Main thread.
#pragma once

#include <filesystem>
#include <set>

#include "controlplane/forwarding/ipvs/sync_daemon.h"
#include "controlplane/forwarding/ipvs/table.h"

namespace headgate::forwarding::ipvs {

struct Owned {
    std::set<ServiceKey> services;
    std::set<SyncRole> sync_roles;
};

class OwnersFile {
public:
    explicit OwnersFile(std::filesystem::path file) : file_(std::move(file)) {}

    // Nothing when there is no file. One that cannot be read is logged.
    [[nodiscard]] Owned load() const;
    // A failure is logged, and costs a restart its memory only.
    void save(const Owned& ours) const;

private:
    std::filesystem::path file_;
};

}  // namespace headgate::forwarding::ipvs
