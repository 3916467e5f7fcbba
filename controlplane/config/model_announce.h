// The typed configuration of gratuitous ARPs and unsolicited Neighbour Advertisements: when an
// instance announces its addresses, and how fast that may go. See model.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "common/clock.h"

namespace headgate::config {

// Of one instance. A block is every address once, as many times as its `repeat` says.
struct Announcing {
    std::uint32_t repeat = 5;         // of the block of a new MASTER
    std::chrono::seconds delay{5};    // until the second such block; 0: there is none
    std::chrono::seconds refresh{0};  // between the blocks of a MASTER that stays; 0: none
    std::uint32_t refresh_repeat = 1;
    // The answer to another master with a lower priority. 0: no block.
    std::uint32_t lower_priority_repeat = 5;
    std::chrono::seconds lower_priority_delay{5};
    // Between two announcements on each interface that has addresses but no adverts, so that
    // switches do not forget where it is. 0: none.
    std::chrono::seconds extra_interval{0};
    bool extra_everywhere = false;  // false: on VMAC interfaces only
    bool operator==(const Announcing&) const = default;
};

// The shortest time between two announcements. 0: no limit.
struct AnnounceLimit {
    Duration garp{};
    Duration na{};
    bool operator==(const AnnounceLimit&) const = default;
};

struct AnnounceLimits {
    AnnounceLimit others;  // of each interface that no group has
    struct Group {
        AnnounceLimit limit;  // of all of them together
        std::vector<std::string> interfaces;
        bool operator==(const Group&) const = default;
    };
    std::vector<Group> groups;
    bool operator==(const AnnounceLimits&) const = default;
};

}  // namespace headgate::config
