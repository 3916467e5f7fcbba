// Goal: mistakes in what a virtual server has beside its addresses and checks, and in the groups
// that it may be for, are reported in the way of broken_test.cc.
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"

namespace headgate::config {
namespace {

std::string config_with_server(const std::string& head) {
    return "dataplane {\n    interface eth0\n}\n" + head +
           "\n    real_server 192.0.2.11 80 {\n    }\n}\n";
}

const std::string good_head =
    "virtual_server 192.0.2.10 80 {\n    lb_algo rr\n"
    "    lb_kind DR\n    protocol TCP";

void expect_all(const std::vector<Broken>& all) {
    for (const Broken& broken : all) {
        SCOPED_TRACE(broken.name);
        expect_one_diagnostic(broken);
    }
}

TEST(BrokenVirtualServer, GivesOneDiagnosticThatHelps) {
    const std::vector<Broken> all{
        {"GroupUnknown",
         config_with_server(
             "virtual_server >>group web {\n    lb_algo rr\n    lb_kind DR\n    protocol TCP"),
         "there is no virtual_server_group `web`", "left out", Severity::error, exit_unusable},
        {"GroupWithoutName",
         config_with_server(
             "virtual_server >>group {\n    lb_algo rr\n    lb_kind DR\n    protocol TCP"),
         "`group` needs a name", "the block is left out", Severity::error, exit_unusable},
        {"GroupEntry", instance_with("", "virtual_server_group web {\n    >>web1 80\n}"),
         "`web1` is not an address, a range or a network", "192.0.2.10-19 80"},
        {"GroupNetworkWithHostBits",
         instance_with("", "virtual_server_group web {\n    >>192.0.2.1/24 80\n}"),
         "`192.0.2.1/24` is not an address, a range or a network", "192.0.2.0/28 80"},
        {"GroupRangeBackwards",
         instance_with("", "virtual_server_group web {\n    >>192.0.2.10-9 80\n}"),
         "`192.0.2.10-9` ends before it begins", "192.0.2.10-19 80"},
        {"GroupRangeTooLong",
         instance_with("", "virtual_server_group web {\n    >>192.0.0.0-192.1.0.0 80\n}"),
         "has more than 16384 addresses", "left out"},
        {"HashFlagOfAnotherScheduler",
         config_with_server("virtual_server 192.0.2.10 80 {\n    lb_algo sh\n    lb_kind DR\n"
                            "    protocol TCP\n    >>mh-port"),
         "`mh-port` is for another `lb_algo`", "write `lb_algo sh` or `lb_algo mh`"},
        {"OnePacketOfTcp", config_with_server(good_head + "\n    >>ops"),
         "`ops` is for `protocol UDP` only", "remove it"},
        {"LowerThresholdAboveTheUpper",
         server_with({.real_server = "uthreshold 5\nlthreshold >>6"}),
         "`lthreshold` is larger than `uthreshold`", "three quarters"},
        {"TimeoutOfNothing", instance_with("", "global_defs {\n    lvs_timeouts >>icmp 5\n}"),
         "`icmp` is not tcp, tcpfin or udp", "lvs_timeouts"},
        {"TimeoutWithoutNumber",
         instance_with("", "global_defs {\n    lvs_timeouts tcp 5 >>udp\n}"),
         "`udp` needs a number of seconds", "lvs_timeouts"},
    };
    expect_all(all);
}

TEST(BrokenMark, GivesOneDiagnosticThatHelps) {
    expect_all({
        {"GroupOfAMarkWithoutNumber",
         instance_with("", "virtual_server_group web {\n    >>fwmark\n}"),
         "`fwmark` needs a number", "write `fwmark MARK`"},
        {"GroupOfAMarkOfNoFamily",
         instance_with("", "virtual_server_group web {\n    fwmark 3 >>ipx\n}"),
         "`ipx` is too much", "`inet` or `inet6`"},
        {"GroupOfBothFamiliesAndAMark",
         config_with_server("virtual_server_group web {\n    192.0.2.10 80\n    fwmark 2 inet6\n"
                            "    >>fwmark 3\n}\nvirtual_server group web {\n    lb_algo rr\n"
                            "    lb_kind TUN\n    protocol TCP"),
         "a mark needs one", "`inet` or `inet6`"},
        {"FamilyOfAnotherAddress", config_with_server(good_head + "\n    ip_family >>inet6"),
         "`ip_family` is not that of the address", "the address decides"},
        {"MarkWithAnotherEngine",
         config_with_server("dataplane {\n    engine af_xdp\n}\nvirtual_server >>fwmark 3 {\n"
                            "    lb_algo rr\n    lb_kind DR"),
         "a firewall mark is not carried by `engine af_xdp`", "engine auto"},
        {"PersistenceEngineWithAnotherEngine",
         config_with_server("dataplane {\n    engine af_xdp\n}\n" + good_head +
                            "\n    persistence_timeout 5\n    persistence_engine >>sip"),
         "`persistence_engine` is not carried by `engine af_xdp`", "engine auto"},
        {"PersistenceEngineUnknown",
         config_with_server(good_head +
                            "\n    persistence_timeout 5\n    persistence_engine >>rtp"),
         "`rtp` is not a value of persistence_engine", "sip"},
        {"PersistenceEngineWithoutPersistence",
         config_with_server(good_head + "\n    persistence_engine >>sip"),
         "without persistence does nothing", "persistence_timeout", Severity::warning},
        {"NetmaskOfAnIpv6Mark",
         config_with_server("virtual_server fwmark 3 {\n    ip_family inet6\n    lb_algo rr\n"
                            "    lb_kind TUN\n    persistence_granularity >>255.255.0.0"),
         "this granularity is not one of the family", "a length from 1 to 128"},
    });
}

}  // namespace
}  // namespace headgate::config
