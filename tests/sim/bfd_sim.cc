// Two BFD sessions over a fake link in virtual time: loss, delay, reordering, cuts in one or both
// directions, restarts and new times. Stops at the first promise of BFD that is broken:
//
//   - nobody is Up on whose packets the other was not in Init or Up shortly before;
//   - nobody stays Up through a silence longer than the detection time that the peer's own packets
//     and our configuration give;
//   - over a link that works both are Up in time, and stay so;
//   - over a link that works in one direction at most nobody is Up in time.
//
//   bfd_sim                      the seeds that every test run takes
//   bfd_sim --seed 4711          one of them again, with everything that happens
#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "controlplane/bfd/session.h"
#include "tests/sim/seeds.h"

namespace {

using namespace headgate;
using bfd::ControlPacket;
using bfd::Effects;
using bfd::Microseconds;
using bfd::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration delay_max = milliseconds(2);
constexpr int num_phases = 12;

// What the link does to the packets of one side.
struct Direction {
    int loss_percent = 0;  // 100: cut
    Instant changed{};
};

struct Router {
    std::optional<bfd::Session> session;
    std::uint32_t discriminator = 0;
    // What the peer's last packet said, as the judge saw it.
    Instant heard{};
    Microseconds heard_min_tx{};
    std::uint8_t heard_multiplier = 0;
    // The judge: when it was last in Init or Up; the slowest min_rx that it may still go by.
    Instant was_alive{};
    Microseconds min_rx_max{};
    Instant disturbed{};  // restarted or given other times
    Instant changed{};    // its last transition
};

struct Flight {
    int to = 0;
    ControlPacket packet;
};

class Scenario {
public:
    Scenario(std::uint64_t seed, bool is_loud)
        : random_(static_cast<std::uint32_t>(seed * 2654435761U + 1)), is_loud_(is_loud) {
        for (int side : {0, 1})
            restart(side);
    }

    // What was broken.
    std::optional<std::string> run() {
        for (int phase = 0; phase < num_phases && !violation_; ++phase) {
            disturb();
            run_until(now_ + seconds(1 + pick(25)));
            judge_phase();
        }
        return violation_;
    }

    [[nodiscard]] std::uint64_t num_ups() const { return num_ups_; }
    [[nodiscard]] std::uint64_t num_packets() const { return num_packets_; }

private:
    std::uint32_t pick(std::uint32_t count) {
        return std::uniform_int_distribution<std::uint32_t>(0, count - 1)(random_);
    }

    bfd::Parameters random_parameters(bool may_be_passive) {
        const std::array times{10'000U, 20'000U, 50'000U, 300'000U, 2'000'000U};
        return {.min_tx = Microseconds(times[pick(5)]),
                .min_rx = Microseconds(times[pick(5)]),
                .idle_tx = Microseconds(1'000'000U * (1 + pick(2))),
                .detect_multiplier = static_cast<std::uint8_t>(2 + pick(4)),
                .passive = may_be_passive && pick(4) == 0};
    }

    void restart(int side) {
        Router& router = routers_[static_cast<std::size_t>(side)];
        // One of the two has to speak first.
        const bool may_be_passive = side == 1;
        router.discriminator = ++last_discriminator_;
        const bfd::Parameters parameters = random_parameters(may_be_passive);
        router.session.emplace(parameters, router.discriminator, random_, now_);
        router.min_rx_max = parameters.min_rx;
        router.disturbed = now_;
        router.heard_multiplier = 0;
        say("{} restarts: tx {} rx {} x {}{}", side, parameters.min_tx.count(),
            parameters.min_rx.count(), parameters.detect_multiplier,
            parameters.passive ? " passive" : "");
    }

    void disturb() {
        const auto side = static_cast<int>(pick(2));
        switch (pick(6)) {
            case 0:
                restart(side);
                break;
            case 1: {
                Router& router = routers_[static_cast<std::size_t>(side)];
                const bool was_passive = router.session->parameters().passive;
                bfd::Parameters parameters = random_parameters(false);
                parameters.passive = was_passive;
                router.min_rx_max = std::max(router.min_rx_max, parameters.min_rx);
                router.disturbed = now_;
                say("{} is reconfigured", side);
                take(side, router.session->reconfigure(now_, parameters));
                break;
            }
            case 2:
                set_link(side, 100);
                break;
            case 3:
                set_link(0, 100);
                set_link(1, 100);
                break;
            case 4:
                set_link(side, 10 + static_cast<int>(pick(50)));
                break;
            default:
                set_link(0, 0);
                set_link(1, 0);
        }
    }

    void set_link(int from, int loss_percent) {
        Direction& direction = link_[static_cast<std::size_t>(from)];
        if (direction.loss_percent == loss_percent)
            return;
        direction = {loss_percent, now_};
        say("packets from {} are lost at {} %", from, loss_percent);
    }

    void run_until(Instant end) {
        while (!violation_) {
            std::optional<Instant> next;
            if (!flights_.empty())
                next = flights_.begin()->first;
            for (const Router& router : routers_) {
                if (const auto deadline = router.session->deadline())
                    next = next ? std::min(*next, *deadline) : deadline;
            }
            if (!next || *next > end)
                break;
            now_ = std::max(now_, *next);
            step();
        }
        now_ = end;
    }

