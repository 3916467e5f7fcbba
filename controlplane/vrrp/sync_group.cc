#include "controlplane/vrrp/sync_group.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "common/check.h"
#include "common/log.h"

namespace headgate::vrrp {

namespace {

std::string words_of(const SyncMember& member) {
    return fmt::format("{}: {}", member.name(), member.reason());
}

}  // namespace

void SyncGroup::assemble(Instant now, const std::vector<Member>& members) {
    check(!members.empty(), "a sync group has members");
    members_.clear();
    at_ease_ = false;
    bool old_are_masters = true;
    bool any_old = false;
    for (const Member& member : members) {
        members_.push_back(member.instance);
        if (member.fresh)
            continue;
        any_old = true;
        old_are_masters = old_are_masters && member.instance->state() == State::master;
    }
    if (any_old && old_are_masters) {
        for (const Member& member : members) {
            if (member.fresh && member.instance->state() == State::backup)
                member.instance->join_master(now);
        }
    }
    settle(now);
}

bool SyncGroup::settle(Instant now) {
    const bool faults_settled = settle_faults(now);
    // Before the others follow it: who leaves MASTER first knows why.
    const auto leaver = std::ranges::find_if(
        members_, [](const SyncMember* member) { return member->state() == State::backup; });
    const SyncMember* const cause = leaver != members_.end() ? *leaver : nullptr;
    const bool masters_settled = settle_masters(now);
    if (any_in(State::init))
        enter(now, State::init, nullptr);
    else if (any_in(State::fault))
        enter(now, State::fault, find_faulty());
    else if (all_in(State::master))
        enter(now, State::master, members_.back());
    else
        enter(now, State::backup, cause);
    return faults_settled || masters_settled;
}

// keepalived's lines, which people and their tools look for.
bool SyncGroup::settle_faults(Instant now) {
    const bool faulty = find_faulty() != nullptr;
    if (!faulty && at_ease_)
        return false;
    if (faulty && state_ != State::fault)
        log::info("VRRP_Group({}) Syncing instances to FAULT state", name_);
    else if (!faulty && state_ == State::fault)
        log::info("VRRP_Group({}) Leaving FAULT state", name_);
    for (SyncMember* const member : members_) {
        // A member that has a fault, too, stays down for the others' sake when its own is over.
        const SyncMember* const other = find_faulty(member);
        member->set_group_fault(now, other != nullptr ? words_of(*other) : "");
    }
    at_ease_ = !faulty;
    return true;
}

bool SyncGroup::settle_masters(Instant now) {
    if (all_in(State::master))
        return false;
    if (any_in(State::master)) {
        log::info("VRRP_Group({}) Syncing instances to BACKUP state", name_);
        for (SyncMember* const member : members_) {
            if (member->state() == State::master)
                member->step_back(now);
        }
        return true;
    }
    if (!std::ranges::all_of(members_, &SyncMember::wants_master))
        return false;
    log::info("VRRP_Group({}) Syncing instances to MASTER state", name_);
    for (SyncMember* const member : members_)
        member->take_over(now);
    return true;
}

// `cause`: the member whose reason is the group's; null before the start.
void SyncGroup::enter(Instant now, State state, const SyncMember* cause) {
    // In FAULT another cause may have taken the place of the first.
    if (state == state_ && state != State::fault)
        return;
    reason_ = cause != nullptr ? words_of(*cause) : state == State::init ? "not started" : "";
    if (std::exchange(state_, state) == state)
        return;
    since_ = now;
    if (state == State::master)
        ++became_master_;
}

// Null: no member has a fault of its own.
const SyncMember* SyncGroup::find_faulty(const SyncMember* other_than) const {
    const auto faulty = std::ranges::find_if(members_, [&](const SyncMember* member) {
        return member != other_than && member->has_fault();
    });
    return faulty != members_.end() ? *faulty : nullptr;
}

bool SyncGroup::all_in(State state) const {
    return std::ranges::all_of(members_,
                               [&](const SyncMember* member) { return member->state() == state; });
}

bool SyncGroup::any_in(State state) const {
    return std::ranges::any_of(members_,
                               [&](const SyncMember* member) { return member->state() == state; });
}

GroupStatus SyncGroup::status(Instant now, std::chrono::system_clock::time_point wall_now) const {
    const auto since = wall_now - (now - since_);
    GroupStatus status{
        .name = name_,
        .state = state_,
        .reason = reason_,
        .last_transition_unix_ms =
            std::chrono::duration_cast<std::chrono::milliseconds>(since.time_since_epoch()).count(),
        .became_master = became_master_,
        .members = {},
    };
    for (const SyncMember* const member : members_)
        status.members.push_back(member->name());
    return status;
}

}  // namespace headgate::vrrp
