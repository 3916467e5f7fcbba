// What can happen to an instance: the reasons of transitions, and what is worth a line without
// being one. Each has a sentence for people and a name for counters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "common/x_list.h"

namespace headgate::vrrp {

// X(enumerator, words); the words say why an instance is in its state.
#define HEADGATE_VRRP_EVENTS(X)                                                     \
    /* reasons of transitions */                                                    \
    X(not_started, "not started")                                                   \
    X(started, "started")                                                           \
    X(resumed, "it was MASTER a moment ago, and its lease has not ended")           \
    X(fault, "something it needs is not there")                                     \
    X(group_fault, "its sync group is in FAULT")                                    \
    X(recovered, "what was wrong is over")                                          \
    X(owner, "priority 255 owns the addresses")                                     \
    X(master_silent, "no advert within the master down interval")                   \
    X(master_resigned, "the master resigned (priority 0)")                          \
    X(master_weaker, "the master has a lower priority")                             \
    X(higher_priority_heard, "an advert with a higher priority was heard")          \
    X(rogue_owner, "another router owns the addresses, too, and does not yield")    \
    X(timer_late, "its timer was so late that another router has taken over")       \
    X(group_backup, "another member of its sync group is not MASTER")               \
    X(group_master, "it joined a sync group that is MASTER")                        \
    X(yielded, "it was told to step down")                                          \
    X(nobody_took_over, "no other router took over")                                \
    X(stopped, "stopped")                                                           \
    /* no transition */                                                             \
    X(weaker_discarded, "an advert with a lower priority was ignored")              \
    X(resignation_heard, "the master resigned")                                     \
    X(forcing_election, "another master with a lower priority was heard")           \
    X(weaker_tolerated, "another master with a lower priority was heard; no reply") \
    X(preempt_delay_started, "the preempt delay has begun")                         \
    X(preempt_delay_stopped, "a stronger master ended the preempt delay")           \
    X(two_owners, "another router owns the addresses, too (priority 255)")          \
    X(own_address_heard, "an advert with our own address and priority was heard")   \
    X(reconfigured, "its configuration has changed")                                \
    X(split_brain_begun, "two masters: one with a lower priority does not yield")   \
    X(split_brain_ended, "the second master is silent")

enum class Event : std::uint8_t { HEADGATE_VRRP_EVENTS(HEADGATE_ENUMERATOR) };

inline constexpr std::size_t num_events = static_cast<std::size_t>(Event::split_brain_ended) + 1;

[[nodiscard]] std::string_view describe(Event event);
// The enumerator's name, as counters are called.
[[nodiscard]] std::string_view name_of(Event event);

}  // namespace headgate::vrrp
