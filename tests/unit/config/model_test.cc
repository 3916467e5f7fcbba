// Goal: what a configuration means, with keepalived's defaults and inheritance.
#include <gtest/gtest.h>

#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

VrrpInstance instance_of(const std::string& text) {
    const Config config = load_fine(text);
    EXPECT_EQ(config.vrrp.instances.size(), 1U);
    return config.vrrp.instances.empty() ? VrrpInstance{} : config.vrrp.instances[0];
}

VirtualServer server_of(const std::string& text) {
    const Config config = load_fine(text);
    EXPECT_EQ(config.virtual_servers.size(), 1U);
    return config.virtual_servers.empty() ? VirtualServer{} : config.virtual_servers[0];
}

TEST(Instance, HasKeepalivedsDefaults) {
    const VrrpInstance instance = instance_of(instance_with(""));
    EXPECT_EQ(instance.name, "VI_1");
    EXPECT_EQ(instance.location, (SourceLocation{"test.conf", 1, 1}));
    EXPECT_EQ(instance.initial_state, VrrpInitialState::backup);
    EXPECT_EQ(instance.interface, "eth0");
    EXPECT_EQ(instance.vrid, 51);
    EXPECT_EQ(instance.priority, 100);
    EXPECT_EQ(instance.version, 2);
    EXPECT_EQ(instance.advert_interval, seconds(1));
    EXPECT_FALSE(instance.auth_pass);
    EXPECT_TRUE(instance.preempt);
    EXPECT_EQ(instance.vip_lease, seconds(3));
    EXPECT_EQ(instance.announcing.repeat, 5U);
    EXPECT_EQ(instance.announcing.delay, seconds(5));
    ASSERT_EQ(instance.virtual_addresses.size(), 1U);
    EXPECT_EQ(instance.virtual_addresses[0].prefix.to_string(), "192.0.2.10/24");
    EXPECT_EQ(instance.virtual_addresses[0].interface, "eth0");
}

TEST(Instance, SetsEveryKeyword) {
    const VrrpInstance instance = instance_of(
        instance_with("state BACKUP\npriority 42\nadvert_int 3\nnopreempt\nvip_lease 9\n"
                      "garp_master_delay 0\ngarp_master_repeat 2\n"
                      "authentication {\nauth_type PASS\nauth_pass \"a b\"\n}\n"));
    EXPECT_EQ(instance.priority, 42);
    EXPECT_EQ(instance.advert_interval, seconds(3));
    EXPECT_FALSE(instance.preempt);
    EXPECT_EQ(instance.vip_lease, seconds(9));
    EXPECT_EQ(instance.announcing.delay, seconds(0));
    EXPECT_EQ(instance.announcing.repeat, 2U);
    EXPECT_EQ(instance.auth_pass, "a b");
}

TEST(Instance, OwnsItsAddressesWhenMasterWithoutPriority) {
    EXPECT_EQ(instance_of(instance_with("state MASTER")).priority, 255);
    EXPECT_EQ(instance_of(instance_with("state MASTER\npriority 10")).priority, 10);
}

TEST(Instance, PreemptsWhenThatIsSaidLast) {
    EXPECT_TRUE(instance_of(instance_with("nopreempt\npreempt")).preempt);
    EXPECT_FALSE(instance_of(instance_with("preempt\nnopreempt")).preempt);
}

TEST(Instance, AdvertisesInHundredthsInVersion3) {
    const VrrpInstance instance = instance_of(instance_with("advert_int 0.25\nversion 3"));
    EXPECT_EQ(instance.version, 3);
    EXPECT_EQ(instance.advert_interval, milliseconds(250));
}

TEST(Instance, KeepsTheFirstStateAsKeepalivedDoes) {
    const LoadResult result = load_text(instance_with("state MASTER\nstate BACKUP\npriority 9"));
    EXPECT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.config->vrrp.instances[0].initial_state, VrrpInitialState::master);
}

TEST(Instance, RoundsWhatVersion2CannotAdvertise) {
    const auto interval = [](const char* text) {
        return load_text(instance_with(std::string("advert_int ") + text))
            .config->vrrp.instances[0]
            .advert_interval;
    };
    EXPECT_EQ(interval("0.4"), seconds(1));
    EXPECT_EQ(interval("2.4"), seconds(2));
    EXPECT_EQ(interval("2.6"), seconds(3));
}

