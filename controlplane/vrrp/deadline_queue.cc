#include "controlplane/vrrp/deadline_queue.h"

namespace headgate::vrrp {

void DeadlineQueue::set(Instance* instance, std::optional<Instant> deadline) {
    const auto known = known_.find(instance);
    if (known == known_.end()) {
        if (deadline) {
            known_.emplace(instance, *deadline);
            order_.emplace(*deadline, instance);
        }
        return;
    }
    if (deadline == known->second)
        return;
    auto node = order_.extract({known->second, instance});
    if (!deadline) {
        known_.erase(known);
        return;
    }
    known->second = *deadline;
    node.value().first = *deadline;
    order_.insert(std::move(node));
}

void DeadlineQueue::clear() {
    order_.clear();
    known_.clear();
}

std::optional<Instant> DeadlineQueue::next(Duration slack) const {
    if (order_.empty())
        return std::nullopt;
    const Instant first = order_.begin()->first;
    Instant last = first;
    for (const auto& [deadline, instance] : order_) {
        if (deadline > first + slack)
            break;
        last = deadline;
    }
    return last;
}

std::vector<Instance*> DeadlineQueue::due(Instant now) const {
    std::vector<Instance*> due;
    for (const auto& [deadline, instance] : order_) {
        if (deadline > now)
            break;
        due.push_back(instance);
    }
    return due;
}

}  // namespace headgate::vrrp
