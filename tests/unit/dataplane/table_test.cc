// Goal: a ServiceTable is either taken as it is meant or refused with words that name the culprit.
#include "dataplane/table.h"

#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include "common/api.pb.h"

namespace headgate::dataplane {
namespace {

api::ServiceTable message_of(const std::string& json) {
    api::ServiceTable message;
    EXPECT_TRUE(google::protobuf::util::JsonStringToMessage(json, &message).ok()) << json;
    return message;
}

const char* const web_json =
    R"({"generation": "7", "leaseS": 3, "services": [
        {"address": "192.0.2.10", "port": 80, "protocol": "TCP", "scheduler": "WRR",
         "method": "DR", "active": true, "vrrpOwned": true, "persistenceTimeoutS": 50,
         "persistencePrefixLength": 24,
         "destinations": [{"address": "192.0.2.21", "port": 80, "weight": 3},
                          {"address": "192.0.2.22", "port": 8080}]},
        {"address": "192.0.2.10", "port": 53, "protocol": "UDP", "scheduler": "RR",
         "method": "DR", "active": true,
         "destinations": [{"address": "192.0.2.22", "port": 53, "weight": 1}]}]})";

TEST(Table, TakesEveryFieldOver) {
    const auto table = load_table(message_of(web_json));
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->generation, 7U);
    EXPECT_EQ(table->lease, std::chrono::seconds(3));
    ASSERT_EQ(table->services.size(), 2U);
    const TableService& web = table->services[0];
    EXPECT_TRUE(web.vrrp_owned);
    EXPECT_EQ(web.config.endpoint.to_string(), "192.0.2.10:80");
    EXPECT_EQ(web.config.protocol, Protocol::tcp);
    EXPECT_EQ(web.config.scheduler, Scheduler::wrr);
    EXPECT_TRUE(web.config.active);
    EXPECT_EQ(web.config.persistence_timeout_s, 50U);
    EXPECT_EQ(web.config.persistence_prefix_length, 24);
    ASSERT_EQ(web.config.destinations.size(), 2U);
    EXPECT_EQ(web.config.destinations[0].weight, 3U);
    EXPECT_EQ(web.config.destinations[1].endpoint.to_string(), "192.0.2.22:8080");
    EXPECT_EQ(web.config.destinations[1].weight, 0U);
    const TableService& dns = table->services[1];
    EXPECT_FALSE(dns.vrrp_owned);
    EXPECT_EQ(dns.config.protocol, Protocol::udp);
    EXPECT_EQ(dns.config.persistence_prefix_length, 32) << "not given: each client by itself";
}

TEST(Table, TakesSchedulingFlagsLimitsAndTimeoutsOver) {
    const auto table = load_table(message_of(
        R"({"services": [{"address": "192.0.2.10", "port": 53, "protocol": "UDP",
            "scheduler": "MH", "method": "DR", "hashPort": true, "hashFallback": true,
            "onePacket": true, "expireQuiescent": true,
            "timeouts": {"tcpS": 10, "udpS": 30},
            "destinations": [{"address": "192.0.2.21", "port": 53, "weight": 3,
                              "inhibited": true, "connectionsUpper": 9, "connectionsLower": 4},
                             {"address": "192.0.2.22", "port": 53, "leaving": true}]}]})"));
    ASSERT_TRUE(table) << table.error().message;
    const ServiceConfig& service = table->services[0].config;
    EXPECT_EQ(service.scheduler, Scheduler::mh);
    EXPECT_TRUE(service.hash_port);
    EXPECT_TRUE(service.hash_fallback);
    EXPECT_TRUE(service.one_packet);
    EXPECT_TRUE(service.expire_quiescent);
    EXPECT_EQ(service.timeouts.tcp_s, 10U);
    EXPECT_EQ(service.timeouts.tcp_fin_s, 120U) << "not given";
    EXPECT_EQ(service.timeouts.udp_s, 30U);
    EXPECT_TRUE(service.destinations[0].inhibited);
    EXPECT_EQ(service.destinations[0].connections_upper, 9U);
    EXPECT_EQ(service.destinations[0].connections_lower, 4U);
    EXPECT_FALSE(service.destinations[0].leaving);
    EXPECT_TRUE(service.destinations[1].leaving);
}

