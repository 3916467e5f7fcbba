// Goal: an instance keeps its VIPs leased, in place and announced, tells the operator what is
// wrong, and survives a reload without an unnecessary step. Method: see instance_rig.h.
#include "controlplane/vrrp/instance.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "tests/unit/vrrp/instance_rig.h"

namespace headgate::vrrp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_F(InstanceTest, TakesOverWithAdvertLeasesAndRoundsOfArp) {
    start();
    link.take();
    run_until(milliseconds(3610));
    EXPECT_EQ(link.take(),
              (Calls{"advert 100", "lease 10.0.0.100/32 3", "lease 10.0.0.101/24 3",
                     "garp 10.0.0.100", "garp 10.0.0.101", "garp 10.0.0.100", "garp 10.0.0.101"}));
    EXPECT_EQ(status().state, State::master);
    EXPECT_EQ(status().master_address, "10.0.0.5");
    EXPECT_EQ(status().became_master, 1U);
    EXPECT_TRUE(status().vips[0].present);
}

TEST_F(InstanceTest, RenewsTheLeaseThreeTimesInItsTimeAndOnlyAsMaster) {
    become_master();
    run_until(seconds(7));
    EXPECT_EQ(std::ranges::count(link.take(), "lease 10.0.0.100/32 3"), 3);
    hear(seconds(7), virtual_router(instance.config()), peer, 200);
    EXPECT_EQ(link.take(), (Calls{"remove 10.0.0.100/32", "remove 10.0.0.101/24"}));
    hear(seconds(9), virtual_router(instance.config()), peer, 200);
    run_until(seconds(12));
    EXPECT_EQ(link.take(), Calls{});
}

TEST_F(InstanceTest, ARenewalGoesAlongWithAnAdvert) {
    become_master();
    // Once the daemon wakes late: its adverts keep their pace, and the lease runs from then.
    instance.on_deadline(*instance.deadline() + milliseconds(2));
    int wakes = 1;
    for (; *instance.deadline() <= at(seconds(20)); ++wakes)
        instance.on_deadline(*instance.deadline());
    const Calls calls = link.take();
    const auto adverts = std::ranges::count(calls, "advert 100");
    EXPECT_EQ(std::ranges::count(calls, "lease 10.0.0.100/32 3"), adverts);
    EXPECT_LE(wakes, adverts + 1) << "one is for the second round of ARP";
}

TEST_F(InstanceTest, RemovesAtItsStartWhatAnEarlierRunLeftBehind) {
    link.kernel.insert(*Prefix::parse("10.0.0.100/32"));
    start();
    EXPECT_TRUE(link.kernel.empty());
    EXPECT_FALSE(status().vips[0].present);
}

TEST_F(InstanceTest, PutsAVipBackAtOnceWithoutATransition) {
    become_master();
    EXPECT_TRUE(instance.take_changed());
    EXPECT_FALSE(instance.take_changed());
    link.kernel.erase(*Prefix::parse("10.0.0.100/32"));
    instance.on_addresses(at(milliseconds(4100)));
    EXPECT_EQ(link.take(), (Calls{"lease 10.0.0.100/32 3", "garp 10.0.0.100", "garp 10.0.0.101",
                                  "garp 10.0.0.100", "garp 10.0.0.101"}));
    EXPECT_EQ(instance.state(), State::master);
    EXPECT_EQ(status().vips_restored, 1U);
    EXPECT_TRUE(instance.take_changed());
}

TEST_F(InstanceTest, GivesWayALittleToSomebodyWhoRemovesItAgainAndAgain) {
    become_master();
    link.kernel.erase(*Prefix::parse("10.0.0.100/32"));
    instance.on_addresses(at(milliseconds(4100)));
    link.kernel.erase(*Prefix::parse("10.0.0.100/32"));
    instance.on_addresses(at(milliseconds(4101)));
    EXPECT_TRUE(link.kernel.size() == 1);
    EXPECT_EQ(instance.deadline(), at(milliseconds(4150)));
    run_until(milliseconds(4150));
    EXPECT_EQ(link.kernel.size(), 2U);
    EXPECT_EQ(status().vips_restored, 2U);
}

