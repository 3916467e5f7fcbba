// Goal: health, VRRP ownership and what the backend can carry decide together, and only they,
// which real server is in the table and what a virtual server's state is called.
#include "controlplane/service/evaluate.h"

#include <algorithm>
#include <cctype>

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/config/model.h"
#include "controlplane/service/history.h"
#include "controlplane/service/words.h"
#include "tests/unit/service/evaluate_rig.h"

namespace headgate::service {
namespace {

TEST_F(EvaluateTest, DoesNotCarryAnAddressWithAMacAddressOfItsOwn) {
    config.vrrp.instances.push_back(instance_with("192.0.2.10/32"));
    config::VrrpInstance& instance = config.vrrp.instances.back();
    instance.virtual_addresses[0].interface = "vrrp.51";
    EXPECT_TRUE(view().in_bypass);
    instance.address_vmacs = {{.name = "vrrp.51", .base = "eth0", .mac = {}}};
    EXPECT_FALSE(view().in_bypass);
    EXPECT_EQ(view().placement, "none: its address has a MAC address of its own (use_vmac)");
    instance.virtual_addresses[0].interface = "eth0";
    EXPECT_TRUE(view().in_bypass);
    EXPECT_EQ(table().services_size(), 1);
}

TEST_F(EvaluateTest, PutsEverythingIntoTheTable) {
    config.virtual_servers[0].scheduler = config::Scheduler::wrr;
    config.virtual_servers[0].persistence_timeout = seconds(300);
    config.virtual_servers[0].persistence_prefix_length = 24;
    const api::ServiceTable table = this->table();
    EXPECT_EQ(table.generation(), 5U);
    EXPECT_EQ(table.lease_s(), 3U);
    ASSERT_EQ(table.services_size(), 1);
    const api::Service& service = table.services(0);
    EXPECT_EQ(service.address(), "192.0.2.10");
    EXPECT_EQ(service.port(), 80U);
    EXPECT_EQ(service.protocol(), api::TCP);
    EXPECT_EQ(service.scheduler(), api::WRR);
    EXPECT_EQ(service.method(), api::DR);
    EXPECT_EQ(service.persistence_timeout_s(), 300U);
    EXPECT_EQ(service.persistence_prefix_length(), 24U);
    EXPECT_TRUE(service.active());
    EXPECT_FALSE(service.vrrp_owned());
    ASSERT_EQ(service.destinations_size(), 2);
    EXPECT_EQ(service.destinations(1).address(), "10.0.0.12");
    EXPECT_EQ(service.destinations(1).port(), 80U);
    EXPECT_EQ(service.destinations(1).weight(), 2U);
}

TEST_F(EvaluateTest, EachRealServerHasItsTunnel) {
    inputs.capabilities.methods.push_back(config::ForwardingMethod::tun);
    auto& servers = config.virtual_servers[0].real_servers;
    servers[0].forwarding = {config::ForwardingMethod::tun, config::TunnelType::gue, 6080,
                             config::TunnelChecksum::remote};
    const api::ServiceTable table = this->table();
    const api::Service& service = table.services(0);
    EXPECT_EQ(service.destinations(0).method(), api::TUN);
    EXPECT_EQ(service.destinations(0).tunnel().ShortDebugString(),
              "type: GUE port: 6080 checksum: true remote_checksum: true");
    EXPECT_EQ(service.destinations(1).method(), api::DR);
    EXPECT_FALSE(service.destinations(1).has_tunnel());
    EXPECT_EQ(words_of(servers[0].forwarding), "TUN gue port 6080 remcsum");
    EXPECT_EQ(words_of(servers[1].forwarding), "DR");
    EXPECT_EQ(words_of({config::ForwardingMethod::tun}), "TUN ipip");
    EXPECT_EQ(words_of({config::ForwardingMethod::tun, config::TunnelType::gre, 0,
                        config::TunnelChecksum::plain}),
              "TUN gre csum");
}

TEST_F(EvaluateTest, AnUncheckedServerIsUpUnlessAlpha) {
    EXPECT_EQ(view().state, State::up);
    config.virtual_servers[0].alpha = true;
    EXPECT_EQ(view().state, State::down);
    result("10.0.0.12", true);
    EXPECT_EQ(view().server_up, (std::vector<bool>{false, true}));
    EXPECT_EQ(view().state, State::degraded);
}

TEST_F(EvaluateTest, AFailedServerLeavesTheTableAndComesBack) {
    result("10.0.0.11", false);
    EXPECT_EQ(view().state, State::degraded);
    ASSERT_EQ(table().services(0).destinations_size(), 1);
    EXPECT_EQ(table().services(0).destinations(0).address(), "10.0.0.12");
    result("10.0.0.11", true);
    EXPECT_EQ(view().state, State::up);
    EXPECT_EQ(table().services(0).destinations_size(), 2);
}

TEST_F(EvaluateTest, AllChecksOfAServerMustPass) {
    config::Check second{.timing = {}, .kind = config::TcpCheck{endpoint("10.0.0.11", 8080)}};
    config.virtual_servers[0].real_servers[0].checks.push_back(second);
    result("10.0.0.11", true);
    states.emplace(endpoint("10.0.0.11", 8080), states.at(endpoint("10.0.0.11")));
    EXPECT_TRUE(view().server_up[0]);
    result("10.0.0.11", false);
    EXPECT_FALSE(view().server_up[0]);
}

TEST_F(EvaluateTest, WithAllServersDownTheServiceIsDownAndStaysInTheTable) {
    result("10.0.0.11", false);
    result("10.0.0.12", false);
    EXPECT_EQ(view().state, State::down);
    ASSERT_EQ(table().services_size(), 1);
    EXPECT_EQ(table().services(0).destinations_size(), 0);
}

TEST_F(EvaluateTest, AVrrpOwnedServiceIsActiveOnlyWhileItsVipIsHeld) {
    config.vrrp.instances.push_back(instance_with("192.0.2.10/24"));
    EXPECT_EQ(view().state, State::standby);
    api::ServiceTable before = table();
    EXPECT_TRUE(before.services(0).vrrp_owned());
    EXPECT_FALSE(before.services(0).active());
    EXPECT_EQ(before.lease_s(), 7U);

    inputs.held_vips.insert(*IpAddress::parse("192.0.2.10"));
    EXPECT_EQ(view().state, State::up);
    EXPECT_TRUE(table().services(0).active());
}

TEST_F(EvaluateTest, AVipOfAnotherAddressDoesNotGate) {
    config.vrrp.instances.push_back(instance_with("192.0.2.11/24"));
    EXPECT_TRUE(view().active);
    EXPECT_FALSE(view().vrrp_owned);
}

TEST_F(EvaluateTest, WhatTheBackendCannotCarryIsNamed) {
    const auto placement = [this](auto change) {
        config::VirtualServer& server = config.virtual_servers[0];
        const config::VirtualServer kept = server;
        change(server);
        const ServiceView seen = view();
        EXPECT_EQ(seen.state, State::down);
        EXPECT_EQ(table().services_size(), 0);
        server = kept;
        return seen.placement;
    };
    EXPECT_EQ(view().placement, "bypass");
    EXPECT_EQ(placement([](auto& server) {
                  server.real_servers[1].forwarding.method = config::ForwardingMethod::nat;
              }),
              "none: lb_kind NAT is not supported (supported: DR)");
    EXPECT_EQ(placement([](auto& server) { server.scheduler = config::Scheduler::wlc; }),
              "none: lb_algo wlc is not supported (supported: rr, wrr)");
    EXPECT_EQ(placement([](auto& server) { server.protocol = config::Protocol::sctp; }),
              "none: protocol sctp is not supported (supported: tcp, udp)");
}

Capabilities of_ipvs() {
    return {.methods = {config::ForwardingMethod::nat, config::ForwardingMethod::dr},
            .schedulers = {config::Scheduler::rr},
            .protocols = {config::Protocol::tcp}};
}

TEST_F(EvaluateTest, IpvsHasWhatTheBypassCannotCarry) {
    inputs.ipvs_capabilities = of_ipvs();
    EXPECT_EQ(view().placement, "bypass");
    EXPECT_FALSE(view().in_ipvs);
    config.virtual_servers[0].real_servers[1].forwarding.method = config::ForwardingMethod::nat;
    EXPECT_EQ(view().placement, "ipvs: lb_kind NAT is not supported (supported: DR)");
    EXPECT_EQ(view().state, State::up);
    EXPECT_EQ(table().services_size(), 0);
    const auto by_ipvs = build_table(config, evaluate(config, inputs), drains, 5, Carrier::ipvs);
    ASSERT_EQ(by_ipvs.services_size(), 1);
    EXPECT_EQ(by_ipvs.services(0).destinations(1).method(), api::NAT);

    inputs.ipvs_down_reason = "the kernel has no IPVS";
    EXPECT_EQ(view().placement,
              "none: lb_kind NAT is not supported (supported: DR); the kernel has no IPVS");
    EXPECT_EQ(view().state, State::down);
    inputs.ipvs_down_reason.clear();
    inputs.ipvs_failures[config.virtual_servers[0].key()] = "refused";
    EXPECT_EQ(view().placement, "none: lb_kind NAT is not supported (supported: DR); refused");
    inputs.engine = config::EngineChoice::af_xdp;
    EXPECT_EQ(view().placement, "none: lb_kind NAT is not supported (supported: DR)");
}

TEST_F(EvaluateTest, IpvsHasEverythingWhenItIsTheEngine) {
    inputs.ipvs_capabilities = of_ipvs();
    inputs.engine = config::EngineChoice::ipvs;
    inputs.backend_down_reason = "it is not there";
    EXPECT_EQ(view().placement, "ipvs");
    EXPECT_EQ(view().state, State::up);
    EXPECT_FALSE(view().in_bypass);
    inputs.ipvs_down_reason = "the kernel has no IPVS";
    EXPECT_EQ(view().placement, "none: the kernel has no IPVS");
}

TEST_F(EvaluateTest, AMarkIsForIpvsAndAlwaysActive) {
    inputs.ipvs_capabilities = of_ipvs();
    inputs.ipvs_capabilities->firewall_marks = true;
    config::VirtualServer& server = config.virtual_servers[0];
    server.fwmark = 7;
    server.endpoint = {};
    server.protocol = config::Protocol::udp;
    // An address that nobody has is no address of an instance.
    config.vrrp.instances.push_back(instance_with("192.0.2.10/24"));
    EXPECT_EQ(view().placement, "ipvs: it is selected by a firewall mark");
    EXPECT_TRUE(view().active);
    EXPECT_FALSE(view().vrrp_owned);
    EXPECT_EQ(view().state, State::up);
    const auto made = build_table(config, evaluate(config, inputs), drains, 5, Carrier::ipvs);
    ASSERT_EQ(made.services_size(), 1);
    EXPECT_EQ(made.services(0).fwmark(), 7U);
    EXPECT_EQ(made.services(0).protocol(), api::PROTOCOL_UNSPECIFIED);
    EXPECT_EQ(log_name(server), "FWM 7");

    inputs.ipvs_failures[server.key()] = "refused";
    EXPECT_EQ(view().placement, "none: it is selected by a firewall mark; refused");
    inputs.engine = config::EngineChoice::af_xdp;
    EXPECT_EQ(view().placement, "none: it is selected by a firewall mark");
}

TEST_F(EvaluateTest, IpvsTakesOverFromABypassThatIsGivenUp) {
    inputs.ipvs_capabilities = of_ipvs();
    inputs.backend_down_reason = inputs.bypass_given_up = "eth0 refuses";
    EXPECT_EQ(view().placement, "ipvs: eth0 refuses");
    EXPECT_EQ(view().state, State::up);
    EXPECT_EQ(table().services_size(), 1) << "with which it comes back";
    inputs.ipvs_capabilities.reset();
    EXPECT_EQ(view().placement, "none: eth0 refuses");
    EXPECT_EQ(view().state, State::down);
}

TEST_F(EvaluateTest, IpvsStandsByForWhatTheBypassHas) {
    const auto of_the_kernel = [this] {
        return build_table(config, evaluate(config, inputs), drains, 5, Carrier::ipvs);
    };
    inputs.ipvs_capabilities = of_ipvs();
    EXPECT_EQ(view().standby, "");
    EXPECT_EQ(of_the_kernel().services_size(), 0);
    EXPECT_EQ(
        build_table(config, evaluate(config, inputs), drains, 5, Carrier::any).services_size(), 1);

    inputs.ipvs_standby = true;
    EXPECT_EQ(view().standby, "none: IPVS has not answered yet");
    ASSERT_EQ(of_the_kernel().services_size(), 1);
    EXPECT_TRUE(of_the_kernel().services(0).standby());
    EXPECT_FALSE(table().ipvs_stands_by());

    inputs.ipvs_is_up = true;
    EXPECT_EQ(view().standby, "ipvs");
    EXPECT_EQ(view().placement, "bypass");
    EXPECT_TRUE(table().ipvs_stands_by());
    EXPECT_FALSE(table().services(0).standby());
    EXPECT_FALSE(of_the_kernel().ipvs_stands_by());

    inputs.backend_down_reason = "it was killed";
    EXPECT_EQ(view().placement, "ipvs: it was killed");
    EXPECT_EQ(view().state, State::up);
    inputs.ipvs_failures[config.virtual_servers[0].key()] = "refused";
    EXPECT_EQ(view().standby, "none: refused");
    EXPECT_EQ(view().placement, "none: it was killed");
    EXPECT_EQ(view().state, State::down);
    EXPECT_FALSE(table().ipvs_stands_by());
}

TEST_F(EvaluateTest, IpvsStandsByForAllOrPacketsWait) {
    inputs.ipvs_capabilities = of_ipvs();
    inputs.ipvs_standby = inputs.ipvs_is_up = true;
    config.virtual_servers.push_back(config.virtual_servers[0]);
    config.virtual_servers[1].endpoint.port = 81;
    EXPECT_TRUE(table().ipvs_stands_by());
    config.virtual_servers[1].scheduler = config::Scheduler::wrr;
    EXPECT_EQ(evaluate(config, inputs)[1].standby,
              "none: lb_algo wrr is not supported (supported: rr)");
    EXPECT_FALSE(table().ipvs_stands_by());
    // What is on IPVS anyway does not need it to stand by.
    config.virtual_servers[1].scheduler = config::Scheduler::rr;
    config.virtual_servers[1].real_servers[0].forwarding.method = config::ForwardingMethod::nat;
    EXPECT_TRUE(evaluate(config, inputs)[1].in_ipvs);
    EXPECT_TRUE(table().ipvs_stands_by());
}

TEST_F(EvaluateTest, EveryFamilyPortAndProtocolIsInTheTable) {
    inputs.capabilities.protocols.push_back(config::Protocol::sctp);
    config.virtual_servers[0].endpoint = endpoint("2001:db8::1", 0);
    config.virtual_servers[0].protocol = config::Protocol::sctp;
    config.virtual_servers[0].real_servers = {real_server("2001:db8::11")};
    const api::ServiceTable table = this->table();
    ASSERT_EQ(table.services_size(), 1);
    EXPECT_EQ(table.services(0).address(), "2001:db8::1");
    EXPECT_EQ(table.services(0).port(), 0U);
    EXPECT_EQ(table.services(0).protocol(), api::SCTP);
    EXPECT_EQ(table.services(0).destinations(0).address(), "2001:db8::11");
}

TEST_F(EvaluateTest, WithoutABackendAnActiveServiceIsDown) {
    inputs.backend_down_reason = "the dataplane is starting";
    EXPECT_EQ(view().state, State::down);
    EXPECT_EQ(view().placement, "none: the dataplane is starting");
    config.vrrp.instances.push_back(instance_with("192.0.2.10/24"));
    EXPECT_EQ(view().state, State::standby);
    // The table does not depend on it: it is what the backend gets once it is there.
    EXPECT_EQ(table().services_size(), 1);
}

TEST_F(EvaluateTest, HistoryReportsChangesOnceAndRemembersSince) {
    History history;
    const auto update = [&](std::int64_t now) {
        return history.update(config, evaluate(config, inputs), now);
    };
    const auto since = [&](std::size_t index) {
        const config::VirtualServer& service = config.virtual_servers[0];
        return history.since_unix_ms(service, service.real_servers[index]);
    };
    EXPECT_TRUE(update(1000).empty());
    result("10.0.0.12", false);
    const auto changes = update(2000);
    ASSERT_EQ(changes.size(), 1U);
    EXPECT_EQ(changes[0].server, 1U);
    EXPECT_FALSE(changes[0].up);
    EXPECT_TRUE(update(3000).empty());
    EXPECT_EQ(since(0), 1000);
    EXPECT_EQ(since(1), 2000);

    // A reload that adds a server in front changes nothing for the others.
    auto& servers = config.virtual_servers[0].real_servers;
    servers.insert(servers.begin(), real_server("10.0.0.10"));
    EXPECT_TRUE(update(4000).empty());
    EXPECT_EQ(since(0), 4000);
    EXPECT_EQ(since(2), 2000);
}

TEST_F(EvaluateTest, EverySchedulerHasItsNameInTheTable) {
    using config::Scheduler;
    for (const Scheduler scheduler :
         {Scheduler::rr, Scheduler::wrr, Scheduler::lc, Scheduler::wlc, Scheduler::lblc,
          Scheduler::lblcr, Scheduler::sh, Scheduler::mh, Scheduler::dh, Scheduler::fo,
          Scheduler::ovf, Scheduler::sed, Scheduler::nq, Scheduler::twos}) {
        config.virtual_servers[0].scheduler = scheduler;
        inputs.capabilities.schedulers = {scheduler};
        std::string name = api::Scheduler_Name(table().services(0).scheduler());
        std::ranges::transform(name, name.begin(), [](unsigned char letter) {
            return static_cast<char>(std::tolower(letter));
        });
        EXPECT_EQ(name, to_word(scheduler));
    }
}

TEST_F(EvaluateTest, FlagsTimeoutsAndLimitsReachTheTable) {
    config::VirtualServer& server = config.virtual_servers[0];
    server.hash_port = true;
    server.hash_fallback = true;
    server.flag_3 = true;
    server.one_packet = true;
    server.expire_quiescent = true;
    server.real_servers[1].upper_threshold = 9;
    server.real_servers[1].lower_threshold = 4;
    config.connection_timeouts = {seconds(11), seconds(12), seconds(13)};
    const api::ServiceTable made = table();
    const api::Service& service = made.services(0);
    EXPECT_TRUE(service.hash_port());
    EXPECT_TRUE(service.hash_fallback());
    EXPECT_TRUE(service.scheduler_flag_3());
    EXPECT_TRUE(service.one_packet());
    EXPECT_TRUE(service.expire_quiescent());
    EXPECT_EQ(service.timeouts().tcp_s(), 11U);
    EXPECT_EQ(service.timeouts().tcp_fin_s(), 12U);
    EXPECT_EQ(service.timeouts().udp_s(), 13U);
    EXPECT_EQ(service.destinations(0).connections_upper(), 0U);
    EXPECT_EQ(service.destinations(1).connections_upper(), 9U);
    EXPECT_EQ(service.destinations(1).connections_lower(), 4U);
}

TEST_F(EvaluateTest, AnInhibitedServerStaysInTheTableWhileItIsDown) {
    config.virtual_servers[0].real_servers[0].inhibit_on_failure = true;
    result("10.0.0.11", false);
    result("10.0.0.12", true);
    const api::ServiceTable made = table();
    ASSERT_EQ(made.services(0).destinations_size(), 2);
    EXPECT_TRUE(made.services(0).destinations(0).inhibited());
    EXPECT_EQ(made.services(0).destinations(0).weight(), 3U);
    EXPECT_FALSE(made.services(0).destinations(1).inhibited());
    EXPECT_EQ(view().state, State::degraded);
}

TEST(Words, NameAsTheApiAndAsTheLog) {
    const config::VirtualServer server = virtual_server("192.0.2.10");
    EXPECT_EQ(name_of(server), "192.0.2.10:80/tcp");
    EXPECT_EQ(log_name(server), "[192.0.2.10]:tcp:80");
    EXPECT_EQ(log_name(server, server.real_servers[0].endpoint), "[10.0.0.11]:tcp:80");
}

TEST_F(EvaluateTest, TheTableSaysWhoEntersTheFlowCache) {
    EXPECT_EQ(table().flow_cache().admit_after(), 4U);
    config.dataplane.flow_cache.admit_after = 9;
    config.dataplane.flow_cache.idle_s = 77;
    EXPECT_EQ(table().flow_cache().admit_after(), 9U);
    EXPECT_EQ(table().flow_cache().idle_s(), 77U);
}

TEST_F(EvaluateTest, TheTableSaysWhatIsConfiguredAgainstFloodsAndNothingElse) {
    EXPECT_FALSE(table().protection().has_new_connection_rate());
    EXPECT_EQ(table().protection().fragment_rate(), 16000U);
    config::Protection& protection = config.dataplane.protection;
    protection.connection_rate = 5000;
    protection.source_rate = 0;
    protection.source_prefix_length_v4 = 32;
    protection.fragment_rate = 7;
    protection.icmp_error_rate = 8;
    protection.icmp_answer_rate = 9;
    protection.blocked = {*Prefix::parse("192.0.2.0/24")};
    protection.allowed = {*Prefix::parse("2001:db8::1/128")};
    EXPECT_EQ(table().protection().ShortDebugString(),
              "new_connection_rate: 5000 source_rate: 0 source_prefix_length_v4: 32 "
              "source_prefix_length_v6: 56 fragment_rate: 7 icmp_error_rate: 8 "
              "icmp_answer_rate: 9 blocked: \"192.0.2.0/24\" allowed: \"2001:db8::1/128\"");
}

}  // namespace
}  // namespace headgate::service