    void step() {
        if (!flights_.empty() && flights_.begin()->first <= now_) {
            const Flight flight = flights_.begin()->second;
            flights_.erase(flights_.begin());
            deliver(flight);
        } else {
            for (int side : {0, 1})
                take(side, session(side).on_deadline(now_));
        }
        for (int side : {0, 1})
            judge(side);
    }

    void deliver(const Flight& flight) {
        Router& router = routers_[static_cast<std::size_t>(flight.to)];
        // As the receiver of a host: what names another session is nobody's.
        const std::uint32_t wanted = flight.packet.your_discriminator;
        if (wanted != 0 && wanted != router.discriminator)
            return;
        router.heard = now_;
        router.heard_min_tx = flight.packet.desired_min_tx;
        router.heard_multiplier = flight.packet.detect_multiplier;
        take(flight.to, session(flight.to).on_packet(now_, flight.packet));
    }

    void take(int side, const Effects& effects) {
        Router& router = routers_[static_cast<std::size_t>(side)];
        const State state = router.session->state();
        if (effects.transition) {
            router.changed = now_;
            say("{} is {}: {}", side, name_of(state), describe(router.session->diagnostic()));
            if (state == State::up)
                judge_up(side);
        }
        if (!effects.send)
            return;
        ++num_packets_;
        // The real codec is on the way, too.
        const auto packet = bfd::decode(bfd::encode(*effects.send));
        if (!packet)
            return violate(
                fmt::format("{} sends what nobody accepts: {}", side, describe(packet.error())));
        const int loss = link_[static_cast<std::size_t>(side)].loss_percent;
        if (static_cast<int>(pick(100)) < loss)
            return;
        const Duration delay = delay_max / 1000 * (1 + pick(1000));
        flights_.emplace(now_ + delay, Flight{1 - side, *packet});
    }

    // ---- the judge ----

    void judge_up(int side) {
        ++num_ups_;
        const Router& other = routers_[static_cast<std::size_t>(1 - side)];
        if (now_ - other.was_alive > delay_max && other.session->state() < State::init)
            violate(fmt::format("{} is Up, and the other has not been in Init or Up", side));
    }

    void judge(int side) {
        Router& router = routers_[static_cast<std::size_t>(side)];
        const State state = router.session->state();
        if (state == State::init || state == State::up)
            router.was_alive = now_;
        if (state != State::up)
            return;
        const Duration patience =
            Duration(std::max(router.min_rx_max, router.heard_min_tx)) * router.heard_multiplier;
        if (now_ - router.heard > patience)
            violate(fmt::format("{} is still Up after {} ms of silence", side,
                                (now_ - router.heard) / milliseconds(1)));
    }

    // What must have come about by now, if nothing has been disturbed for long enough. The slowest
    // detection time is that of a peer that idles.
    void judge_phase() {
        if (violation_)
            return;
        constexpr Duration detection_max = seconds(2) * 5;
        constexpr Duration settled_after = detection_max + seconds(2) * 4;
        const auto quiet_since = std::max(
            {link_[0].changed, link_[1].changed, routers_[0].disturbed, routers_[1].disturbed});
        const Instant settled = quiet_since + settled_after;
        if (now_ < settled)
            return;
        const bool is_whole = link_[0].loss_percent == 0 && link_[1].loss_percent == 0;
        const bool is_cut = link_[0].loss_percent == 100 || link_[1].loss_percent == 100;
        for (int side : {0, 1}) {
            const bool is_up = session(side).state() == State::up;
            if (is_whole && !is_up)
                violate(fmt::format("{} is not Up over a link that works", side));
            if (is_whole && routers_[static_cast<std::size_t>(side)].changed > settled)
                violate(fmt::format("{} went down over a link that works", side));
            if (is_cut && is_up)
                violate(fmt::format("{} is Up over a link that is cut", side));
        }
    }

    void violate(std::string what) {
        if (!violation_)
            violation_ =
                fmt::format("after {} ms: {}", now_.time_since_epoch() / milliseconds(1), what);
    }

    template <typename... Args>
    void say(fmt::format_string<Args...> format, Args&&... args) {
        if (is_loud_)
            fmt::print("{:>8} ms: {}\n", now_.time_since_epoch() / milliseconds(1),
                       fmt::format(format, std::forward<Args>(args)...));
    }

    bfd::Session& session(int side) { return *routers_[static_cast<std::size_t>(side)].session; }

    bfd::Random random_;
    bool is_loud_;
    Instant now_{seconds(1)};
    std::array<Router, 2> routers_;
    std::array<Direction, 2> link_;
    std::multimap<Instant, Flight> flights_;
    std::uint32_t last_discriminator_ = 0;
    std::optional<std::string> violation_;
    std::uint64_t num_ups_ = 0;
    std::uint64_t num_packets_ = 0;
};

int run(std::uint64_t first, std::uint64_t count, bool is_loud) {
    std::uint64_t num_ups = 0;
    std::uint64_t num_packets = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        Scenario scenario(seed, is_loud);
        if (const auto violation = scenario.run()) {
            fmt::print("seed {}: {}\nreplay it with --seed {}\n", seed, *violation, seed);
            return 1;
        }
        num_ups += scenario.num_ups();
        num_packets += scenario.num_packets();
    }
    fmt::print("seeds {} to {}: {} packets, {} times Up; every promise kept\n", first,
               first + count - 1, num_packets, num_ups);
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    return headgate::sim::run_seeds(
        argc, argv, [](std::uint64_t seed) { return run(seed, 1, true); },
        [](std::uint64_t first, std::uint64_t count) { return run(first, count, false); });
}