TEST(Instance, TakesDefaultsFromGlobalDefsWhereverTheyStand) {
    const VrrpInstance instance =
        instance_of(instance_with("",
                                  "global_defs {\nvrrp_version 3\nvrrp_garp_master_delay 7\n"
                                  "vrrp_garp_master_repeat 3\n}"));
    EXPECT_EQ(instance.version, 3);
    EXPECT_EQ(instance.announcing.delay, seconds(7));
    EXPECT_EQ(instance.announcing.repeat, 3U);
}

TEST(Instance, ReadsTheOptionsOfAddresses) {
    const VrrpInstance instance = instance_of(
        "vrrp_instance VI_1 {\nvirtual_ipaddress {\n"
        "192.0.2.10\n"
        "192.0.2.11/24 brd 192.0.2.255 dev eth1 scope link label eth1:vip\n"
        "192.0.2.77/26 brd +\n"
        "192.0.2.78/26 broadcast - scope 7\n"
        "}\ninterface eth0\nvirtual_router_id 1\n}\n");
    ASSERT_EQ(instance.virtual_addresses.size(), 4U);
    const auto& addresses = instance.virtual_addresses;
    EXPECT_EQ(addresses[0].prefix.length, 32);
    EXPECT_EQ(addresses[0].interface, "eth0");
    EXPECT_EQ(addresses[1].interface, "eth1");
    EXPECT_EQ(addresses[1].label, "eth1:vip");
    EXPECT_EQ(addresses[1].scope, 253);
    EXPECT_EQ(addresses[1].broadcast->to_string(), "192.0.2.255");
    EXPECT_EQ(addresses[2].broadcast->to_string(), "192.0.2.127");
    EXPECT_EQ(addresses[3].broadcast->to_string(), "192.0.2.64");
    EXPECT_EQ(addresses[3].scope, 7);
}

TEST(Instance, IsLeftOutWhenItCannotRun) {
    const std::string good = instance_with("");
    const auto instances_beside = [&](const std::string& bad) {
        const LoadResult result = load_text(good + bad);
        EXPECT_EQ(result.diagnostics.size(), 1U) << render_report(result.diagnostics);
        return result.config->vrrp.instances.size();
    };
    EXPECT_EQ(instances_beside("vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 0\n"
                               "virtual_ipaddress {\n192.0.2.20\n}\n}\n"),
              1U);
    EXPECT_EQ(instances_beside("vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\n"
                               "virtual_ipaddress {\n192.0.2.256\n}\n}\n"),
              1U);
    EXPECT_EQ(instances_beside("vrrp_instance VI_2 {\ninterface eth0\nvirtual_router_id 52\n}\n"),
              2U);
}

TEST(Server, HasKeepalivedsDefaults) {
    const VirtualServer server = server_of(server_with({.real_server = "TCP_CHECK {\n}"}));
    EXPECT_EQ(server.endpoint.to_string(), "192.0.2.10:80");
    EXPECT_EQ(server.location, (SourceLocation{"test.conf", 4, 1}));
    EXPECT_EQ(server.persistence_timeout, seconds(0));
    EXPECT_EQ(server.persistence_prefix_length, 32);
    EXPECT_FALSE(server.alpha);
    ASSERT_EQ(server.real_servers.size(), 1U);
    const RealServer& real = server.real_servers[0];
    EXPECT_EQ(real.weight, 1U);
    ASSERT_EQ(real.checks.size(), 2U);
    const Check& tcp = real.checks[0];
    EXPECT_EQ(tcp.timing, (CheckTiming{seconds(60), seconds(5), 1, seconds(1)}));
    EXPECT_EQ(std::get<TcpCheck>(tcp.kind).target.to_string(), "192.0.2.11:80");
    const Check& http = real.checks[1];
    EXPECT_EQ(http.timing, (CheckTiming{seconds(60), seconds(5), 1, seconds(3)}));
    const auto& urls = std::get<HttpCheck>(http.kind).urls;
    ASSERT_EQ(urls.size(), 1U);
    EXPECT_EQ(urls[0].path, "/");
    EXPECT_EQ(urls[0].statuses, std::vector<StatusRange>{StatusRange{}});
    EXPECT_EQ(urls[0].virtual_host, "");
}

