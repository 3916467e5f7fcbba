// Goal: a ServiceTable asks of IPVS what keepalived would, and nothing for a service whose address
// is not held here.
#include "controlplane/forwarding/ipvs/table.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"

namespace headgate::forwarding::ipvs {
namespace {

api::Service& add_service(api::ServiceTable& table, const char* address, std::uint32_t port) {
    api::Service& service = *table.add_services();
    service.set_address(address);
    service.set_port(port);
    service.set_protocol(api::TCP);
    service.set_scheduler(api::WLC);
    service.set_method(api::DR);
    service.set_active(true);
    return service;
}

api::Destination& add_server(api::Service& service, const char* address) {
    api::Destination& destination = *service.add_destinations();
    destination.set_address(address);
    destination.set_port(service.port());
    destination.set_weight(3);
    return destination;
}

ServiceSettings wlc() {
    ServiceSettings settings;
    settings.scheduler = "wlc";
    return settings;
}

TEST(Table, HasWhatAServiceSays) {
    api::ServiceTable from;
    api::Service& service = add_service(from, "192.0.2.10", 80);
    service.set_scheduler(api::MH);
    service.set_hash_port(true);
    service.set_hash_fallback(true);
    service.set_persistence_timeout_s(50);
    service.set_persistence_prefix_length(24);
    api::Destination& server = add_server(service, "10.0.0.11");
    server.set_connections_upper(100);
    server.set_connections_lower(50);

    const Table table = table_of(from);
    ASSERT_EQ(table.services.size(), 1U);
    ServiceSettings settings;
    settings.scheduler = "mh";
    settings.sched_flag_1 = true;
    settings.sched_flag_2 = true;
    settings.persistent = true;
    settings.persistence_timeout_s = 50;
    settings.persistence_prefix_length = 24;
    EXPECT_EQ(table.services[0].settings, settings);
    EXPECT_EQ(table.services[0].key.to_string(), "192.0.2.10:80/tcp");
    ASSERT_EQ(table.services[0].destinations.size(), 1U);
    EXPECT_EQ(table.services[0].destinations[0].endpoint.to_string(), "10.0.0.11:80");
    EXPECT_EQ(
        table.services[0].destinations[0].settings,
        (DestinationSettings{
            .method = Method::dr, .weight = 3, .upper_threshold = 100, .lower_threshold = 50}));
}

TEST(Table, HasMarksOfBothFamilies) {
    api::ServiceTable from;
    for (const char* family : {"0.0.0.0", "::"}) {
        api::Service& service = add_service(from, family, 0);
        service.clear_protocol();
        service.set_fwmark(7);
        service.set_scheduler_flag_3(true);
        add_server(service, "10.0.0.11");
    }
    const Table table = table_of(from);
    ASSERT_EQ(table.services.size(), 2U);
    EXPECT_EQ(table.services[0].key.to_string(), "fwmark 7");
    EXPECT_EQ(table.services[1].key.to_string(), "fwmark 7 (IPv6)");
    EXPECT_EQ(table.services[0].key.protocol, 0);
    EXPECT_TRUE(table.services[0].settings.sched_flag_3);
    EXPECT_FALSE(table.services[0].settings.persistent) << "as only `every port` is";
    EXPECT_EQ(table.services[0].destinations[0].endpoint.port, 0);
}

TEST(Table, HasAPersistenceEngine) {
    api::ServiceTable from;
    api::Service& service = add_service(from, "192.0.2.10", 5060);
    service.set_persistence_timeout_s(50);
    service.set_persistence_engine("sip");
    EXPECT_EQ(table_of(from).services[0].settings.persistence_engine, "sip");
}

TEST(Table, FillsInWhatTheKernelDoes) {
    api::ServiceTable from;
    add_server(add_service(from, "2001:db8::10", 80), "2001:db8::11");
    const Table table = table_of(from);
    ServiceSettings settings = wlc();
    settings.persistence_prefix_length = 128;
    EXPECT_EQ(table.services[0].settings, settings);
}

TEST(Table, EveryPortIsPersistentAsInKeepalived) {
    api::ServiceTable from;
    add_service(from, "192.0.2.10", 0);
    const Table table = table_of(from);
    ServiceSettings settings = wlc();
    settings.persistent = true;
    settings.persistence_timeout_s = 360;
    EXPECT_EQ(table.services[0].settings, settings);
}

TEST(Table, ServicesWithoutTheirAddressAreOursButNotWanted) {
    api::ServiceTable from;
    add_service(from, "192.0.2.10", 80).set_active(false);
    add_service(from, "192.0.2.11", 80);
    const Table table = table_of(from);
    ASSERT_EQ(table.services.size(), 1U);
    EXPECT_EQ(table.services[0].key.to_string(), "192.0.2.11:80/tcp");
    EXPECT_EQ(table.ours.size(), 2U);
}

TEST(Table, ServersThatLeaveOrFailGetNothingNew) {
    api::ServiceTable from;
    api::Service& service = add_service(from, "192.0.2.10", 80);
    add_server(service, "10.0.0.11").set_inhibited(true);
    add_server(service, "10.0.0.12").set_leaving(true);
    const Table table = table_of(from);
    EXPECT_EQ(table.services[0].destinations[0].settings.weight, 0U);
    EXPECT_EQ(table.services[0].destinations[1].settings.weight, 0U);
}

TEST(Table, EachServerHasItsWay) {
    api::ServiceTable from;
    api::Service& service = add_service(from, "192.0.2.10", 80);
    api::Destination& nat = add_server(service, "10.0.0.11");
    nat.set_method(api::NAT);
    nat.set_port(8080);
    api::Destination& gue = add_server(service, "2001:db8::12");
    gue.set_method(api::TUN);
    gue.mutable_tunnel()->set_type(api::GUE);
    gue.mutable_tunnel()->set_port(6080);
    gue.mutable_tunnel()->set_checksum(true);
    gue.mutable_tunnel()->set_remote_checksum(true);
    api::Destination& gre = add_server(service, "10.0.0.13");
    gre.set_method(api::TUN);
    gre.mutable_tunnel()->set_type(api::GRE);
    gre.mutable_tunnel()->set_checksum(true);

    const std::vector<Destination> servers = table_of(from).services[0].destinations;
    EXPECT_EQ(servers[0].settings.method, Method::nat);
    EXPECT_EQ(servers[0].endpoint.port, 8080);
    EXPECT_EQ(servers[1].settings.method, Method::tun);
    EXPECT_EQ(servers[1].settings.tunnel, (Tunnel{TunnelType::gue, 6080, TunnelChecksum::remote}));
    EXPECT_EQ(servers[2].settings.tunnel, (Tunnel{TunnelType::gre, 0, TunnelChecksum::plain}));
}

TEST(Table, TheKernelHasOneOfSomeThings) {
    api::ServiceTable from;
    add_service(from, "192.0.2.10", 80);
    api::Service& service = add_service(from, "192.0.2.11", 80);
    service.set_expire_quiescent(true);
    for (api::Service& each : *from.mutable_services())
        each.mutable_timeouts()->set_udp_s(7);
    const Table table = table_of(from);
    EXPECT_EQ(table.sysctls, (std::map<std::string, int>{{"expire_quiescent_template", 1}}));
    EXPECT_EQ(table.timeouts, (Timeouts{0, 0, 7}));
}

TEST(Table, IsAStandbyWhenAllOfItIs) {
    api::ServiceTable from;
    add_service(from, "192.0.2.10", 80).set_standby(true);
    add_service(from, "192.0.2.11", 80);
    EXPECT_FALSE(table_of(from).standby);
    from.mutable_services(1)->set_standby(true);
    EXPECT_TRUE(table_of(from).standby);
}

TEST(ServiceKey, HasAName) {
    EXPECT_EQ((ServiceKey{.endpoint = {}, .protocol = 0, .fwmark = 7}.to_string()), "fwmark 7");
    EXPECT_EQ((ServiceKey{.endpoint = {*IpAddress::parse("::"), 0}, .protocol = 0, .fwmark = 7}
                   .to_string()),
              "fwmark 7 (IPv6)");
    EXPECT_EQ((ServiceKey{.endpoint = {*IpAddress::parse("2001:db8::1"), 53}, .protocol = 17}
                   .to_string()),
              "[2001:db8::1]:53/udp");
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
