// What a tracker reports: the vocabulary between the trackers and whoever wires them to VRRP, which
// this folder knows nothing of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/clock.h"
#include "controlplane/config/model_tracking.h"

namespace headgate::track {

struct Verdict {
    enum class Kind : std::uint8_t {
        up,
        down,
        value,     // a file's number
        disabled,  // it cannot be watched; it must not have any effect
    };

    Kind kind = Kind::up;
    std::int64_t value = 0;
    Instant since{};
    std::string detail{};  // completes "track_script chk ...": "failed 3/3"
    std::string cause{};   // why: `exit 1 "connection refused"`; may be empty
    bool operator==(const Verdict&) const = default;
};

// Called on the main thread, also from within configure().
using Report = std::function<void(const config::TrackerId& id, const Verdict& verdict)>;

}  // namespace headgate::track