TEST(Server, SetsEveryKeyword) {
    const VirtualServer server = server_of(
        "dataplane {\ninterface eth0 eth1\ninterface eth2\nxdp_mode generic\n}\n"
        "virtual_server 192.0.2.10 53 {\nlvs_sched wrr\nlvs_method DR\nprotocol udp\nalpha\n"
        "persistence_timeout 60\npersistence_granularity 255.255.255.0\nweight 7\n"
        "real_server 192.0.2.11 53 {\nweight 0\n}\nreal_server 192.0.2.12 53 {\n}\n}\n");
    EXPECT_EQ(server.scheduler, Scheduler::wrr);
    EXPECT_EQ(server.method, ForwardingMethod::dr);
    EXPECT_EQ(server.protocol, Protocol::udp);
    EXPECT_TRUE(server.alpha);
    EXPECT_EQ(server.persistence_timeout, seconds(60));
    EXPECT_EQ(server.persistence_prefix_length, 24);
    ASSERT_EQ(server.real_servers.size(), 2U);
    EXPECT_EQ(server.real_servers[0].weight, 0U);
    EXPECT_EQ(server.real_servers[1].weight, 7U);
    EXPECT_TRUE(server.real_servers[1].checks.empty());
}

TEST(Server, TakesTunnelsAsKeepalivedWritesThem) {
    using Method = ForwardingMethod;
    using Sum = TunnelChecksum;
    const std::vector<std::pair<std::string, Forwarding>> cases{
        {"DR", {Method::dr}},
        {"TUN", {Method::tun}},
        {"TUN type ipip nocsum", {Method::tun}},
        {"TUN type gue port 6080", {Method::tun, TunnelType::gue, 6080}},
        {"TUN type gue csum port 6080", {Method::tun, TunnelType::gue, 6080, Sum::plain}},
        {"TUN type gue port 9 remcsum", {Method::tun, TunnelType::gue, 9, Sum::remote}},
        {"TUN csum type gre", {Method::tun, TunnelType::gre, 0, Sum::plain}}};
    for (const auto& [words, wanted] : cases) {
        // Of the virtual server, and of one real server by itself.
        for (const bool own : {false, true}) {
            const VirtualServer server = server_of(
                "dataplane {\ninterface eth0\n}\nvirtual_server 192.0.2.10 53 {\nlb_algo rr\n"
                "lb_kind " +
                (own ? "DR" : words) +
                "\nprotocol TCP\n"
                "real_server 192.0.2.11 53 {\n" +
                (own ? "lvs_method " + words : "") + "\n}\n}\n");
            EXPECT_EQ(server.real_servers.at(0).forwarding, wanted) << words;
            EXPECT_EQ(server.method, own ? Method::dr : wanted.method);
        }
    }
}

TEST(Server, MayBeOfAnotherFamilyBehindATunnel) {
    const VirtualServer server = server_of(
        "dataplane {\ninterface eth0\n}\nvirtual_server 2001:db8::10 80 {\nlb_algo rr\n"
        "lb_kind DR\nprotocol TCP\nreal_server 2001:db8::11 80 {\n}\n"
        "real_server 192.0.2.12 80 {\nlvs_method TUN\n}\n}\n");
    ASSERT_EQ(server.real_servers.size(), 2U);
    EXPECT_EQ(server.real_servers[1].endpoint.to_string(), "192.0.2.12:80");
}

