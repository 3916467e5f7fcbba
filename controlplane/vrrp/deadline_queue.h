// DeadlineQueue: which of the instances is due first. Pure; VRRP thread only.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace headgate::vrrp {

class Instance;

class DeadlineQueue {
public:
    // Replaces what was known of the instance; nothing: it waits for no time. Allocates only for
    // one that had no deadline.
    void set(Instance* instance, std::optional<Instant> deadline);
    void clear();

    // When to serve the first, at most `slack` after its deadline: at the last deadline until then,
    // so that those which are close together are served together, and one by itself in time.
    [[nodiscard]] std::optional<Instant> next(Duration slack) const;
    // Those whose deadline has come, the earliest first. They stay in the queue.
    [[nodiscard]] std::vector<Instance*> due(Instant now) const;

private:
    std::set<std::pair<Instant, Instance*>> order_;
    std::map<Instance*, Instant> known_;
};

}  // namespace headgate::vrrp
