// Goal: a listing has every service of the table as the kernel would have it, with the counters of
// all that forward for it.
#include "controlplane/forwarding/ipvs/listing.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "tests/unit/ipvs/services.h"

namespace headgate::forwarding::ipvs {
namespace {

std::optional<api::DataplaneState> counting(std::uint64_t connections, std::uint32_t port) {
    std::optional<api::DataplaneState> state(std::in_place);
    api::ServiceStats& service = *state->add_services();
    service.set_address("192.0.2.1");
    service.set_port(80);
    service.set_protocol(api::TCP);
    service.set_connections(connections);
    service.set_packets(10 * connections);
    service.set_bytes_out(7);
    api::DestinationStats& destination = *service.add_destinations();
    destination.set_address("10.0.0.12");
    destination.set_port(port);
    destination.set_connections(connections);
    destination.set_active_connections(2);
    destination.set_inactive_connections(3);
    destination.set_persistent_connections(4);
    return state;
}

TEST(Listing, HasWhatTheTableHas) {
    Service tunnelled = service("2001:db8::1", {server("10.0.0.12", 3)});
    tunnelled.settings.scheduler = "mh";
    tunnelled.settings.sched_flag_1 = tunnelled.settings.one_packet = true;
    tunnelled.settings.persistent = true;
    tunnelled.settings.persistence_timeout_s = 60;
    tunnelled.settings.persistence_prefix_length = 64;
    DestinationSettings& settings = tunnelled.destinations[0].settings;
    settings.method = Method::tun;
    settings.tunnel = {.type = TunnelType::gue, .port = 5555, .checksum = TunnelChecksum::remote};
    settings.upper_threshold = 9;
    Service marked;
    marked.key.fwmark = 7;
    Table table;
    table.services = {tunnelled, marked};
    table.timeouts.tcp_fin_s = 33;

    const api::IpvsListing listing = listing_of(table, {});
    EXPECT_EQ(listing.timeouts().ShortDebugString(), "tcp_s: 900 tcp_fin_s: 33 udp_s: 300");
    ASSERT_EQ(listing.services_size(), 2);
    EXPECT_EQ(listing.services(0).ShortDebugString(),
              "protocol: 6 address: \"2001:db8::1\" port: 80 scheduler: \"mh\" "
              "scheduler_flag_1: true one_packet: true persistent: true "
              "persistence_timeout_s: 60 persistence_prefix_length: 64 "
              "destinations { address: \"10.0.0.12\" port: 80 method: TUN "
              "tunnel { type: GUE port: 5555 checksum: true remote_checksum: true } weight: 3 "
              "upper_threshold: 9 }");
    EXPECT_EQ(listing.services(1).fwmark(), 7U);
}

TEST(Listing, AddsTheCountersOfAllWhoForward) {
    Table table;
    table.services = {service("192.0.2.1", {server("10.0.0.11"), server("10.0.0.12")}),
                      service("192.0.2.2")};
    const auto of_bypass = counting(1, 0);  // the port of the service
    const auto of_ipvs = counting(1ULL << 40U, 80);
    const std::optional<api::DataplaneState> none;
    const api::IpvsListing listing = listing_of(table, {&of_bypass, &none, &of_ipvs});
    const api::IpvsService& shown = listing.services(0);
    EXPECT_EQ(shown.counters().connections(), (1ULL << 40U) + 1);
    EXPECT_EQ(shown.counters().packets_in(), (10ULL << 40U) + 10);
    EXPECT_EQ(shown.counters().bytes_out(), 14U);
    EXPECT_EQ(shown.destinations(0).counters().connections(), 0U);
    EXPECT_EQ(shown.destinations(1).counters().connections(), (1ULL << 40U) + 1);
    EXPECT_EQ(shown.destinations(1).active_connections(), 4U);
    EXPECT_EQ(shown.destinations(1).inactive_connections(), 6U);
    EXPECT_EQ(shown.destinations(1).persistent_connections(), 8U);
    EXPECT_EQ(listing.services(1).counters().connections(), 0U);
    EXPECT_FALSE(listing.services(1).has_unrated());
}

TEST(Listing, KnowsAMarkFromAnAddress) {
    Service marked;
    marked.key.fwmark = 7;
    Table table;
    table.services = {marked};
    std::optional<api::DataplaneState> state(std::in_place);
    for (const std::uint32_t mark : {8U, 7U}) {
        api::ServiceStats& stats = *state->add_services();
        stats.set_address("0.0.0.0");
        stats.set_fwmark(mark);
        stats.set_connections(mark);
    }
    EXPECT_EQ(listing_of(table, {&state}).services(0).counters().connections(), 7U);
}

TEST(Listing, TellsRatesFromCountersWithoutOne) {
    Table table;
    table.services = {service("192.0.2.1", {server("10.0.0.12")})};
    const auto of_bypass = counting(5, 80);
    auto of_ipvs = counting(100, 80);
    of_ipvs->mutable_services(0)->mutable_rates()->set_bytes_in(9);
    of_ipvs->mutable_services(0)->mutable_destinations(0)->mutable_rates()->set_bytes_in(8);
    const api::IpvsListing listing = listing_of(table, {&of_bypass, &of_ipvs});
    EXPECT_EQ(listing.services(0).counters().connections(), 105U);
    EXPECT_EQ(listing.services(0).unrated().connections(), 5U);
    EXPECT_EQ(listing.services(0).rates().ShortDebugString(), "bytes_in: 9");
    EXPECT_EQ(listing.services(0).destinations(0).unrated().connections(), 5U);
    EXPECT_EQ(listing.services(0).destinations(0).rates().ShortDebugString(), "bytes_in: 8");
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
