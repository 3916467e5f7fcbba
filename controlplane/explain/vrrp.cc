// See explain.h: VRRP instances. The predictions follow RFC 9568 6.4 as vrrp/fsm.h does.
#include <algorithm>
#include <optional>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/algorithm/string/join.hpp>

#include "controlplane/explain/explain.h"
#include "controlplane/explain/words.h"

namespace headgate::explain {

namespace {

constexpr std::uint32_t priority_owner = 255;
constexpr std::int64_t priority_min = 1;
constexpr std::int64_t priority_max = 254;

// A tracker without a weight decides between FAULT and not; the others add to the priority.
bool is_gate(const api::TrackerStatus& tracker) {
    return tracker.faults() || tracker.faults_up() || tracker.faults_down();
}

// In which direction it would change over; nothing where there is none.
std::optional<std::string> change_of(const api::TrackerStatus& tracker) {
    if (tracker.state() == "up")
        return fmt::format("if {} fails", tracker.name());
    if (tracker.state() == "down")
        return fmt::format("if {} recovers", tracker.name());
    if (tracker.state() == "unknown")
        return fmt::format("if {} comes up", tracker.name());
    return std::nullopt;
}

std::string name_of(const api::TrackerStatus& tracker) {
    return fmt::format("{} {}", tracker.kind(), tracker.name());
}

std::string state_words(const api::TrackerStatus& tracker) {
    std::string words = tracker.state() == "unknown"
                            ? name_of(tracker) + " has no result yet"
                            : fmt::format("{} is {}", name_of(tracker), tracker.state());
    if (!tracker.detail().empty())
        words += ": " + tracker.detail();
    return words;
}

class Explanation {
public:
    Explanation(const api::VrrpStatus& instance, std::int64_t now_unix_ms)
        : instance_(instance), now_(now_unix_ms) {
        why_.set_object(instance.name());
        why_.set_kind("vrrp_instance");
        why_.set_state(instance.state());
        *why_.mutable_vrrp() = instance;
    }

    api::Why run() {
        if (instance_.state() == "MASTER")
            as_master();
        else if (instance_.state() == "BACKUP")
            as_backup();
        else
            as_idle();
        say_problems();
        return std::move(why_);
    }

private:
    [[nodiscard]] const std::string& name() const { return instance_.name(); }
    [[nodiscard]] bool is_held() const { return instance_.has_hold(); }
    [[nodiscard]] std::string hold_left() const {
        return time_words(instance_.hold().until_unix_ms() - now_);
    }

    // The words of the last transition belong to an INIT, a FAULT and a MASTER; what keeps a backup
    // a backup is who the master is.
    void as_master() {
        why_.set_summary(
            fmt::format("{} is MASTER since {}: {}.", name(), since(), instance_.reason()));
        say_arithmetic();
        why_.add_facts(fmt::format(
            "an advert every {}, {} sent, at most {} late; {}",
            time_words(instance_.advert_interval_ms()), instance_.adverts_sent(),
            time_words(static_cast<std::int64_t>(instance_.advert_lateness().worst_us() / 1000)),
            refused_words()));
        why_.add_facts(heard_words());
        say_group();
        next(fmt::format("if an advert with a priority above {} is heard, or with {} from an "
                         "address above {}",
                         instance_.priority(), instance_.priority(), instance_.own_address()),
             "BACKUP at once");
        predict_trackers();
    }

    void as_backup() {
        why_.set_summary(fmt::format("{} is BACKUP: {}.", name(), backup_reason()));
        say_arithmetic();
        const std::string silence = time_words(instance_.master_down_interval_ms());
        if (instance_.master_address().empty())
            why_.add_facts(fmt::format("it became BACKUP {} ago: {}", since(), instance_.reason()));
        why_.add_facts(fmt::format("{}, interval {}, takeover after {} silence; {}",
                                   last_advert_words(), time_words(instance_.advert_interval_ms()),
                                   silence, refused_words()));
        say_group();
        if (is_held())
            next(
                fmt::format("in {}, or after `headgate failover {} --cancel`", hold_left(), name()),
                return_words());
        if (instance_.master_address().empty()) {
            next("if no advert is heard", fmt::format("MASTER within {}", silence));
        } else {
            next(fmt::format("if {} falls silent", instance_.master_address()),
                 fmt::format("MASTER after {}", silence));
            next(fmt::format("if {} stops in order", instance_.master_address()),
                 fmt::format("MASTER after {}", time_words(instance_.skew_ms())));
        }
        predict_trackers();
    }

    void as_idle() {
        why_.set_summary(fmt::format("{} is in {} since {}: {}.", name(), instance_.state(),
                                     since(), instance_.reason()));
        say_arithmetic();
        for (const api::TrackerStatus& tracker : instance_.trackers()) {
            if (tracker.faults())
                why_.add_facts(state_words(tracker) + ", which keeps it in FAULT");
        }
        say_group();
        next("when this is over",
             fmt::format("BACKUP, and MASTER after {} unless a router with a priority of {} or "
                         "more is heard",
                         time_words(instance_.master_down_interval_ms()), instance_.priority()));
    }