TEST(Server, TakesFlagsThresholdsAndTimeouts) {
    const LoadResult result = load_text(
        "global_defs {\nlvs_timeouts tcp 100 tcpfin 20\n}\ndataplane {\ninterface eth0\n}\n"
        "virtual_server 192.0.2.10 53 {\nsh-port\nlb_algo sh\nflag-1\nlb_kind DR\n"
        "protocol UDP\nops\ninhibit_on_failure\ndrain_timeout 60\nexpire_quiescent_template\n"
        "real_server 192.0.2.11 53 {\nuthreshold 10\nlthreshold 7\n}\n"
        "real_server 192.0.2.12 53 {\ninhibit_on_failure off\n}\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->connection_timeouts.tcp, seconds(100));
    EXPECT_EQ(result.config->connection_timeouts.tcp_fin, seconds(20));
    EXPECT_EQ(result.config->connection_timeouts.udp, seconds(0));
    const VirtualServer& server = result.config->virtual_servers.at(0);
    EXPECT_EQ(server.scheduler, Scheduler::sh);
    EXPECT_TRUE(server.hash_port);
    EXPECT_TRUE(server.hash_fallback);
    EXPECT_TRUE(server.one_packet);
    EXPECT_TRUE(server.expire_quiescent);
    EXPECT_EQ(server.drain_timeout, seconds(60));
    EXPECT_TRUE(server.real_servers.at(0).inhibit_on_failure);
    EXPECT_EQ(server.real_servers.at(0).upper_threshold, 10U);
    EXPECT_EQ(server.real_servers.at(0).lower_threshold, 7U);
    EXPECT_FALSE(server.real_servers.at(1).inhibit_on_failure);
}

std::vector<std::string> group_endpoints(const std::string& lines) {
    const LoadResult result =
        load_text("dataplane {\ninterface eth0\n}\nvirtual_server_group web {\n" + lines +
                  "\n}\nvirtual_server group web {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n"
                  "real_server 192.0.2.11 80 {\n}\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    std::vector<std::string> endpoints;
    for (const VirtualServer& server : result.config->virtual_servers) {
        EXPECT_EQ(server.group, "web");
        EXPECT_EQ(server.real_servers.at(0).endpoint.to_string(), "192.0.2.11:80");
        endpoints.push_back(server.endpoint.to_string());
    }
    return endpoints;
}

TEST(ServerGroup, IsAVirtualServerForEachAddress) {
    using Endpoints = std::vector<std::string>;
    EXPECT_EQ(group_endpoints("192.0.2.10 80\n192.0.2.20 80\n192.0.2.10 80"),
              (Endpoints{"192.0.2.10:80", "192.0.2.20:80"}));
    EXPECT_EQ(group_endpoints("192.0.2.254-255 80"),
              (Endpoints{"192.0.2.254:80", "192.0.2.255:80"}));
    EXPECT_EQ(group_endpoints("192.0.2.255-192.0.3.1 80"),
              (Endpoints{"192.0.2.255:80", "192.0.3.0:80", "192.0.3.1:80"}));
    EXPECT_EQ(group_endpoints("192.0.2.8/30 80"),
              (Endpoints{"192.0.2.8:80", "192.0.2.9:80", "192.0.2.10:80", "192.0.2.11:80"}));
}

TEST(ServerGroup, GivesRealServersThePortOfEachAddress) {
    const LoadResult result = load_text(
        "dataplane {\ninterface eth0\n}\nvirtual_server_group web {\n192.0.2.10 80\n"
        "192.0.2.10 443\n}\nvirtual_server group web {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n"
        "real_server 192.0.2.11 80 {\n}\n}\n");
    ASSERT_EQ(result.config->virtual_servers.size(), 2U);
    EXPECT_EQ(result.config->virtual_servers[1].real_servers[0].endpoint.to_string(),
              "192.0.2.11:443");
}

TEST(Server, PersistsSixMinutesWhenNoTimeIsGiven) {
    EXPECT_EQ(server_of(server_with({.server = "persistence_timeout"})).persistence_timeout,
              seconds(360));
    const VirtualServer server = server_of(server_with({.server = "persistence_granularity 20"}));
    EXPECT_EQ(server.persistence_timeout, seconds(360));
    EXPECT_EQ(server.persistence_prefix_length, 20);
}

TEST(Server, CanBeOfIpv6AndOfEveryPort) {
    const VirtualServer server = server_of(
        "dataplane {\ninterface eth0\n}\nvirtual_server 2001:db8::10 {\nlb_algo rr\n"
        "lb_kind DR\nprotocol SCTP\npersistence_timeout 60\n"
        "real_server 2001:db8::11 {\nTCP_CHECK {\nconnect_port 80\n}\n}\n}\n");
    EXPECT_EQ(server.endpoint.to_string(), "[2001:db8::10]:0");
    EXPECT_EQ(server.protocol, Protocol::sctp);
    EXPECT_EQ(server.persistence_prefix_length, 128);
    ASSERT_EQ(server.real_servers.size(), 1U);
    EXPECT_EQ(server.real_servers[0].endpoint.to_string(), "[2001:db8::11]:0");
    ASSERT_EQ(server.real_servers[0].checks.size(), 1U);
    EXPECT_EQ(std::get<TcpCheck>(server.real_servers[0].checks[0].kind).target.to_string(),
              "[2001:db8::11]:80");
}

TEST(Server, TakesAPrefixOfIpv6AsGranularity) {
    const VirtualServer server = server_of(
        "dataplane {\ninterface eth0\n}\nvirtual_server 2001:db8::10 80 {\nlb_algo rr\n"
        "lb_kind DR\nprotocol TCP\npersistence_granularity 64\n"
        "real_server 2001:db8::11 80 {\n}\n}\n");
    EXPECT_EQ(server.persistence_timeout, seconds(360));
    EXPECT_EQ(server.persistence_prefix_length, 64);
}

TEST(Server, StaysInTheModelWhenForwardingCannotCarryIt) {
    const LoadResult result = load_text(
        "dataplane {\ninterface eth0\nengine af_xdp\n}\nvirtual_server 192.0.2.10 80 {\nlb_algo "
        "mh\n"
        "lb_kind NAT\nprotocol SCTP\nreal_server 192.0.2.11 8080 {\n}\n}\n");
    EXPECT_EQ(result.diagnostics.size(), 1U);
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
    const VirtualServer& server = result.config->virtual_servers.at(0);
    EXPECT_EQ(server.scheduler, Scheduler::mh);
    EXPECT_EQ(server.method, ForwardingMethod::nat);
    EXPECT_EQ(server.protocol, Protocol::sctp);
    EXPECT_EQ(server.real_servers.at(0).endpoint.port, 8080);
}

TEST(Server, MayBeForwardedByTheKernelAlone) {
    const Config config = load_fine(
        "global_defs {\nlvs_flush\nlvs_flush_on_stop\n}\ndataplane {\nengine ipvs\n}\n"
        "virtual_server 192.0.2.10 80 {\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n"
        "real_server 192.0.2.11 8080 {\n}\n}\n");
    EXPECT_EQ(config.dataplane.engine, EngineChoice::ipvs);
    EXPECT_TRUE(config.ipvs.flush_at_start);
    EXPECT_TRUE(config.ipvs.flush_on_stop);
    EXPECT_EQ(load_fine("").dataplane.engine, EngineChoice::automatic);
    EXPECT_FALSE(load_fine("global_defs {\nlvs_flush_on_stop VS\n}\n").ipvs.flush_on_stop);
}

TEST(Server, ForcesThePortOfItsRealServersWithoutNat) {
    const LoadResult result = load_text(
        "dataplane {\ninterface eth0\n}\nvirtual_server 192.0.2.10 80 {\nlb_algo rr\n"
        "lb_kind DR\nprotocol TCP\nreal_server 192.0.2.11 8080 {\nTCP_CHECK {\n}\n}\n}\n");
    const RealServer& real = result.config->virtual_servers.at(0).real_servers.at(0);
    EXPECT_EQ(real.endpoint.port, 80);
    EXPECT_EQ(std::get<TcpCheck>(real.checks.at(0).kind).target.port, 80);
}

TEST(Check, TakesItsTimingFromTheInnermostBlock) {
    const auto timing_of = [](const ServerLines& lines) {
        return server_of(server_with(lines)).real_servers.at(0).checks.at(0).timing;
    };
    const std::string_view outer = "delay_loop 1\nconnect_timeout 2\nretry 3\ndelay_before_retry 4";
    const std::string_view middle =
        "delay_loop 11\nconnect_timeout 12\nretry 13\ndelay_before_retry 14";
    const std::string_view inner =
        "delay_loop 21.5\nconnect_timeout 22\nretry 23\ndelay_before_retry 0";
    EXPECT_EQ(timing_of({.server = outer}), (CheckTiming{seconds(1), seconds(2), 3, seconds(4)}));
    EXPECT_EQ(timing_of({.server = outer, .real_server = middle}),
              (CheckTiming{seconds(11), seconds(12), 13, seconds(14)}));
    EXPECT_EQ(timing_of({.server = outer, .real_server = middle, .http_get = inner}),
              (CheckTiming{milliseconds(21'500), seconds(22), 23, seconds(0)}));
    EXPECT_EQ(timing_of({.server = outer, .http_get = "retry 0"}),
              (CheckTiming{seconds(1), seconds(2), 0, seconds(4)}));
    EXPECT_EQ(timing_of({.http_get = "nb_get_retry 4"}).retry, 4U);
}

TEST(Check, AsksForWhatIsWritten) {
    const auto check_of = [](const ServerLines& lines) {
        return std::get<HttpCheck>(
            server_of(server_with(lines)).real_servers.at(0).checks.at(0).kind);
    };
    const HttpCheck check = check_of({.http_get = "connect_ip 192.0.2.99\nconnect_port 8081",
                                      .url = "status_code 200 300-399 503"});
    EXPECT_EQ(check.target.to_string(), "192.0.2.99:8081");
    EXPECT_EQ(check.urls.at(0).statuses,
              (std::vector<StatusRange>{{200, 200}, {300, 399}, {503, 503}}));
    const auto host_of = [&](const ServerLines& lines) {
        return check_of(lines).urls.at(0).virtual_host;
    };
    EXPECT_EQ(host_of({.server = "virtualhost a"}), "a");
    EXPECT_EQ(host_of({.server = "virtualhost a", .real_server = "virtualhost b"}), "b");
    EXPECT_EQ(host_of({.real_server = "virtualhost b", .http_get = "virtualhost c"}), "c");
    EXPECT_EQ(host_of({.http_get = "virtualhost c", .url = "virtualhost d"}), "d");
}

TEST(DataplaneBlock, SizesTheFlowCache) {
    const FlowCache cache =
        load_fine(instance_with("",
                                "dataplane {\nflow_cache 0\nflow_cache_after 1\n"
                                "flow_cache_idle 3600\n}"))
            .dataplane.flow_cache;
    EXPECT_EQ(cache.flows, 0U);
    EXPECT_EQ(cache.admit_after, 1);
    EXPECT_EQ(cache.idle_s, 3600U);
}

TEST(DataplaneBlock, NamesInterfacesAndMode) {
    const Config config = load_fine(
        instance_with("", "dataplane {\ninterface eth0 eth1\ninterface eth2\nxdp_mode native\n}"));
    EXPECT_EQ(config.dataplane.interfaces, (std::vector<std::string>{"eth0", "eth1", "eth2"}));
    EXPECT_EQ(config.dataplane.mode, XdpMode::native);
}

// In the manner of the sample that keepalived ships.
constexpr std::string_view field_configuration = R"(! Configuration File for keepalived

global_defs {
   notification_email {
     ops@example.net
   }
   notification_email_from lb@example.net
   smtp_server 192.0.2.1
   smtp_connect_timeout 30
   router_id LVS_DEVEL
   vrrp_skip_check_adv_addr
}

vrrp_script chk_nginx {
    script "/usr/bin/pgrep nginx"   # as root
    interval 2
    weight -20
}

vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 100
    advert_int 1
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    track_script {
        chk_nginx
    }
    virtual_ipaddress {
        192.0.2.16
        192.0.2.17 label eth0:1
    }
    notify_master "/etc/keepalived/notify.sh master"
}

virtual_server 192.0.2.16 1358 {
    delay_loop 6
    lb_algo rr
    lb_kind DR
    persistence_timeout 50
    protocol TCP
    quorum 1

    sorry_server 192.0.2.200 1358

    real_server 192.0.2.2 1358 {
        weight 1
        HTTP_GET {
            url {
              path /testurl/test.jsp
              digest 640205b7b0fc66c1ea91c463fac6334d
            }
            connect_timeout 3
            nb_get_retry 3
            delay_before_retry 3
        }
    }
}
)";

// Everything that is not acted on is told once, and all the rest is understood.
TEST(Compatibility, ReadsAConfigurationFromTheField) {
    const LoadResult result = load_text(field_configuration);
    const std::string_view expected[] = {"notification_email", "notification_email_from",
                                         "smtp_server",        "smtp_connect_timeout",
                                         "notify_master",      "quorum",
                                         "sorry_server",       "digest"};
    ASSERT_EQ(result.diagnostics.size(), std::size(expected)) << render_report(result.diagnostics);
    for (std::size_t index = 0; index < std::size(expected); ++index) {
        EXPECT_EQ(result.diagnostics[index].severity, Severity::warning);
        EXPECT_TRUE(result.diagnostics[index].message.starts_with(
            "`" + std::string(expected[index]) + "` is a keepalived keyword"))
            << result.diagnostics[index].message;
    }
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
    ASSERT_TRUE(result.config);
    EXPECT_EQ(result.config->vrrp.instances.at(0).virtual_addresses.size(), 2U);
    EXPECT_EQ(result.config->virtual_servers.at(0).real_servers.at(0).checks.at(0).timing.retry,
              3U);
}

}  // namespace
}  // namespace headgate::config