TEST_F(InstanceTest, SaysWhichVipCannotBeInstalledAndTriesAgainWithTheNextRenewal) {
    link.install_error = "interface eth9 does not exist";
    become_master();
    EXPECT_FALSE(status().vips[0].present);
    EXPECT_EQ(status().warning, "10.0.0.101/24 on eth0: interface eth9 does not exist");
    link.install_error.clear();
    run_until(seconds(6));
    EXPECT_TRUE(status().vips[0].present);
    EXPECT_EQ(status().warning, "");
}

TEST_F(InstanceTest, StopsWithTheVipsGoneBeforeTheResignation) {
    become_master();
    instance.stop(at(seconds(5)));
    EXPECT_EQ(link.take(), (Calls{"remove 10.0.0.100/32", "remove 10.0.0.101/24", "advert 0"}));
    EXPECT_EQ(instance.deadline(), std::nullopt);
}

TEST_F(InstanceTest, IsInFaultForTheReasonThatTheLinkGives) {
    become_master();
    instance.on_link(at(seconds(5)), down);
    EXPECT_EQ(status().state, State::fault);
    EXPECT_EQ(status().reason, "interface eth0 down");
    EXPECT_TRUE(link.kernel.empty());
    EXPECT_EQ(std::ranges::count(link.take(), "advert 0"), 0) << "there is no way to send it";
    instance.on_link(at(seconds(6)),
                     {.source = std::nullopt, .problem = "interface eth0 does not exist"});
    EXPECT_EQ(status().reason, "interface eth0 does not exist");
    instance.on_link(at(seconds(7)), up);
    EXPECT_EQ(status().state, State::backup);
}

TEST_F(InstanceTest, MeasuresHowLateEachTimedAdvertIs) {
    start();
    const Instant takeover = *instance.deadline();
    instance.on_deadline(takeover + milliseconds(5));
    EXPECT_EQ(status().advert_lateness.worst, milliseconds(5));
    instance.on_deadline(takeover + milliseconds(1005));
    EXPECT_EQ(status().adverts_sent, 2U);
    EXPECT_EQ(status().advert_lateness.counts, (std::array<std::uint64_t, 6>{1, 0, 1, 0, 0, 0}));
    // An answer to another router has no time of its own.
    hear(milliseconds(4700), virtual_router(instance.config()), peer, priority_resign);
    EXPECT_EQ(status().adverts_sent, 3U);
    EXPECT_EQ(status().advert_lateness.sum, milliseconds(5));
}

TEST_F(InstanceTest, IgnoresAdvertsFromItsOwnAddress) {
    become_master();
    hear(seconds(5), virtual_router(instance.config()), own, 200);
    EXPECT_EQ(instance.state(), State::master);
    EXPECT_EQ(errors(AdvertError::own_address), 1U);
    EXPECT_EQ(status().adverts_received, 0U);
    EXPECT_EQ(status().warning,
              "advert from 10.0.0.5: it has our own source address; give each router an address of "
              "its own, or find out who sends our adverts back to us");
}

TEST_F(InstanceTest, CountsARefusedAdvertByItsReason) {
    become_master();
    VirtualRouter other = virtual_router(instance.config());
    other.auth_pass = AuthPass{'x'};
    hear(seconds(5), other, peer, 200);
    hear(seconds(6), other, peer, 200);
    EXPECT_EQ(instance.state(), State::master);
    EXPECT_EQ(errors(AdvertError::auth_type), 2U);
    EXPECT_EQ(
        status().warning,
        "advert from 10.0.0.6: authentication differs: there it is PASS, here none; write the "
        "same `authentication { ... }` here, or remove it there");
}