    [[nodiscard]] std::string since() const {
        return time_words(now_ - instance_.last_transition_unix_ms());
    }

    [[nodiscard]] std::string backup_reason() const {
        const std::string& master = instance_.master_address();
        const std::uint32_t theirs = instance_.master_priority();
        const std::uint32_t ours = instance_.priority();
        std::string words;
        if (is_held()) {
            words = fmt::format("it was told to step down, and holds back for {}", hold_left());
            if (!instance_.hold().reason().empty())
                words += fmt::format(" ({})", instance_.hold().reason());
            words += "; ";
        }
        if (master.empty())
            return words + "it waits for the adverts of a master";
        if (theirs > ours)
            return words + fmt::format("{} advertises {}, ours is {}", master, theirs, ours);
        if (theirs == ours)
            return words + fmt::format(
                               "{} advertises {}, as much as ours, and a backup preempts a "
                               "lower priority only",
                               master, theirs);
        if (is_held())
            return words + fmt::format("{} advertises {}, ours is {}", master, theirs, ours);
        if (!instance_.preempt())
            return fmt::format("{} advertises {}, ours is {}, but `nopreempt` lets it stay", master,
                               theirs, ours);
        if (instance_.preempt_allowed_unix_ms() > now_)
            return fmt::format(
                "{} advertises {}, ours is {}, and preempt_delay lets it stay for {}", master,
                theirs, ours, time_words(instance_.preempt_allowed_unix_ms() - now_));
        return fmt::format("{} advertises {}, ours is {}, and it is about to take over", master,
                           theirs, ours);
    }

    // "100 = base 120 - 20 (track_script chk is down: exit status 1)"
    void say_arithmetic() {
        const std::uint32_t base = instance_.base_priority();
        if (base == priority_owner) {
            why_.add_facts("priority 255: it owns the addresses, nothing changes that");
            return;
        }
        std::int64_t sum = base;
        std::string terms = fmt::format("{} = base {}", instance_.priority(), base);
        std::vector<std::string> silent;
        for (const api::TrackerStatus& tracker : instance_.trackers()) {
            if (is_gate(tracker))
                continue;
            if (tracker.contribution() == 0) {
                silent.push_back(state_words(tracker));
                continue;
            }
            sum += tracker.contribution();
            terms += fmt::format(" {} {} ({})", tracker.contribution() < 0 ? '-' : '+',
                                 std::abs(tracker.contribution()), state_words(tracker));
        }
        if (sum != std::clamp(sum, priority_min, priority_max))
            terms += fmt::format(", kept within {} to {}", priority_min, priority_max);
        if (terms.find('(') == std::string::npos)
            terms = fmt::format("priority {}: nothing that is tracked changes it",
                                instance_.priority());
        why_.add_facts(terms);
        for (const std::string& words : silent)
            why_.add_facts("+ 0 " + words);
    }

    [[nodiscard]] std::string last_advert_words() const {
        if (instance_.last_heard().unix_ms() == 0)
            return "no advert was ever heard";
        return fmt::format("last advert {} ago",
                           time_words(now_ - instance_.last_heard().unix_ms()));
    }

    [[nodiscard]] std::string heard_words() const {
        const api::HeardAdvert& heard = instance_.last_heard();
        if (heard.unix_ms() == 0)
            return "no advert of another router was ever heard; a backup is silent, so there may "
                   "be some";
        return fmt::format(
            "the last advert of another router was that of {}, priority {}, {} ago{}",
            heard.source(), heard.priority(), time_words(now_ - heard.unix_ms()),
            heard.resigned() ? "; it resigned then" : "");
    }

    [[nodiscard]] std::string refused_words() const {
        if (instance_.adverts_refused() == 0)
            return "0 adverts rejected";
        return fmt::format("{} adverts rejected, the last for {}", instance_.adverts_refused(),
                           instance_.last_refused().error());
    }

    void say_group() {
        if (!instance_.has_sync_group())
            return;
        const api::SyncGroupStatus& group = instance_.sync_group();
        why_.add_facts(
            fmt::format("its sync group {} ({}), which goes from state to state as a whole, is {} "
                        "since {}: {}",
                        group.name(), boost::algorithm::join(group.members(), ", "), group.state(),
                        time_words(now_ - group.last_transition_unix_ms()), group.reason()));
    }

