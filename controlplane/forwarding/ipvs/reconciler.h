// Reconciler: keeps the kernel's IPVS equal to the latest table. Main thread; blocks as Kernel
// does.
//
// What it knows of the kernel is never half-way: after an operation that failed, and at every
// check(), it lists the kernel's table anew. Services that are not in a table, and never were in
// one of ours, are left alone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "controlplane/forwarding/ipvs/kernel.h"

namespace headgate::forwarding::ipvs {

class Reconciler {
public:
    using OwnersHandler = std::function<void(const std::set<ServiceKey>& ours)>;

    // `ours` are services that a former run has left; `on_owners` is told before there are others.
    // Requires: `kernel` outlives the reconciler.
    Reconciler(Kernel& kernel, std::set<ServiceKey> ours, OwnersHandler on_owners);

    // Makes the kernel do what `table` says, from what is known of it. `flush_first`: the first
    // time, all services go, whoever has made them.
    void apply(Table table, bool flush_first);

    // Lists the kernel's table and puts back what somebody else has changed; tries again what
    // failed.
    void check();

    // Takes away what is ours, or everything, and puts the kernel's settings back.
    void stop(bool flush);

    // There is something to keep, or to take away.
    [[nodiscard]] bool is_needed() const { return !ours_.empty() || !table_.ours.empty(); }
    // The latest table is for a case that has not come yet.
    [[nodiscard]] bool is_standby() const { return table_.standby; }
    // Why the kernel is not there at all, in words; empty while it answers.
    [[nodiscard]] const std::string& error() const { return error_; }
    // What it does not do, though it answers, and why.
    using Failures = std::map<ServiceKey, std::string>;
    [[nodiscard]] const Failures& failures() const { return failures_; }
    // What of its settings it has not, and why, in words; empty: all that was wanted.
    [[nodiscard]] const std::string& settings_error() const { return settings_error_; }
    // The kernel has been asked, and answers.
    [[nodiscard]] bool is_up() const { return open_ && error_.empty(); }
    // How many changes of others it has put back.
    [[nodiscard]] std::uint64_t repairs() const { return repairs_; }

    // The services of the table, as the kernel has them now.
    [[nodiscard]] Result<std::vector<ListedService>> list() const;
    [[nodiscard]] std::optional<Info> info() const { return info_; }

private:
    enum class Outcome : std::uint8_t { done, surprised, refused };

    bool open();
    void reconcile(bool list_anew);
    bool list_anew();
    Outcome perform(const std::vector<Operation>& operations, bool is_last_try);
    void own(std::set<ServiceKey> ours);
    void settle_settings();
    Result<void> settle_timeouts();
    Result<void> settle_sysctls();
    void put_settings_back();
    void note_repairs(const std::vector<Operation>& operations);
    void fail_with(const Error& error);
    void note_failures(Failures failures);
    void complain(const std::string& message) const;

    Kernel& kernel_;
    std::set<ServiceKey> ours_;
    OwnersHandler on_owners_;
    Table table_;
    bool open_ = false;
    bool flush_due_ = false;
    bool flushed_ = false;
    std::optional<Info> info_;
    std::optional<std::vector<Service>> believed_;  // what the kernel has; absent: not known
    std::optional<Timeouts> timeouts_before_;       // the kernel's own, when ours differ
    std::map<std::string, int> sysctls_before_;     // likewise
    std::string settings_error_;
    std::string error_;
    Failures failures_;
    std::uint64_t repairs_ = 0;
};

}  // namespace headgate::forwarding::ipvs