TEST_F(InstanceTest, AcceptsAnAdvertWithOtherAddressesAndWarns) {
    become_master();
    VirtualRouter other = virtual_router(instance.config());
    other.addresses.pop_back();
    hear(seconds(5), other, peer, 200);
    EXPECT_EQ(instance.state(), State::backup);
    EXPECT_EQ(errors(AdvertError::address_list), 1U);
    EXPECT_EQ(status().reason, "an advert with a higher priority was heard (200 from 10.0.0.6)");
    EXPECT_EQ(status().adverts_received, 1U);
}

TEST_F(InstanceTest, SendsEveryPeerAnAdvertOfItsOwn) {
    config::VrrpInstance config = config_with({vip("10.0.0.100/32")});
    config.transport.unicast = true;
    config.transport.peers = {{.address = peer}, {.address = *IpAddress::parse("10.0.0.7")}};
    Instance unicast(config, link, announcements);
    unicast.start(at(Duration{}), up);
    link.take();
    unicast.on_deadline(*unicast.deadline());
    const Calls calls = link.take();
    ASSERT_GE(calls.size(), 2U);
    EXPECT_EQ(calls[0], "advert 100 to 10.0.0.6");
    EXPECT_EQ(calls[1], "advert 100 to 10.0.0.7");
}

TEST_F(InstanceTest, WarnsOnceOfAMasterWithAnotherIntervalAndFollowsIt) {
    config::VrrpInstance config = config_with({vip("10.0.0.100/32")});
    config.version = 3;
    Instance three(config, link, announcements);
    three.start(at(Duration{}), up);
    VirtualRouter master = virtual_router(config);
    master.advert_interval = seconds(2);
    AdvertCodec codec(master);
    for (int count = 0; count < 2; ++count)
        three.on_packet(at(seconds(1)),
                        *open_ipv4(*codec.encode(peer, master.transport.group, 200, {})));
    const InstanceStatus status = three.status(at(seconds(2)), {});
    EXPECT_EQ(status.adverts_received, 2U);
    EXPECT_EQ(status.advert_errors[static_cast<std::size_t>(AdvertError::interval_differs)].count,
              2U);
    EXPECT_GT(status.master_down_interval, seconds(6));
}

TEST_F(InstanceTest, LeavesAddressesThatDoNotFitTheMtuOutOfItsAdverts) {
    Instance narrow(config_with({vip("10.0.0.100/32"), vip("10.0.0.101/32")}), link, announcements);
    // IP header, VRRP header, one address, authentication data.
    narrow.start(at(Duration{}), {.source = own, .problem = "", .mtu = 20 + 8 + 4 + 8});
    VirtualRouter one = virtual_router(config_with({vip("10.0.0.100/32")}));
    AdvertCodec codec(one);
    narrow.on_packet(at(seconds(1)), *open_ipv4(*codec.encode(peer, one.transport.group, 200, {})));
    const InstanceStatus status = narrow.status(at(seconds(2)), {});
    EXPECT_EQ(status.adverts_received, 1U);
    EXPECT_EQ(status.advert_errors[static_cast<std::size_t>(AdvertError::address_list)].count, 0U);
    EXPECT_EQ(status.vips.size(), 2U);
}

TEST_F(InstanceTest, AnnouncesItsOwnAddressWhenAUnicastInstanceRecovers) {
    start();
    instance.on_link(at(seconds(1)), down);
    instance.on_link(at(seconds(2)), up);
    EXPECT_EQ(std::ranges::count(link.take(), "garp 10.0.0.5"), 0) << "multicast";

    config::VrrpInstance config = instance.config();
    config.transport.unicast = true;
    config.transport.peers = {{.address = peer}};
    Instance unicast(config, link, announcements);
    unicast.start(at(Duration{}), up);
    EXPECT_EQ(std::ranges::count(link.take(), "garp 10.0.0.5"), 0) << "nothing was wrong before";
    unicast.on_link(at(seconds(1)), down);
    link.take();
    unicast.on_link(at(seconds(2)), up);
    EXPECT_EQ(unicast.state(), State::backup);
    EXPECT_EQ(std::ranges::count(link.take(), "garp 10.0.0.5"), 2);
    unicast.on_host_problem(at(seconds(2)), "");
    EXPECT_EQ(link.take(), Calls{}) << "once";
}