    void say_problems() {
        if (instance_.has_second_master()) {
            const api::SecondMaster& second = instance_.second_master();
            why_.add_problems(fmt::format(
                "SPLIT BRAIN: {} with priority {} is MASTER, too, for {}: it does not hear the "
                "adverts of {}, or refuses them. Look there for refused adverts (authentication, "
                "version, interval), and between the two for a filter of VRRP or multicast",
                second.address(), second.priority(), time_words(now_ - second.since_unix_ms()),
                instance_.own_address()));
        }
        if (instance_.last_refused().unix_ms() != 0)
            why_.add_problems(fmt::format("advert from {} refused {} ago: {}",
                                          instance_.last_refused().source(),
                                          time_words(now_ - instance_.last_refused().unix_ms()),
                                          instance_.last_refused().detail()));
        // A refused advert is a warning while it is news.
        const bool is_said = instance_.has_last_refused() &&
                             instance_.warning().ends_with(instance_.last_refused().detail());
        if (!instance_.warning().empty() && !is_said)
            why_.add_problems(instance_.warning());
        for (const api::VipStatus& vip : instance_.vips()) {
            if (instance_.state() == "MASTER" && !vip.present())
                why_.add_problems(fmt::format("{} is not on {}", vip.address(), vip.interface()));
        }
    }

    void next(std::string condition, std::string consequence) {
        api::Consequence& added = *why_.add_next();
        added.set_condition(std::move(condition));
        added.set_consequence(std::move(consequence));
    }

    // The priority if the tracker changed over.
    [[nodiscard]] std::int64_t priority_after(const api::TrackerStatus& tracker) const {
        std::int64_t sum = instance_.base_priority();
        for (const api::TrackerStatus& each : instance_.trackers()) {
            if (&each != &tracker)
                sum += each.contribution();
        }
        sum += tracker.state() == "up" ? tracker.contribution_down() : tracker.contribution_up();
        return std::clamp(sum, priority_min, priority_max);
    }

    void predict_trackers() {
        if (instance_.base_priority() == priority_owner)
            return;
        for (const api::TrackerStatus& tracker : instance_.trackers()) {
            const std::optional<std::string> change = change_of(tracker);
            if (!change)
                continue;
            if (is_gate(tracker)) {
                const bool then =
                    tracker.state() == "up" ? tracker.faults_down() : tracker.faults_up();
                if (then && !tracker.faults())
                    next(*change, "FAULT: it is tracked without a weight");
                continue;
            }
            const std::int64_t priority = priority_after(tracker);
            if (priority != instance_.priority())
                next(*change,
                     instance_.state() == "MASTER" ? master_with(priority) : backup_with(priority));
        }
    }

    [[nodiscard]] std::string master_with(std::int64_t priority) const {
        const api::HeardAdvert& heard = instance_.last_heard();
        if (heard.unix_ms() == 0 || heard.resigned())
            return fmt::format("priority {}; a backup with more takes over", priority);
        if (heard.priority() > priority)
            return fmt::format("{} < {} of {}, which takes over if it is still there", priority,
                               heard.priority(), heard.source());
        return fmt::format("{}, not below the {} of {}: it stays MASTER", priority,
                           heard.priority(), heard.source());
    }

    [[nodiscard]] std::string backup_with(std::int64_t priority) const {
        const std::int64_t theirs = instance_.master_priority();
        if (instance_.master_address().empty())
            return fmt::format("priority {}", priority);
        if (priority <= theirs)
            return fmt::format("{}, not above {}: it stays BACKUP", priority, theirs);
        if (is_held())
            return fmt::format("{} > {}, but it holds back for {}", priority, theirs, hold_left());
        if (!instance_.preempt())
            return fmt::format("{} > {}, but `nopreempt` keeps it BACKUP", priority, theirs);
        return fmt::format("{} > {}, MASTER {}", priority, theirs, preemption_words(priority));
    }

    [[nodiscard]] std::string preemption_words(std::int64_t priority) const {
        if (instance_.preempt_delay_ms() > 0)
            return fmt::format("after preempt_delay {}s", instance_.preempt_delay_ms() / 1000.0);
        // The skew is a share of what 256 - priority is a share of.
        const std::int64_t skew = instance_.skew_ms();
        const std::int64_t divisor = std::max<std::int64_t>(1, 256 - instance_.priority());
        const std::int64_t interval =
            instance_.master_down_interval_ms() - skew + skew * (256 - priority) / divisor;
        return fmt::format("within {}", time_words(interval));
    }

    [[nodiscard]] std::string return_words() const {
        const std::int64_t priority = instance_.priority();
        if (instance_.master_address().empty() || priority > instance_.master_priority()) {
            if (!instance_.preempt())
                return "`nopreempt` keeps it BACKUP until the master is gone";
            if (!instance_.master_address().empty())
                return fmt::format("{} > {}, MASTER {}", priority, instance_.master_priority(),
                                   preemption_words(priority));
        }
        return "it is a backup like any other";
    }

    const api::VrrpStatus& instance_;
    std::int64_t now_;
    api::Why why_;
};

}  // namespace

api::Why explain_vrrp(const api::VrrpStatus& instance, std::int64_t now_unix_ms) {
    return Explanation(instance, now_unix_ms).run();
}

}  // namespace headgate::explain
