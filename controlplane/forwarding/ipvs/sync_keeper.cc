#include "controlplane/forwarding/ipvs/sync_keeper.h"

#include <algorithm>
#include <utility>

#include "common/log.h"

namespace headgate::forwarding::ipvs {

SyncKeeper::SyncKeeper(Kernel& kernel, std::set<SyncRole> ours, OwnersHandler on_owners)
    : kernel_(kernel), ours_(std::move(ours)), on_owners_(std::move(on_owners)) {}

void SyncKeeper::apply(std::vector<SyncDaemon> wanted) {
    if (settled_ && wanted == wanted_)
        return;
    wanted_ = std::move(wanted);
    if (is_needed())
        reconcile(false);
}

void SyncKeeper::check() {
    if (is_needed())
        reconcile(true);
}

std::string SyncKeeper::error_of(SyncRole role) const {
    const auto found = errors_.find(role);
    return found == errors_.end() ? "" : found->second;
}

std::string SyncKeeper::trouble_of_others() const {
    std::string trouble;
    for (const auto& [role, message] : errors_) {
        if (std::ranges::find(wanted_, role, &SyncDaemon::role) == wanted_.end())
            trouble += (trouble.empty() ? "" : "; ") + message;
    }
    return trouble;
}

bool SyncKeeper::open() {
    if (open_)
        return true;
    if (const auto opened = kernel_.open(); !opened) {
        fail_all_with(opened.error());
        return false;
    }
    open_ = true;
    return true;
}

void SyncKeeper::reconcile(bool is_check) {
    if (!open())
        return;
    if (!wanted_.empty())
        own({SyncRole::master, SyncRole::backup});
    const bool was_settled = std::exchange(settled_, false);
    const auto running = kernel_.sync_daemons();
    if (!running)
        return fail_all_with(running.error());
    const std::vector<SyncStep> steps = plan_sync(*running, wanted_, ours_);
    if (is_check && was_settled) {
        repairs_ += steps.size();
        for (const SyncStep& step : steps)
            log::warn("IPVS: somebody else has changed the sync daemons: {}", step.to_string());
    }
    perform(steps);
    settled_ = errors_.empty();
    if (settled_ && wanted_.empty())
        own({});
}

// What could not be done is tried again with the next check.
void SyncKeeper::perform(const std::vector<SyncStep>& steps) {
    std::map<SyncRole, std::string> errors;
    for (const SyncStep& step : steps) {
        const SyncRole role = step.daemon.role;
        if (errors.contains(role))
            continue;  // the other one still runs
        const auto done = step.starts ? kernel_.start_sync(step.daemon) : kernel_.stop_sync(role);
        if (!done)
            errors.emplace(role, done.error().message);
        else
            log::info("IPVS: {}", step.to_string());
    }
    note_errors(std::move(errors));
}

void SyncKeeper::own(std::set<SyncRole> ours) {
    if (ours == ours_)
        return;
    ours_ = std::move(ours);
    on_owners_(ours_);
}

void SyncKeeper::fail_all_with(const Error& error) {
    std::map<SyncRole, std::string> errors;
    for (const SyncDaemon& daemon : wanted_)
        errors.emplace(daemon.role, error.message);
    if (wanted_.empty())  // and so one is to stop
        errors.emplace(*ours_.begin(), error.message);
    note_errors(std::move(errors));
}

// Each is logged once, however often it is tried.
void SyncKeeper::note_errors(std::map<SyncRole, std::string> errors) {
    for (const auto& [role, message] : errors) {
        if (error_of(role) != message)
            log::error("{}", message);
    }
    errors_ = std::move(errors);
}

}  // namespace headgate::forwarding::ipvs