TEST_F(InstanceTest, AReloadOfAMasterChangesOnlyTheAddressesThatChanged) {
    become_master();
    const config::VrrpInstance next = config_with({vip("10.0.0.101/24"), vip("10.0.0.102/32")});
    instance.release(next);
    EXPECT_EQ(link.take(), Calls{"remove 10.0.0.100/32"});
    instance.reconfigure(at(seconds(5)), next);
    EXPECT_EQ(link.take(),
              (Calls{"advert 100", "lease 10.0.0.101/24 3", "lease 10.0.0.102/32 3",
                     "garp 10.0.0.101", "garp 10.0.0.102", "garp 10.0.0.101", "garp 10.0.0.102"}));
    EXPECT_EQ(instance.state(), State::master);
    EXPECT_EQ(status().became_master, 1U);
}

TEST_F(InstanceTest, AReloadThatChangesNothingDoesNothing) {
    become_master();
    const config::VrrpInstance same = instance.config();
    instance.release(same);
    instance.reconfigure(at(seconds(5)), same);
    EXPECT_EQ(link.take(), Calls{});
}

TEST_F(InstanceTest, AShorterLeaseTakesEffectAtOnce) {
    become_master();
    config::VrrpInstance next = instance.config();
    next.vip_lease = seconds(1);
    instance.reconfigure(at(seconds(4)), next);
    EXPECT_EQ(link.take(), (Calls{"lease 10.0.0.100/32 1", "lease 10.0.0.101/24 1"}));
}

TEST_F(InstanceTest, AReloadOfABackupRemovesANewVipThatIsThereAlready) {
    start();
    link.kernel.insert(*Prefix::parse("10.0.0.102/32"));
    instance.reconfigure(at(seconds(1)), config_with({vip("10.0.0.102/32")}));
    EXPECT_TRUE(link.kernel.empty());
}

TEST_F(InstanceTest, TellsWhenItsLastTransitionWasOnTheWallClock) {
    become_master();
    const auto wall = std::chrono::system_clock::time_point(seconds(1'700'000'000));
    const InstanceStatus status = instance.status(at(seconds(60)), wall);
    // MASTER since 3.609375 s, which was 56.390625 s ago.
    EXPECT_EQ(status.last_transition_unix_ms, 1'700'000'000'000 - 56'391);
}

TEST(InstanceResume, WhileNobodyCanHaveTakenOver) {
    FakeLink link;
    const config::VrrpInstance config = config_with({vip("10.0.0.100/32"), vip("10.0.0.101/24")});
    AnnounceQueue announcements;
    const Instance instance(config, link, announcements);
    const LinkState up{.source = *IpAddress::parse("10.0.0.5"), .problem = ""};
    const Instant renewed(seconds(100));
    link.leases[*Prefix::parse("10.0.0.100/32")] = renewed + seconds(9);
    EXPECT_FALSE(instance.can_resume(renewed, up)) << "one address is not leased";
    link.leases[*Prefix::parse("10.0.0.101/24")] = renewed;
    // Adverts are a second apart and three have to be missing; the last one may have been sent a
    // second before the renewal.
    EXPECT_TRUE(instance.can_resume(renewed + milliseconds(1999), up));
    EXPECT_FALSE(instance.can_resume(renewed + seconds(2), up));
    EXPECT_FALSE(instance.can_resume(renewed, {.source = std::nullopt, .problem = "down"}));
}

}  // namespace
}  // namespace headgate::vrrp
