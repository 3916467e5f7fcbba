// Stepping down on request, and holding back.
#include <algorithm>

#include "controlplane/vrrp/loop.h"

namespace headgate::vrrp {

// As an earlier run was told to.
void Loop::hold_back(Instance& instance) {
    const auto hold = options_.holds.find(instance.config().name);
    if (hold == options_.holds.end())
        return;
    const auto wall_now = std::chrono::system_clock::now().time_since_epoch();
    const auto left = std::chrono::milliseconds(hold->second.until_unix_ms) -
                      std::chrono::duration_cast<std::chrono::milliseconds>(wall_now);
    if (left > std::chrono::milliseconds::zero())
        instance.yield(clock_.now(), clock_.now() + left, hold->second.reason);
}

// The instance, then the others of its sync group; empty: there is no such instance.
std::vector<Instance*> Loop::companions(const std::string& name) const {
    const auto found = std::ranges::find_if(
        instances_, [&](const auto& instance) { return instance->config().name == name; });
    if (found == instances_.end())
        return {};
    std::vector<Instance*> going{found->get()};
    const std::string& group = (*found)->config().election.sync_group;
    for (const auto& instance : instances_) {
        if (instance != *found && !group.empty() && instance->config().election.sync_group == group)
            going.push_back(instance.get());
    }
    return going;
}

std::optional<VrrpThread::StepDown> Loop::step_down(const std::string& name,
                                                    std::chrono::seconds hold,
                                                    const std::string& reason) {
    const std::vector<Instance*> going = companions(name);
    if (going.empty())
        return std::nullopt;
    const Instant now = clock_.now();
    VrrpThread::StepDown done{
        .instances = {},
        .before = going.front()->state(),
        .until_unix_ms = unix_ms_of(now + hold, now, std::chrono::system_clock::now())};
    for (Instance* const instance : going) {
        if (hold > std::chrono::seconds::zero())
            instance->yield(now, now + hold, reason);
        else
            instance->end_hold();
        touch(*instance);
        done.instances.push_back(instance->config().name);
    }
    after_event();
    return done;
}

}  // namespace headgate::vrrp
