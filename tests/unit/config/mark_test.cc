// Goal: a virtual server that a firewall mark selects, and one of a group, means what it does to
// keepalived: its family, its ports, and what of the block does not matter.
#include <gtest/gtest.h>

#include "controlplane/config/model_names.h"
#include "tests/unit/config/support.h"

namespace headgate::config {
namespace {

// `lines`: of the block; `servers`: addresses and ports of the real servers.
std::string marked_server(const std::string& lines, const std::vector<std::string>& servers,
                          const std::string& head = "fwmark 7") {
    std::string text = "virtual_server " + head + " {\nlb_algo rr\nlb_kind DR\n" + lines + "\n";
    for (const std::string& server : servers)
        text += "real_server " + server + " {\n}\n";
    return text + "}\n";
}

std::vector<VirtualServer> virtual_servers_of(const std::string& text) {
    const LoadResult result = load_text(text);
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    return result.config ? result.config->virtual_servers : std::vector<VirtualServer>{};
}

std::vector<std::string> server_names_in(const std::string& text) {
    std::vector<std::string> names;
    for (const VirtualServer& server : virtual_servers_of(text))
        names.push_back(name_of(server));
    return names;
}

using ServerNames = std::vector<std::string>;

TEST(Mark, NeedsNoProtocolAndHasNoPort) {
    const auto servers = virtual_servers_of(marked_server("ops", {"192.0.2.11 80", "192.0.2.12"}));
    ASSERT_EQ(servers.size(), 1U);
    EXPECT_EQ(servers[0].fwmark, 7U);
    EXPECT_TRUE(servers[0].endpoint.address.is_unspecified());
    EXPECT_TRUE(servers[0].one_packet);
    EXPECT_EQ(servers[0].real_servers[0].endpoint.to_string(), "192.0.2.11:0");
    EXPECT_EQ(servers[0].key(),
              virtual_servers_of(marked_server("protocol TCP", {"192.0.2.11"}))[0].key());
}

TEST(Mark, ChecksThePortOfItsRealServers) {
    const auto servers = virtual_servers_of(
        "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind DR\nreal_server 192.0.2.11 80 {\n"
        "TCP_CHECK {\n}\n}\n}\n");
    const Check& check = servers.at(0).real_servers[0].checks.at(0);
    EXPECT_EQ(std::get<TcpCheck>(check.kind).target.to_string(), "192.0.2.11:80");
}

TEST(Mark, KeepsThePortsOfNat) {
    const auto servers = virtual_servers_of(
        "virtual_server fwmark 7 {\nlb_algo rr\nlb_kind NAT\nreal_server 192.0.2.11 8080 {\n}\n"
        "real_server 192.0.2.12 {\n}\n}\n");
    EXPECT_EQ(servers.at(0).real_servers[0].endpoint.to_string(), "192.0.2.11:8080");
    EXPECT_EQ(servers.at(0).real_servers[1].endpoint.port, 0U);
}

TEST(Mark, HasTheFamilyOfItsRealServers) {
    EXPECT_EQ(server_names_in(marked_server("", {"192.0.2.11 80"})), ServerNames{"fwmark 7"});
    EXPECT_EQ(server_names_in(marked_server("", {"2001:db8::11 80"})),
              ServerNames{"fwmark 7 (IPv6)"});
    const auto tunnelled = [](const std::string& lines, const std::vector<std::string>& servers) {
        std::string text = marked_server(lines, servers);
        return text.replace(text.find("DR"), 2, "TUN");
    };
    EXPECT_EQ(server_names_in(tunnelled("", {"2001:db8::11 80"})), ServerNames{"fwmark 7 (IPv6)"});
    EXPECT_EQ(server_names_in(tunnelled("", {"2001:db8::11 80", "192.0.2.11 80"})),
              ServerNames{"fwmark 7"});
    EXPECT_EQ(server_names_in(tunnelled("ip_family inet6", {"192.0.2.11 80"})),
              ServerNames{"fwmark 7 (IPv6)"});
}

TEST(Mark, MayBeOfBothFamilies) {
    EXPECT_EQ(server_names_in(marked_server("ip_family inet", {"192.0.2.11"}) +
                              marked_server("ip_family inet6", {"2001:db8::11"})),
              (ServerNames{"fwmark 7", "fwmark 7 (IPv6)"}));
    const LoadResult twice =
        load_text(marked_server("", {"192.0.2.11"}) + marked_server("", {"192.0.2.12"}));
    ASSERT_EQ(twice.diagnostics.size(), 1U);
    EXPECT_EQ(twice.diagnostics[0].message, "virtual_server fwmark 7 is there already");
}

TEST(Mark, OfAGroupComesBehindItsAddresses) {
    const auto group = [](const std::string& lines, const std::string& more = "") {
        return server_names_in(
            "dataplane {\ninterface eth0\n}\nvirtual_server_group web {\n" + lines + "\n}\n" +
            marked_server("protocol TCP\n" + more, {"192.0.2.11 80"}, "group web"));
    };
    EXPECT_EQ(group("fwmark 9\n192.0.2.10 80\nfwmark 3"),
              (ServerNames{"192.0.2.10:80/tcp", "fwmark 9", "fwmark 3"}));
    EXPECT_EQ(group("fwmark 9\nfwmark 9\nfwmark 3 inet"), (ServerNames{"fwmark 9", "fwmark 3"}));
    const auto tunnelled = virtual_servers_of(
        "dataplane {\ninterface eth0\n}\nvirtual_server_group web {\nfwmark 9\n2001:db8::1 80\n}\n"
        "virtual_server group web {\nlb_algo rr\nlb_kind TUN\nprotocol TCP\n"
        "real_server 192.0.2.11 80 {\n}\n}\n");
    ASSERT_EQ(tunnelled.size(), 2U);
    EXPECT_EQ(name_of(tunnelled[1]), "fwmark 9 (IPv6)");
    EXPECT_EQ(tunnelled[1].real_servers[0].endpoint.to_string(), "192.0.2.11:0");
    EXPECT_EQ(tunnelled[0].real_servers[0].endpoint.to_string(), "192.0.2.11:80");
}

TEST(Mark, CanBeTracked) {
    const LoadResult result =
        load_text(marked_server("", {"192.0.2.11"}) +
                  "vrrp_instance VI {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n"
                  "192.0.2.10\n}\ntrack_virtual_server {\nfwmark 7 weight -10\n}\n}\n");
    EXPECT_TRUE(result.diagnostics.empty()) << render_report(result.diagnostics);
    EXPECT_EQ(result.config->vrrp.instances.at(0).trackers.at(0).tracker.name, "fwmark 7");
}

TEST(SchedulerFlags, GoToEveryScheduler) {
    const auto servers =
        virtual_servers_of(marked_server("flag-1\nflag-2\nflag-3", {"192.0.2.11"}));
    EXPECT_TRUE(servers.at(0).hash_fallback);
    EXPECT_TRUE(servers.at(0).hash_port);
    EXPECT_TRUE(servers.at(0).flag_3);
}

TEST(PersistenceEngine, GoesWithPersistence) {
    const auto engine = [](const std::string& lines) {
        return virtual_servers_of(marked_server(lines + "persistence_engine sip", {"192.0.2.11"}))
            .at(0)
            .persistence_engine;
    };
    EXPECT_EQ(engine("persistence_timeout 5\n"), "sip");
    EXPECT_EQ(engine("persistence_granularity 24\n"), "sip");
}

}  // namespace
}  // namespace headgate::config
