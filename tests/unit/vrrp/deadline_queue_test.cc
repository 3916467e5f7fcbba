// Goal: whoever is due is found, the earliest first, however deadlines move.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <vector>

#include "controlplane/vrrp/deadline_queue.h"

namespace headgate::vrrp {
namespace {

Instant after_ms(std::uint64_t ms) {
    return Instant{} + std::chrono::milliseconds(ms);
}

// Only told apart, never looked into.
class DeadlineQueueTest : public testing::Test {
protected:
    [[nodiscard]] Instance* instance(std::size_t index) {
        return reinterpret_cast<Instance*>(&places_.at(index));
    }
    DeadlineQueue queue;

private:
    std::array<std::uint64_t, 20> places_{};
};

TEST_F(DeadlineQueueTest, ServesTogetherWhatIsCloseTogetherAndOneByItselfInTime) {
    using std::chrono::milliseconds;
    queue.set(instance(0), after_ms(10));
    EXPECT_EQ(queue.next(milliseconds(1)), after_ms(10));
    queue.set(instance(1), after_ms(11));
    queue.set(instance(2), after_ms(12));
    EXPECT_EQ(queue.next(milliseconds(1)), after_ms(11));
    EXPECT_EQ(queue.next(milliseconds(5)), after_ms(12));
}

TEST_F(DeadlineQueueTest, AgreesWithASearchThroughAll) {
    std::map<Instance*, Instant> expected;
    std::mt19937 random(7);
    for (int step = 0; step < 5000; ++step) {
        Instance* const owner = instance(random() % 20);
        const Instant when = after_ms(random() % 100);
        if (random() % 4 == 0) {
            queue.set(owner, std::nullopt);
            expected.erase(owner);
        } else {
            queue.set(owner, when);
            expected[owner] = when;
        }
        std::optional<Instant> first;
        for (const auto& [each, deadline] : expected)
            first = earliest({first, deadline});
        ASSERT_EQ(queue.next({}), first);
        const Instant now = after_ms(50);
        const std::vector<Instance*> due = queue.due(now);
        ASSERT_TRUE(std::ranges::is_sorted(due, {}, [&](Instance* one) { return expected[one]; }));
        ASSERT_EQ(due.size(),
                  static_cast<std::size_t>(std::ranges::count_if(
                      expected, [&](const auto& entry) { return entry.second <= now; })));
    }
    queue.clear();
    EXPECT_EQ(queue.next({}), std::nullopt);
    EXPECT_TRUE(queue.due(after_ms(100)).empty());
}

}  // namespace
}  // namespace headgate::vrrp
