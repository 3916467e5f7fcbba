// Goal: whoever is due is found, the earliest first, however deadlines move.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <vector>

#include "controlplane/vrrp/deadline_queue.h"

namespace headgate::vrrp {
namespace {

Instant at(std::uint64_t ms) {
    return Instant{} + std::chrono::milliseconds(ms);
}

TEST(DeadlineQueue, AgreesWithASearchThroughAll) {
    // Only told apart, never looked into.
    std::vector<std::unique_ptr<int>> places(20);
    std::vector<Instance*> instances;
    for (auto& place : places)
        instances.push_back(reinterpret_cast<Instance*>((place = std::make_unique<int>()).get()));
    std::map<Instance*, Instant> expected;
    DeadlineQueue queue;
    std::mt19937 random(7);
    for (int step = 0; step < 5000; ++step) {
        Instance* const instance = instances[random() % instances.size()];
        const Instant when = at(random() % 100);
        if (random() % 4 == 0) {
            queue.set(instance, std::nullopt);
            expected.erase(instance);
        } else {
            queue.set(instance, when);
            expected[instance] = when;
        }
        std::optional<Instant> first;
        for (const auto& [owner, deadline] : expected)
            first = earliest({first, deadline});
        ASSERT_EQ(queue.next(), first);
        const Instant now = at(50);
        const std::vector<Instance*> due = queue.due(now);
        ASSERT_TRUE(std::ranges::is_sorted(due, {}, [&](Instance* one) { return expected[one]; }));
        ASSERT_EQ(due.size(),
                  static_cast<std::size_t>(std::ranges::count_if(
                      expected, [&](const auto& entry) { return entry.second <= now; })));
    }
    queue.clear();
    EXPECT_EQ(queue.next(), std::nullopt);
    EXPECT_TRUE(queue.due(at(100)).empty());
}

}  // namespace
}  // namespace headgate::vrrp
