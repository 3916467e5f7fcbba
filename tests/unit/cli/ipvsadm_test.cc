// Goal: `headgate ipvsadm` understands what ipvsadm does, and prints what it prints; what would
// change a table is refused with what to do instead. The guest's scenarios hold the output to the
// real program; here is what they do not reach.
#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/cli/arguments.h"
#include "controlplane/cli/ipvsadm_arguments.h"
#include "controlplane/cli/render_ipvsadm.h"

namespace headgate::cli {
namespace {

using What = IpvsadmArguments::What;
using Columns = IpvsadmArguments::Columns;

IpvsadmArguments parsed(const std::vector<std::string>& words) {
    const auto arguments = parse_ipvsadm_arguments(words);
    EXPECT_TRUE(arguments) << (arguments ? "" : arguments.error().message);
    return arguments.value_or(IpvsadmArguments());
}

std::string error(const std::vector<std::string>& words) {
    const auto arguments = parse_ipvsadm_arguments(words);
    EXPECT_FALSE(arguments);
    return arguments ? "" : arguments.error().message;
}

// Host names in capitals, so that they show.
const IpvsadmNames names{
    [](const std::string& address) { return address == "192.0.2.10" ? "VIP" : ""; },
    [](std::uint32_t protocol, std::uint32_t port) {
        return protocol == 6 && port == 80 ? "HTTP" : "";
    }};

api::IpvsService& add_service(api::IpvsListing& listing, const std::string& address,
                              std::uint32_t port, std::uint32_t protocol = 6) {
    api::IpvsService& service = *listing.add_services();
    service.set_protocol(protocol);
    service.set_address(address);
    service.set_port(port);
    service.set_scheduler("rr");
    return service;
}

api::IpvsDestination& add_server(api::IpvsService& service, const std::string& address) {
    api::IpvsDestination& server = *service.add_destinations();
    server.set_address(address);
    server.set_port(service.port());
    server.set_method(api::DR);
    server.set_weight(1);
    return server;
}

std::string rendered(const api::IpvsListing& listing, const std::vector<std::string>& words) {
    return render_ipvsadm(listing, parsed(words), names);
}

TEST(Ipvsadm, UnderstandsItsOptions) {
    EXPECT_EQ(parsed({}).what, What::list);
    EXPECT_FALSE(parsed({}).numeric);
    EXPECT_TRUE(parsed({"-Ln"}).numeric);
    EXPECT_TRUE(parsed({"-l", "-n"}).numeric);
    EXPECT_EQ(parsed({"-Lnc"}).what, What::connections);
    EXPECT_EQ(parsed({"-Sn"}).what, What::save);
    EXPECT_EQ(parsed({"-L", "--timeout"}).what, What::timeouts);
    EXPECT_EQ(parsed({"-Ln", "--stats", "--rate"}).columns, Columns::stats);
    EXPECT_EQ(parsed({"-Ln", "--rate", "--exact"}).columns, Columns::rate);
    EXPECT_TRUE(parsed({"-Ln", "--rate", "--exact"}).exact);
    EXPECT_FALSE(parsed({"--list", "--numeric", "--nosort"}).sorted);
    const auto service = parsed({"-Ln", "-u", "[2001:db8::10]:53"}).service;
    ASSERT_TRUE(service);
    EXPECT_EQ(service->protocol, 17U);
    EXPECT_EQ(service->address, "2001:db8::10");
    EXPECT_EQ(service->port, 53U);
    EXPECT_EQ(parsed({"-Ln", "-t", "192.0.2.10"}).service->port, 0U);
    EXPECT_TRUE(parsed({"-Ln", "-f", "7", "-6"}).service->is_ipv6);
}

TEST(Ipvsadm, RefusesTheRestWithWhatToDo) {
    EXPECT_NE(error({"-A", "-t", "192.0.2.10:80"}).find("headgate reload"), std::string::npos);
    EXPECT_NE(error({"-C"}).find("headgate reload"), std::string::npos);
    EXPECT_NE(error({"-Ln", "-t", "somewhere:80"}).find("write 192.0.2.10:80"), std::string::npos);
    EXPECT_NE(error({"-Ln", "-t", "192.0.2.10:99999"}).find("write"), std::string::npos);
    EXPECT_NE(error({"-Ln", "-f", "0"}).find("firewall mark"), std::string::npos);
    EXPECT_EQ(error({"-L", "-S"}), "-L or -S, not both");
    EXPECT_EQ(error({"-S", "--stats"}), "--stats goes with a list of services only");
    EXPECT_EQ(error({"-Lc", "-t", "192.0.2.10:80"}),
              "--tcp-service goes with a list of services only");
    EXPECT_EQ(error({"-Ln", "-t", "192.0.2.10:80", "-f", "7"}), "one service at most, please");
    EXPECT_NE(error({"-Ln", "word"}), "");
}

TEST(Ipvsadm, IsACommandWithOptionsOfItsOwn) {
    const auto arguments = parse_arguments(
        {"--socket", "/run/x.sock", "ipvsadm", "-Ln", "--stats", "-t", "1.2.3.4:5"});
    ASSERT_TRUE(arguments);
    EXPECT_EQ(arguments->command, Arguments::Command::ipvsadm);
    EXPECT_EQ(arguments->socket, "/run/x.sock");
    EXPECT_EQ(arguments->words, (std::vector<std::string>{"-Ln", "--stats", "-t", "1.2.3.4:5"}));
    EXPECT_TRUE(parse_arguments({"ipvsadm"}));
}

TEST(Ipvsadm, ShortensNumbersAsItDoes) {
    api::IpvsListing listing;
    api::IpvsService& service = add_service(listing, "192.0.2.10", 80);
    api::IpvsCounters& counters = *service.mutable_counters();
    counters.set_connections(99'999'999);
    counters.set_packets_in(100'000'000);
    counters.set_packets_out(999'999'999);
    counters.set_bytes_in(1'000'000'000);
    counters.set_bytes_out(1'234'567'890'123);
    const auto line = [&](const std::vector<std::string>& words) {
        const std::string text = rendered(listing, words);
        return text.substr(text.find("TCP"));
    };
    EXPECT_EQ(line({"-Ln", "--stats"}),
              "TCP  192.0.2.10:80                99999999  100000K  999999K    1000M    1234G\n");
    EXPECT_EQ(line({"-Ln", "--stats", "--exact"}),
              "TCP  192.0.2.10:80                99999999 100000000 999999999 1000000000 "
              "1234567890123\n");
    counters.set_bytes_out(123'456'789'012'345);
    EXPECT_NE(line({"-Ln", "--stats"}).find("     123T\n"), std::string::npos);
}

TEST(Ipvsadm, CallsHostsAndPortsByTheirNames) {
    api::IpvsListing listing;
    add_server(add_service(listing, "192.0.2.10", 80), "10.0.0.11");
    add_service(listing, "192.0.2.10", 80, 132);
    EXPECT_EQ(rendered(listing, {"-S"}),
              "-A -t VIP:HTTP -s rr\n-a -t VIP:HTTP -r 10.0.0.11:HTTP "
              "-g -w 1\n-A --sctp-service VIP:80 -s rr\n");
}

TEST(Ipvsadm, SelectsOneService) {
    api::IpvsListing listing;
    add_service(listing, "192.0.2.10", 80);
    add_service(listing, "192.0.2.10", 80, 17);
    listing.add_services()->set_fwmark(7);
    listing.mutable_services(2)->set_address("::");
    api::IpvsListing selected = listing;
    EXPECT_TRUE(select_service(*parsed({"-Ln", "-u", "192.0.2.10:80"}).service, selected));
    ASSERT_EQ(selected.services_size(), 1);
    EXPECT_EQ(selected.services(0).protocol(), 17U);
    selected = listing;
    EXPECT_FALSE(select_service(*parsed({"-Ln", "-f", "7"}).service, selected)) << "that of IPv4";
    selected = listing;
    EXPECT_TRUE(select_service(*parsed({"-Ln", "-f", "7", "-6"}).service, selected));
}

TEST(Ipvsadm, RatesAreTheKernelsAndWhatOtherCountersGrowBy) {
    const auto listing = [](std::uint64_t packets) {
        api::IpvsListing made;
        api::IpvsService& service = add_service(made, "192.0.2.10", 80);
        service.mutable_rates()->set_packets_in(7);
        service.mutable_unrated()->set_packets_in(packets);
        add_server(service, "10.0.0.11").mutable_unrated()->set_packets_in(packets / 2);
        return made;
    };
    api::IpvsListing now = listing(3000);
    EXPECT_FALSE(has_all_rates(now));
    complete_rates(listing(1000), 2.0, now);
    EXPECT_EQ(now.services(0).rates().packets_in(), 1007U);
    EXPECT_EQ(now.services(0).destinations(0).rates().packets_in(), 500U);
    const std::string text = rendered(now, {"-Ln", "--rate"});
    EXPECT_NE(text.find("TCP  192.0.2.10:80                       0     1007        0"),
              std::string::npos)
        << text;
    now = listing(500);
    complete_rates(listing(1000), 2.0, now);
    EXPECT_EQ(now.services(0).rates().packets_in(), 7U) << "counted from 0 again";
    now = listing(500);
    complete_rates({}, 2.0, now);
    EXPECT_EQ(now.services(0).rates().packets_in(), 7U) << "it is new";
    now.mutable_services(0)->clear_unrated();
    EXPECT_TRUE(has_all_rates(now));
}

TEST(Ipvsadm, ListsConnections) {
    api::Flows flows;
    api::Flow& flow = *flows.add_flows();
    flow.set_protocol(api::TCP);
    flow.set_expires_s(899);
    flow.set_state("FIN");
    flow.set_client("192.0.2.101");
    flow.set_client_port(40002);
    flow.set_service_address("2001:db8::10");
    flow.set_service_port(80);
    flow.set_destination("192.0.2.11");
    flow.set_destination_port(80);
    EXPECT_EQ(render_ipvsadm_connections(flows, parsed({"-Lnc"}), names),
              "IPVS connection entries\n"
              "pro expire state       source             virtual            destination\n"
              "TCP 14:59  FIN_WAIT    192.0.2.101:40002  [2001:db8::10]:80  192.0.2.11:80\n");
}

}  // namespace
}  // namespace headgate::cli
