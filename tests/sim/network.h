// The simulator's Ethernet: delivers adverts late, twice, out of order, corrupted or not at all, in
// virtual time. Losses are random, but never more than `losses_in_row_max` one after another from
// one router to another, since a protocol that waits for three adverts promises nothing beyond two.
// A straggler, which is overtaken by later ones, counts as a loss.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "common/clock.h"

namespace headgate::sim {

using Random = std::mt19937_64;

// In [0, bound); the same on every platform, which the distributions of <random> are not.
inline std::uint64_t below(Random& random, std::uint64_t bound) {
    return random() % bound;
}
inline Duration up_to(Random& random, Duration most) {
    return Duration(
        static_cast<Duration::rep>(below(random, static_cast<std::uint64_t>(most.count()) + 1)));
}

struct Weather {
    Duration delay_max{};
    int losses_in_row_max = 2;
    unsigned loss_percent = 0;
    unsigned corruption_percent = 0;  // of the VRRP message: the receiver has to find out
    unsigned duplicate_percent = 0;
    unsigned straggler_percent = 0;
    Duration straggler_delay_max{};
};

struct Delivery {
    Instant time;
    std::uint64_t order = 0;  // breaks ties, so that a seed replays exactly
    std::size_t from = 0;
    std::size_t to = 0;
    std::vector<std::uint8_t> packet;
    bool operator>(const Delivery& other) const {
        return std::pair(time, order) > std::pair(other.time, other.order);
    }
};

class Network {
public:
    Network(std::size_t num_routers, const Weather& weather, Random& random)
        : weather_(weather), random_(random), side_(num_routers), link_up_(num_routers, true) {}

    void send(Instant now, std::size_t from, std::span<const std::uint8_t> packet);
    // The adverts that a restart has swallowed count as lost: the next one of `from` arrives.
    void after_silence(std::size_t from);
    [[nodiscard]] std::optional<Instant> next() const;
    // The next delivery if it is due and its path still exists; a due one without is dropped.
    std::optional<Delivery> take(Instant now);

    // Routers hear each other when they are on the same side.
    void set_side(std::size_t router, int side) { side_[router] = side; }
    void set_link(std::size_t router, bool up) { link_up_[router] = up; }
    [[nodiscard]] bool link_up(std::size_t router) const { return link_up_[router]; }
    // One direction of a path breaks, or all of them are whole again.
    void cut(std::size_t from, std::size_t to) { cuts_.insert({from, to}); }
    void mend() { cuts_.clear(); }
    [[nodiscard]] bool has_cuts() const { return !cuts_.empty(); }
    [[nodiscard]] bool reaches(std::size_t from, std::size_t to) const {
        return link_up_[from] && link_up_[to] && side_[from] == side_[to] &&
               !cuts_.contains({from, to});
    }
    // In both directions.
    [[nodiscard]] bool connected(std::size_t left, std::size_t right) const {
        return reaches(left, right) && reaches(right, left);
    }

private:
    void deliver(Instant now, std::size_t from, std::size_t to,
                 std::span<const std::uint8_t> packet);
    bool chance(unsigned percent) { return below(random_, 100) < percent; }

    Weather weather_;
    Random& random_;
    std::vector<int> side_;
    std::vector<bool> link_up_;
    std::set<std::pair<std::size_t, std::size_t>> cuts_;
    std::map<std::pair<std::size_t, std::size_t>, int> lost_in_row_;
    std::priority_queue<Delivery, std::vector<Delivery>, std::greater<>> in_flight_;
    std::uint64_t num_sent_ = 0;
};

}  // namespace headgate::sim
