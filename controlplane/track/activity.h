// What trackers are doing at the moment, beside what they have reported: for keepalived's dump
// files. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace headgate::track {

struct ScriptActivity {
    enum class State : std::uint8_t { idle, running, being_ended };
    State state = State::idle;
    std::uint64_t result = 0;  // keepalived's counter: see ScriptState
    bool operator==(const ScriptActivity&) const = default;
};

struct ProcessActivity {
    std::size_t num_processes = 0;
    bool has_quorum = false;  // as reported, after the delays
    bool may_rise = false;    // the delay of a quorum that has come is under way
    bool may_fall = false;    // ... of one that is lost
    bool operator==(const ProcessActivity&) const = default;
};

// By the name of the definition.
struct Activity {
    std::map<std::string, ScriptActivity> scripts{};
    std::map<std::string, ProcessActivity> processes{};
};

}  // namespace headgate::track
