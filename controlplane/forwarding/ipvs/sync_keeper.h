// SyncKeeper: keeps the kernel's sync daemons those that are wanted. Main thread; blocks as Kernel
// does.
//
// Like the Reconciler it knows nothing half-way: it lists what runs before it changes anything. A
// daemon whose role is in no configuration of ours is left alone; with one that is, both roles are
// ours, since the kernel has one of each.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "controlplane/forwarding/ipvs/kernel.h"
#include "controlplane/forwarding/ipvs/sync_daemon.h"

namespace headgate::forwarding::ipvs {

class SyncKeeper {
public:
    using OwnersHandler = std::function<void(const std::set<SyncRole>& ours)>;

    // `ours` are what a former run may have left; `on_owners` is told before there are others.
    // Requires: `kernel` outlives this.
    SyncKeeper(Kernel& kernel, std::set<SyncRole> ours, OwnersHandler on_owners);

    // From now on these run, and no others of ours.
    void apply(std::vector<SyncDaemon> wanted);
    // Looks what runs, and starts again what has been stopped; tries again what failed.
    void check();
    // Stops what is ours.
    void stop() { apply({}); }

    [[nodiscard]] bool is_needed() const { return !wanted_.empty() || !ours_.empty(); }
    [[nodiscard]] const std::vector<SyncDaemon>& wanted() const { return wanted_; }
    // Why one does not run, in words; empty: it does.
    [[nodiscard]] std::string error_of(SyncRole role) const;
    // Why one that is not to run cannot be stopped, in words; empty: none is left.
    [[nodiscard]] std::string trouble_of_others() const;
    // How many changes of others it has put back.
    [[nodiscard]] std::uint64_t repairs() const { return repairs_; }

private:
    bool open();
    void reconcile(bool is_check);
    void perform(const std::vector<SyncStep>& steps);
    void own(std::set<SyncRole> ours);
    void fail_all_with(const Error& error);
    void note_errors(std::map<SyncRole, std::string> errors);

    Kernel& kernel_;
    std::set<SyncRole> ours_;
    OwnersHandler on_owners_;
    std::vector<SyncDaemon> wanted_;
    bool open_ = false;
    bool settled_ = false;  // what is wanted was there when it was last looked at
    std::map<SyncRole, std::string> errors_;
    std::uint64_t repairs_ = 0;
};

}  // namespace headgate::forwarding::ipvs