TEST(Table, RefusesWhatCannotBeForwardedAndNamesIt) {
    struct Case {
        const char* from;  // replaced in the table above
        const char* to;
        const char* words;
    };
    const std::vector<Case> cases{
        {R"("address": "192.0.2.10", "port": 80)", R"("address": "web", "port": 80)",
         "service web 80"},
        {R"("address": "192.0.2.10", "port": 80)", R"("address": "2001:db8::1", "port": 80)",
         "another family"},
        {R"("address": "192.0.2.22", "port": 8080)", R"("address": "192.0.2.22", "port": 0)",
         "port 0"},
        {R"("port": 80, "protocol")", R"("port": 65536, "protocol")", "port 65536"},
        {R"("protocol": "TCP")", R"("protocol": 47)", "protocol 47"},
        {R"("scheduler": "WRR")", R"("scheduler": 99)", "scheduler 99"},
        {R"("method": "DR")", R"("method": 0)", "method 0"},
        {R"("persistencePrefixLength": 24)", R"("persistencePrefixLength": 33)", "33"},
        {R"("weight": 3)", R"("weight": 2147483648)", "2147483648"},
        {R"("address": "192.0.2.22", "port": 8080)", R"("address": "192.0.2.21", "port": 80)",
         "192.0.2.21:80 is there twice"},
        {R"("port": 53, "protocol": "UDP")", R"("port": 80, "protocol": "TCP")",
         "192.0.2.10:80: it is there twice"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.to);
        std::string json = web_json;
        const std::size_t at = json.find(test.from);
        ASSERT_NE(at, std::string::npos);
        json.replace(at, std::string(test.from).size(), test.to);
        const auto table = load_table(message_of(json));
        ASSERT_FALSE(table);
        EXPECT_NE(table.error().message.find(test.words), std::string::npos)
            << table.error().message;
    }
}

TEST(Table, TakesIpv6AndSctpAndEveryPort) {
    const auto table = load_table(message_of(R"({"services": [{
        "address": "2001:db8::10", "protocol": "SCTP", "scheduler": "RR", "method": "DR",
        "persistenceTimeoutS": 50,
        "destinations": [{"address": "2001:db8::11", "weight": 1}]}]})"));
    ASSERT_TRUE(table) << table.error().message;
    const ServiceConfig& config = table->services.at(0).config;
    EXPECT_EQ(config.endpoint.to_string(), "[2001:db8::10]:0");
    EXPECT_EQ(config.protocol, Protocol::sctp);
    EXPECT_EQ(config.persistence_prefix_length, 128) << "not given: each client by itself";
    EXPECT_EQ(config.destinations.at(0).endpoint.to_string(), "[2001:db8::11]:0");
}

TEST(Table, ListsEachDestinationAddressOnce) {
    const auto table = load_table(message_of(web_json));
    ASSERT_TRUE(table);
    const std::map<IpAddress, bool> wanted{{*IpAddress::parse("192.0.2.21"), false},
                                           {*IpAddress::parse("192.0.2.22"), false}};
    EXPECT_EQ(destination_addresses(*table), wanted);
}

constexpr const char* tunnels_json = R"({"services": [{
    "address": "192.0.2.10", "port": 80, "protocol": "TCP", "scheduler": "RR", "method": "TUN",
    "active": true, "destinations": [
        {"address": "203.0.113.1", "port": 80, "weight": 1},
        {"address": "2001:db8::1", "port": 80, "weight": 1,
         "tunnel": {"type": "GUE", "port": 6080, "checksum": true}},
        {"address": "192.0.2.21", "port": 80, "weight": 1, "method": "DR"}]}]})";

TEST(Table, TakesTunnelsOfAnyFamilyBesideDirectRouting) {
    const auto table = load_table(message_of(tunnels_json));
    ASSERT_TRUE(table) << table.error().message;
    const auto& destinations = table->services.at(0).config.destinations;
    ASSERT_TRUE(destinations.at(0).tunnel);
    EXPECT_EQ(destinations[0].tunnel->type, TunnelType::ipip);
    ASSERT_TRUE(destinations.at(1).tunnel);
    EXPECT_EQ(destinations[1].tunnel->type, TunnelType::gue);
    EXPECT_EQ(destinations[1].tunnel->port, 6080);
    EXPECT_TRUE(destinations[1].tunnel->checksum);
    EXPECT_FALSE(destinations.at(2).tunnel);
    const std::map<IpAddress, bool> wanted{{*IpAddress::parse("192.0.2.21"), false},
                                           {*IpAddress::parse("203.0.113.1"), true},
                                           {*IpAddress::parse("2001:db8::1"), true}};
    EXPECT_EQ(destination_addresses(*table), wanted);
}

