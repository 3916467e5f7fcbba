// SyncGroup: a vrrp_sync_group. Its members are all MASTER, or none of them is: they become MASTER
// when every one of them wants to, and leave it together. One member in FAULT holds all of them
// there until everything is well again.
//
// It looks at its members after each event of one of them and makes them agree, so it does not
// matter how a disagreement came about. Pure but for the log; VRRP thread only.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"
#include "controlplane/vrrp/status.h"

namespace headgate::vrrp {

// What a group needs of an instance.
class SyncMember {
public:
    virtual ~SyncMember() = default;

    [[nodiscard]] virtual const std::string& name() const = 0;
    [[nodiscard]] virtual State state() const = 0;
    // Why it is in its state, in words.
    [[nodiscard]] virtual const std::string& reason() const = 0;
    // BACKUP, and it would be MASTER if it were in no group.
    [[nodiscard]] virtual bool wants_master() const = 0;
    // A fault of its own: it would be in FAULT if it were in no group.
    [[nodiscard]] virtual bool has_fault() const = 0;

    // Requires: wants_master().
    virtual void take_over(Instant now) = 0;
    // Requires: BACKUP.
    virtual void join_master(Instant now) = 0;
    // Requires: MASTER.
    virtual void step_back(Instant now) = 0;
    // Why the others hold it in FAULT; empty: they do not. Repetitions do nothing.
    virtual void set_group_fault(Instant now, const std::string& why) = 0;
};

class SyncGroup {
public:
    explicit SyncGroup(std::string name) : name_(std::move(name)) {}

    // Who belongs to it from now on; at least one, and they outlive the next call. Those among them
    // that were started just now follow the others into MASTER: a new member does not cost a group
    // its mastership.
    struct Member {
        SyncMember* instance = nullptr;
        bool fresh = false;
    };
    void assemble(Instant now, const std::vector<Member>& members);
    // Call it after each event of a member. True: it told members to do something.
    bool settle(Instant now);

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] State state() const { return state_; }
    // `now` and `wall_now` are the same moment on the two clocks.
    [[nodiscard]] GroupStatus status(Instant now,
                                     std::chrono::system_clock::time_point wall_now) const;

private:
    bool settle_faults(Instant now);
    bool settle_masters(Instant now);
    void enter(Instant now, State state, const SyncMember* cause);
    [[nodiscard]] bool all_in(State state) const;
    [[nodiscard]] bool any_in(State state) const;
    [[nodiscard]] const SyncMember* find_faulty(const SyncMember* other_than = nullptr) const;

    std::string name_;
    std::vector<SyncMember*> members_;
    bool at_ease_ = false;  // every member knows that no other has a fault
    State state_ = State::init;
    std::string reason_;
    Instant since_{};
    std::uint64_t became_master_ = 0;
};

}  // namespace headgate::vrrp
