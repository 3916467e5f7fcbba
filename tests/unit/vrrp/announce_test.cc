// Goal: every announcement goes out as often as it is configured and no faster, in keepalived's
// order, one instance does not hold up another, and nothing is announced once an instance has lost
// its mastership. Method: a link that writes down the frames with their time; time is a parameter.
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "controlplane/vrrp/announcer.h"
#include "tests/unit/vrrp/addresses.h"

namespace headgate::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Frames = std::vector<std::string>;
using Addresses = std::vector<config::VirtualAddress>;

class RecordingLink final : public Link {
public:
    Result<void> send(const OutgoingAdvert& /*advert*/) override { return {}; }
    [[nodiscard]] std::chrono::system_clock::time_point wall_now() const override { return {}; }
    Result<void> install(const config::VirtualAddress& /*vip*/, seconds /*lease*/) override {
        return {};
    }
    Result<void> withdraw(const config::VirtualAddress& /*vip*/) override { return {}; }
    [[nodiscard]] bool present(const config::VirtualAddress& /*vip*/) const override {
        return true;
    }
    Result<void> announce(const config::VirtualAddress& vip) override {
        frames.push_back(
            fmt::format("{} {}", (*now - start) / milliseconds(1), vip.prefix.address.to_string()));
        return {};
    }
    [[nodiscard]] std::string_view base_of(std::string_view interface) const override {
        return interface.starts_with("vrrp") ? "eth0" : std::string_view{};
    }

    const Instant* now = nullptr;
    Instant start;
    Frames frames;
};

// The queue, its link, and a clock that run_until() moves.
class AnnounceTest : public testing::Test {
protected:
    AnnounceTest() {
        link.now = &now;
        link.start = now;
    }

    void limit(const config::AnnounceLimits& limits) { queue.set_limits(now, limits); }
    void limit_garp(Duration interval) {
        limit({.others = {.garp = interval, .na = {}}, .groups = {}});
    }
    void push(const void* owner, const Addresses& addresses, std::uint32_t rounds) {
        queue.push(now, owner, link, addresses, rounds);
    }
    // Runs what is due until then, each at its own time, announcers first as the thread does.
    void run_until(Duration end, const std::vector<std::pair<Announcer*, Addresses>>& all = {}) {
        for (;;) {
            std::optional<Instant> due = queue.deadline();
            for (const auto& [announcer, addresses] : all)
                due = earliest({due, announcer->deadline()});
            if (!due || *due > link.start + end)
                break;
            now = std::max(now, *due);
            for (const auto& [announcer, addresses] : all)
                announcer->on_deadline(now, addresses);
            queue.run(now);
        }
        now = link.start + end;
    }
    Frames take() { return std::exchange(link.frames, {}); }

    Instant now{seconds(1000)};
    RecordingLink link;
    AnnounceQueue queue;
    const int first = 0;
    const int second = 0;
};

using Queue = AnnounceTest;

TEST_F(Queue, SendsAtOnceInRoundsOverAllAddressesWithoutALimit) {
    push(&first, {vip("10.0.0.1"), vip("2001:db8::1"), vip("10.0.0.2", "eth1")}, 2);
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "0 2001:db8::1", "0 10.0.0.2", "0 10.0.0.1",
                              "0 2001:db8::1", "0 10.0.0.2"}));
    EXPECT_FALSE(queue.deadline());
}

TEST_F(Queue, SendsABoundedNumberInOneGo) {
    Addresses many;
    for (int index = 0; index < 200; ++index)
        many.push_back(vip(fmt::format("10.0.1.{}", index)));
    push(&first, many, 3);
    EXPECT_EQ(take().size(), 128U);
    ASSERT_TRUE(queue.deadline());
    EXPECT_LE(*queue.deadline(), now) << "it goes on at once, after the adverts";
    EXPECT_GE(*queue.deadline(), now) << "and is not late";
    run_until(Duration{});
    EXPECT_EQ(take().size(), 600U - 128U);
}

