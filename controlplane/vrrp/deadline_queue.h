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

    [[nodiscard]] std::optional<Instant> next() const;
    // Those whose deadline has come, the earliest first. They stay in the queue.
    [[nodiscard]] std::vector<Instance*> due(Instant now) const;

private:
    std::set<std::pair<Instant, Instance*>> order_;
    std::map<Instance*, Instant> known_;
};

}  // namespace headgate::vrrp