TEST(Table, RefusesTunnelsThatCannotBe) {
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {R"("port": 6080, )", ""},
             {R"("port": 6080)", R"("port": 65536)"},
             {R"("type": "GUE")", R"("type": "GRE")"},
             {R"("type": "GUE")", R"("type": 7)"},
             {R"("method": "DR")", R"("method": 9)"},
             {R"("tunnel": {"type": "GUE", "port": 6080, "checksum": true})",
              R"("method": "DR")"}}) {
        std::string json = tunnels_json;
        json.replace(json.find(from), from.size(), to);
        EXPECT_FALSE(load_table(message_of(json))) << json;
    }
}

TEST(Table, GivesATunnelTheWayToItsOtherEnd) {
    const auto table = load_table(message_of(tunnels_json));
    ASSERT_TRUE(table);
    const RoutedHop hop{*MacAddress::parse("02:00:00:00:00:99"),
                        *IpAddress::parse("192.0.2.1"),
                        {2, "eth0", {}, 1400, false}};
    const auto config =
        forwarding_config(*table, false, {2, {}, false},
                          {[](const IpAddress&) { return std::nullopt; },
                           [&](const IpAddress& address) {
                               return address.is_v4() ? std::optional(hop) : std::nullopt;
                           }});
    const auto& destinations = config.services.at(0).destinations;
    EXPECT_EQ(destinations.at(0).mac, hop.mac);
    EXPECT_EQ(destinations[0].tunnel->source, hop.source);
    EXPECT_EQ(destinations[0].tunnel->mtu, 1400U);
    EXPECT_FALSE(destinations.at(1).mac);
    EXPECT_FALSE(destinations.at(2).mac) << "a next hop is of no use without a tunnel";
}

RoutedHop no_hop_wanted(const IpAddress& address) {
    ADD_FAILURE() << address.to_string() << " has no tunnel";
    return {};
}

TEST(Table, BecomesAConfigurationWithTheMacAddressesThatAreKnown) {
    const auto table = load_table(message_of(web_json));
    ASSERT_TRUE(table);
    const MacAddress own = *MacAddress::parse("02:00:00:00:00:01");
    const MacAddress known = *MacAddress::parse("02:00:00:00:00:21");
    const auto config =
        forwarding_config(*table, false, {2, own, false},
                          {[&](const IpAddress& address) -> std::optional<RoutedHop> {
                               if (address.to_string() == "192.0.2.21")
                                   return RoutedHop{known, {}, {2, "eth0", own, 1500, true}};
                               return std::nullopt;
                           },
                           no_hop_wanted});
    EXPECT_FALSE(config.services[0].destinations[0].egress) << "by the interface it came in on";
    EXPECT_EQ(config.interface_macs, std::vector{own});
    ASSERT_EQ(config.services.size(), 2U);
    EXPECT_EQ(config.services[0].destinations[0].mac, known);
    EXPECT_EQ(config.services[0].destinations[1].mac, std::nullopt);
    EXPECT_TRUE(config.services[0].active);
}

TEST(Table, SaysWhichOtherInterfaceADestinationIsReachedBy) {
    const auto table = load_table(message_of(web_json));
    ASSERT_TRUE(table);
    const MacAddress own = *MacAddress::parse("02:00:00:00:00:01");
    for (const bool takes_redirects : {false, true}) {
        const EgressConfig other{3, "eth1", own, 1400, takes_redirects};
        const HopLookup hops{[&](const IpAddress&) {
                                 return RoutedHop{own, {}, other};
                             },
                             no_hop_wanted};
        for (const bool is_generic : {false, true}) {
            const auto config = forwarding_config(*table, false, {2, own, is_generic}, hops);
            const DestinationConfig& destination = config.services[0].destinations[0];
            EXPECT_EQ(destination.mac, own);
            ASSERT_TRUE(destination.egress);
            EXPECT_EQ(destination.egress->ifindex, 3);
            EXPECT_EQ(destination.egress->takes_redirects, takes_redirects || is_generic);
        }
    }
}

TEST(Table, StopsOnlyTheServicesOfVrrpWhenTheLeaseIsOver) {
    const auto table = load_table(message_of(web_json));
    ASSERT_TRUE(table);
    const auto config = forwarding_config(
        *table, true, {}, {[](const IpAddress&) { return std::nullopt; }, no_hop_wanted});
    EXPECT_FALSE(config.services[0].active);
    EXPECT_TRUE(config.services[1].active);
}