TEST_F(Queue, KeepsTheIntervalOfEachKindOnEachInterface) {
    limit({.others = {.garp = milliseconds(10), .na = milliseconds(30)}, .groups = {}});
    push(&first, {vip("10.0.0.1"), vip("10.0.0.2"), vip("10.0.0.3", "eth1"), vip("2001:db8::1")},
         2);
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "0 10.0.0.3", "0 2001:db8::1", "10 10.0.0.2",
                              "10 10.0.0.3", "20 10.0.0.1", "30 10.0.0.2", "30 2001:db8::1"}));
    EXPECT_FALSE(queue.deadline());
}

TEST_F(Queue, KeepsTheIntervalWhenItIsRunLate) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1")}, 4);
    now += milliseconds(35);
    queue.run(now);
    queue.run(now);
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "35 10.0.0.1", "45 10.0.0.1", "55 10.0.0.1"}));
}

TEST_F(Queue, KeepsTheIntervalBetweenBlocks) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1")}, 1);
    now += milliseconds(4);
    push(&first, {vip("10.0.0.1")}, 1);
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "10 10.0.0.1"}));
}

TEST_F(Queue, SharesTheIntervalOfAGroupAndOfAVmacWithItsBase) {
    limit({.others = {},
           .groups = {
               {.limit = {.garp = milliseconds(10), .na = {}}, .interfaces = {"eth1", "eth0"}}}});
    push(&first,
         {vip("10.0.0.1", "eth0"), vip("10.0.0.2", "eth1"), vip("10.0.0.3", "vrrp.51"),
          vip("10.0.0.4", "eth2"), vip("2001:db8::1", "eth0")},
         1);
    run_until(seconds(1));
    EXPECT_EQ(take(),
              (Frames{"0 10.0.0.1", "0 10.0.0.4", "0 2001:db8::1", "10 10.0.0.2", "20 10.0.0.3"}));
}

TEST_F(Queue, LetsInstancesTakeTurns) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1"), vip("10.0.0.2")}, 100);
    push(&second, {vip("10.0.0.9")}, 2);
    run_until(milliseconds(60));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "10 10.0.0.2", "20 10.0.0.9", "30 10.0.0.1",
                              "40 10.0.0.2", "50 10.0.0.9", "60 10.0.0.1"}));
}

TEST_F(Queue, ReplacesWhatWaitsByANewerBlock) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1"), vip("10.0.0.2")}, 3);
    for (int again = 0; again < 1000; ++again)
        push(&first, {vip("10.0.0.1"), vip("10.0.0.2")}, 3);
    push(&first, {vip("10.0.0.2")}, 1);
    run_until(seconds(100));
    EXPECT_EQ(take().size(), 1U + 6U) << "the first, and one block";
}

TEST_F(Queue, SendsNothingOfWhoHasDropped) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1"), vip("10.0.0.2")}, 3);
    push(&second, {vip("10.0.0.9")}, 2);
    queue.drop(&first);
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "10 10.0.0.9", "20 10.0.0.9"}));
}

TEST_F(Queue, SendsOnlyWhatIsRetained) {
    limit_garp(milliseconds(10));
    const Addresses all{vip("10.0.0.1"), vip("10.0.0.2"), vip("10.0.0.3")};
    push(&first, all, 2);
    run_until(milliseconds(10));
    queue.retain(&first, {all[0], all[2]});
    run_until(milliseconds(30));
    queue.retain(&first, {all[0]});
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "10 10.0.0.2", "20 10.0.0.3", "30 10.0.0.1"}));
    push(&first, all, 2);
    queue.retain(&first, {});
    EXPECT_FALSE(queue.deadline());
}

TEST_F(Queue, GoesOnUnderNewLimits) {
    limit_garp(milliseconds(10));
    push(&first, {vip("10.0.0.1")}, 4);
    limit_garp(milliseconds(100));
    run_until(milliseconds(150));
    limit({});
    run_until(seconds(1));
    EXPECT_EQ(take(), (Frames{"0 10.0.0.1", "100 10.0.0.1", "150 10.0.0.1", "150 10.0.0.1"}));
}

