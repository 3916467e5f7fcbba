// Stories for the state machine: each step is an event at a time, and what the machine must answer,
// written as one line of text. Time is a parameter, so nothing waits.
#pragma once

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controlplane/vrrp/fsm.h"
#include "tests/unit/vrrp/addresses.h"
#include "tests/unit/vrrp/story_time.h"

namespace headgate::vrrp {

inline const IpAddress lower_address = *IpAddress::parse("10.0.0.4");
inline const IpAddress higher_address = *IpAddress::parse("10.0.0.6");

inline std::string text_of(const Action& action) {
    switch (action.kind) {
        case Action::Kind::send_advert:
            return fmt::format("advert {}", action.priority);
        case Action::Kind::add_vips:
            return "add";
        case Action::Kind::remove_vips:
            return "remove";
        case Action::Kind::send_garps:
            return "garp";
        case Action::Kind::transition:
            return fmt::format("because {}", describe(action.event));
        case Action::Kind::note:
            return fmt::format("note {}", describe(action.event));
    }
    return "?";
}

inline std::string text_of(const Actions& actions) {
    std::string text;
    for (const Action& action : actions)
        text += (text.empty() ? "" : ", ") + text_of(action);
    return text;
}

inline const std::string silent =
    "advert 100, because no advert within the master down interval, add, garp";

// Runs one machine through a story; times are from its start.
class Story {
public:
    explicit Story(Parameters parameters) : fsm(parameters) {}

    std::string start(const Start& how = {}) { return text_of(fsm.start(at(0), own, how)); }
    std::string heard(Duration when, std::uint8_t priority,
                      const IpAddress& source = higher_address,
                      Duration interval = std::chrono::seconds(1)) {
        return text_of(fsm.on_advert(
            at(when), {.source = source, .priority = priority, .advert_interval = interval}));
    }
    std::string time(Duration when) { return text_of(fsm.on_deadline(at(when))); }
    std::string down(Duration when) {
        return text_of(fsm.on_fault(at(when), FaultSource::instance));
    }
    std::string up(Duration when) {
        return text_of(fsm.on_recovery(at(when), FaultSource::instance));
    }
    std::string stop(Duration when) { return text_of(fsm.stop(at(when))); }
    std::string yield(Duration when, Duration until) {
        return text_of(fsm.yield(at(when), at(until)));
    }
    std::string reconfigure(Duration when, Parameters parameters, bool group_changed = false) {
        return text_of(fsm.reconfigure(at(when), parameters, group_changed));
    }
    // -1: none.
    [[nodiscard]] std::int64_t deadline_us() const {
        if (!fsm.deadline())
            return -1;
        return std::chrono::duration_cast<std::chrono::microseconds>(*fsm.deadline() - at(0))
            .count();
    }
    // Through the master down timer of a lone router.
    void become_master() {
        start();
        fsm.on_deadline(*fsm.deadline());
        ASSERT_EQ(fsm.state(), State::master);
    }

    Fsm fsm;

    static Instant at(Duration when) { return vrrp::at(when); }
    static Instant at(int when) { return at(std::chrono::seconds(when)); }
};

inline Parameters version2(std::uint8_t priority = 100) {
    return {.version = 2, .priority = priority, .advert_interval = std::chrono::seconds(1)};
}

inline Parameters version3(std::uint8_t priority = 100,
                           Duration interval = std::chrono::milliseconds(100)) {
    return {.version = 3, .priority = priority, .advert_interval = interval};
}

}  // namespace headgate::vrrp