TEST(Table, TakesProtectionOver) {
    const auto table = load_table(message_of(
        R"({"protection": {"newConnectionRate": 5000, "sourceRate": 0, "sourcePrefixLengthV4": 32,
            "sourcePrefixLengthV6": 0, "fragmentRate": 7, "icmpErrorRate": 8,
            "blocked": ["192.0.2.0/24", "2001:db8::/32"], "allowed": ["192.0.2.128/25"]}})"));
    ASSERT_TRUE(table) << table.error().message;
    const Protection& protection = table->protection;
    EXPECT_EQ(protection.connection_rate, 5000U);
    EXPECT_EQ(protection.source_rate, TokenBudget::unlimited) << "0: no limit";
    EXPECT_EQ(protection.source_prefix_length_v4, 32);
    EXPECT_EQ(protection.source_prefix_length_v6, 0);
    EXPECT_EQ(protection.fragment_rate, 7U);
    EXPECT_EQ(protection.icmp_error_rate, 8U);
    EXPECT_EQ(protection.icmp_answer_rate, 100U) << "not given";
    ASSERT_NE(protection.access, nullptr);
    const auto access = [&](const char* client) {
        return protection.access->find(wide(*IpAddress::parse(client)));
    };
    EXPECT_EQ(access("192.0.2.1"), Access::blocked);
    EXPECT_EQ(access("192.0.2.200"), Access::allowed);
    EXPECT_EQ(access("2001:db8::1"), Access::blocked);
    EXPECT_EQ(access("198.51.100.1"), Access::normal);
    const ForwardingConfig config = forwarding_config(*table, false, {}, {});
    EXPECT_EQ(config.protection.access, protection.access);
    EXPECT_EQ(config.protection.fragment_rate, 7U);
}

TEST(Table, TakesThePolicyOfTheFlowCacheOver) {
    const auto policy_of = [](const char* text) {
        const auto table = load_table(message_of(text));
        return forwarding_config(table.value(), false, {}, {}).flow_cache;
    };
    EXPECT_EQ(policy_of("{}").admit_after, 4);
    EXPECT_EQ(policy_of("{}").idle_s, 10U);
    EXPECT_EQ(policy_of(R"({"flowCache": {"admitAfter": 255, "idleS": 3600}})").admit_after, 255);
    EXPECT_EQ(policy_of(R"({"flowCache": {"admitAfter": 255, "idleS": 3600}})").idle_s, 3600U);
    EXPECT_FALSE(load_table(message_of(R"({"flowCache": {"admitAfter": 256}})")));
    EXPECT_FALSE(load_table(message_of(R"({"flowCache": {"idleS": 3601}})")));
}

TEST(Table, KnowsWhetherIpvsStandsBy) {
    api::ServiceTable message;
    EXPECT_FALSE(load_table(message)->ipvs_stands_by);
    message.set_ipvs_stands_by(true);
    EXPECT_TRUE(load_table(message)->ipvs_stands_by);
}

TEST(Table, HasNoListAndAnAdaptiveRateUnlessGiven) {
    const auto table = load_table(message_of("{}"));
    ASSERT_TRUE(table);
    EXPECT_EQ(table->protection.access, nullptr);
    EXPECT_FALSE(table->protection.connection_rate);
    const auto unlimited = load_table(message_of(R"({"protection": {"newConnectionRate": 0}})"));
    ASSERT_TRUE(unlimited);
    EXPECT_EQ(unlimited->protection.connection_rate, TokenBudget::unlimited);
}

TEST(Table, RefusesProtectionThatCannotBe) {
    for (const auto& [json, problem] : std::vector<std::pair<std::string, std::string>>{
             {R"({"protection": {"sourcePrefixLengthV4": 33}})", "33 is not between 0 and 32"},
             {R"({"protection": {"sourcePrefixLengthV6": 129}})", "129 is not between 0 and 128"},
             {R"({"protection": {"blocked": ["192.0.2.0/40"]}})", "192.0.2.0/40"},
             {R"({"protection": {"blocked": ["::ffff:192.0.2.1"]}})", "stands for IPv4"},
             {R"({"protection": {"blocked": ["10.0.0.0/8"], "allowed": ["10.0.0.0/8"]}})",
              "both blocked and allowed"}}) {
        const auto table = load_table(message_of(json));
        ASSERT_FALSE(table) << json;
        EXPECT_NE(table.error().message.find(problem), std::string::npos) << table.error().message;
    }
}

}  // namespace
}  // namespace headgate::dataplane