// ---- the announcer of one instance --------------------------------------------------------------

class Announcing : public AnnounceTest {
protected:
    void run(Duration until) { run_until(until, {{&announcer, addresses}}); }

    config::VrrpInstance config = [] {
        config::VrrpInstance instance;
        instance.name = "VI_1";
        instance.interface = "eth0";
        instance.announcing = {.repeat = 2,
                               .delay = seconds(5),
                               .refresh = seconds(60),
                               .refresh_repeat = 1,
                               .lower_priority_repeat = 3,
                               .lower_priority_delay = seconds(2),
                               .extra_interval = seconds(25),
                               .extra_everywhere = false};
        return instance;
    }();
    const Addresses addresses{vip("10.0.0.1"), vip("10.0.1.1", "eth1"), vip("10.0.2.1", "vrrp.51"),
                              vip("10.0.2.2", "vrrp.51")};
    Announcer announcer{config, queue, link};
};

TEST_F(Announcing, OfANewMasterIsTwoBlocksThenRefreshesAndExtraInterfaces) {
    announcer.begin(now, addresses);
    EXPECT_EQ(take().size(), 8U) << "all four, twice";
    run(milliseconds(4999));
    EXPECT_EQ(take(), Frames{});
    run(milliseconds(24999));
    EXPECT_EQ(take().size(), 8U);
    run(seconds(59));
    EXPECT_EQ(take(), (Frames{"25000 10.0.2.1", "50000 10.0.2.1"})) << "one is enough";
    run(seconds(60));
    EXPECT_EQ(take(),
              (Frames{"60000 10.0.0.1", "60000 10.0.1.1", "60000 10.0.2.1", "60000 10.0.2.2"}));
    run(seconds(121));
    EXPECT_EQ(take().size(), 2U + 4U);
}

TEST_F(Announcing, OnEveryExtraInterfaceLeavesOutTheOneThatHasAdverts) {
    config.announcing.extra_everywhere = true;
    announcer.reconfigure(now, config);
    announcer.begin(now, addresses);
    run(seconds(24));
    take();
    run(seconds(25));
    EXPECT_EQ(take(), (Frames{"25000 10.0.1.1", "25000 10.0.2.1"}));
}

TEST_F(Announcing, AnswersAWeakerMasterWithABlockOfItsOwnLengthAndDelay) {
    announcer.begin(now, addresses);
    run(seconds(10));
    take();
    announcer.answer_weaker_master(now, addresses);
    EXPECT_EQ(take().size(), 12U);
    run(milliseconds(11999));
    EXPECT_EQ(take(), Frames{});
    run(seconds(20));
    EXPECT_EQ(take().size(), 12U);

    config.announcing.lower_priority_repeat = 0;
    announcer.reconfigure(now, config);
    announcer.answer_weaker_master(now, addresses);
    run(seconds(46));
    EXPECT_EQ(take(), (Frames{"45000 10.0.2.1"})) << "the intervals began anew at 20 s";
}

TEST_F(Announcing, OfAnAddressThatWasPutBackIsOneBlock) {
    announcer.begin(now, addresses);
    run(seconds(10));
    take();
    announcer.announce_again(now, addresses);
    EXPECT_EQ(take().size(), 8U);
    run(seconds(24));
    EXPECT_EQ(take(), Frames{});
}

TEST_F(Announcing, EndsWithMastershipWhateverStillWaits) {
    limit_garp(milliseconds(10));
    announcer.begin(now, addresses);
    announcer.answer_weaker_master(now, addresses);
    run(milliseconds(15));
    take();
    announcer.end();
    EXPECT_FALSE(announcer.deadline());
    EXPECT_FALSE(queue.deadline());
    run(seconds(200));
    EXPECT_EQ(take(), Frames{});
}

}  // namespace
}  // namespace headgate::vrrp
