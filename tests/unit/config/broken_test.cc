// Goal: every planted mistake gives exactly one diagnostic, at the right line and column, that says
// what to write instead. In the texts, >> marks the place that the diagnostic must point to.
#include <gtest/gtest.h>

#include "tests/unit/config/broken.h"

namespace headgate::config {
namespace {

class BrokenConfiguration : public testing::TestWithParam<Broken> {};

TEST_P(BrokenConfiguration, GivesOneDiagnosticThatHelps) {
    expect_one_diagnostic(GetParam());
}

std::string in_address(std::string_view line) {
    return "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n"
           "    virtual_ipaddress {\n        192.0.2.10/24\n" +
           std::string(line) + "\n    }\n}\n";
}

const std::string second_instance =
    "vrrp_instance VI_2 {\n    interface eth0\n    virtual_router_id 52\n"
    "    virtual_ipaddress {\n        192.0.2.20\n    }\n}\n";

const std::vector<Broken>& keywords() {
    static const std::vector<Broken> cases{
        {"MisspelledKeyword", instance_with("    >>prioritty 101"),
         "`prioritty` is not a keyword of vrrp_instance", "did you mean `priority`?"},
        {"SwappedLetters", server_with({.server = "    >>dealy_loop 5"}),
         "not a keyword of virtual_server", "did you mean `delay_loop`?"},
        {"KeywordInWrongCase", server_with({.real_server = "        >>Weight 2"}),
         "not a keyword of real_server", "did you mean `weight`?"},
        {"ShortenedKeyword", server_with({.server = "    >>persistence_gran 24"}), "not a keyword",
         "did you mean `persistence_granularity`?"},
        {"HyphenForUnderscore", instance_with("    >>advert-int 1"), "not a keyword",
         "did you mean `advert_int`?"},
        {"MisspelledCheckSkipsItsBlock",
         server_with({.real_server = "        >>TCP_CHEK {\n            connect_timeout 3\n"
                                     "            retry 2\n        }"}),
         "not a keyword of real_server", "did you mean `TCP_CHECK`?"},
        {"MisspelledRequiredKeywordIsNotAlsoMissing",
         "vrrp_instance VI_1 {\n    >>interfce eth0\n    virtual_router_id 51\n"
         "    virtual_ipaddress {\n        192.0.2.10\n    }\n}\n",
         "`interfce`", "did you mean `interface`?", Severity::error, exit_unusable},
        {"UnknownBlock", instance_with("", ">>vrrp_instence VI_2 {\n    interface eth0\n}"),
         "not a keyword of the top level", "did you mean `vrrp_instance`?"},
        {"NothingLikeIt", server_with({.real_server = "        >>foobar 1"}),
         "`foobar` is not a keyword", "real_server has: lvs_method, virtualhost, weight"},
        {"KeywordOfAnotherBlock", instance_with("    >>connect_port 80"),
         "not a keyword of vrrp_instance", "it belongs in TCP_CHECK"},
        {"KeywordOfTheOuterBlock",
         instance_with("    authentication {\n        auth_type PASS\n        auth_pass x\n"
                       "        >>priority 10\n    }"),
         "not a keyword of authentication", "it belongs in vrrp_instance"},
        {"EqualsSignGlued", instance_with("    >>priority=100"), "`priority=100`",
         "write a blank behind `priority`, not `=`"},
        {"KnownButNotActedOn", instance_with("    >>smtp_alert"),
         "`smtp_alert` is a keepalived keyword that this version of Headgate does not act on yet",
         "", Severity::warning},
        {"KnownBlockIsSkippedWhole",
         instance_with("", ">>SSL {\n    password \"secret\"\n    ca ca.pem\n}"),
         "`SSL` is a keepalived keyword", "", Severity::warning},
        {"KnownCheckerTellsTheConsequence",
         server_with({.real_server = "        >>SMTP_CHECK {\n            helo_name x\n        }"}),
         "`SMTP_CHECK`", "use TCP_CHECK or HTTP_GET", Severity::warning},
        {"KeywordTwice", instance_with("    priority 10\n    >>priority 20"),
         "`priority` stands in this vrrp_instance twice", "line 7", Severity::warning},
    };
    return cases;
}

const std::vector<Broken>& values() {
    static const std::vector<Broken> cases{
        {"OutOfRange", instance_with("    priority >>300"), "`300` is out of range",
         "a number from 1 to 255; the default (100) is used"},
        {"Negative", server_with({.real_server = "        weight >>-1"}), "`-1` is out of range",
         "`weight` takes a number from 0 to 2147483647"},
        {"NotANumber", instance_with("    priority >>high"), "`high` is not a number",
         "from 1 to 255"},
        {"HugeNumber", server_with({.server = "    retry >>99999999999999999999"}),
         "is out of range", "`retry` takes a number from 1"},
        {"TrailingSemicolon", instance_with("    priority >>100;"), "`100;` is not a number",
         "leave out the `;`"},
        {"SpacedEqualsSign", instance_with("    priority >>= 100"), "`=` is not a number",
         "leave out the `=`"},
        {"UnitOfTime", server_with({.http_get = "            connect_timeout >>3s"}),
         "`3s` is not a number of seconds", "without a unit"},
        {"TooManyDecimals", server_with({.server = "    delay_loop >>1.0000001"}),
         "not a number of seconds", "`delay_loop` takes seconds from 0.001"},
        {"ZeroDelay", server_with({.server = "    delay_loop >>0"}), "out of range for delay_loop",
         "the default (60) is used"},
        {"MissingValue", instance_with("    >>priority"), "`priority` needs a value",
         "from 1 to 255"},
        {"SecondValue", instance_with("    priority 100 >>200"), "`200` is too much for priority",
         "remove it"},
        {"TwoKeywordsOnOneLine", instance_with("    priority 100 >>advert_int 1"),
         "`advert_int` is too much", "write `advert_int` on a line of its own"},
        {"ValueOfAFlag", instance_with("    nopreempt >>on"), "`on` is too much",
         "`nopreempt` takes no value"},
        {"NeitherOnNorOff", server_with({.server = "    alpha >>maybe"}),
         "`maybe` is neither on nor off", "`alpha` takes on or off"},
        {"StateInWrongCase", instance_with("    state >>master"),
         "`master` is not a value of state", "did you mean `MASTER`?"},
        {"UnknownScheduler",
         "virtual_server 192.0.2.10 80 {\n    lb_algo >>wrrr\n    lb_kind DR\n    protocol TCP\n"
         "    real_server 192.0.2.11 80 {\n    }\n}\n" +
             second_instance,
         "`wrrr` is not a value of lb_algo", "did you mean `wrr`?"},
        {"BadInterfaceName",
         instance_with("    virtual_ipaddress {\n        192.0.2.11 dev >>eth0/1"
                       "\n    }"),
         "`eth0/1` is not an interface name", "such as eth0"},
        {"BadServerAddress",
         instance_with("",
                       "virtual_server >>192.0.2.300 80 {\n    protocol TCP\n"
                       "    lb_algo rr\n    lb_kind DR\n    real_server 192.0.2.11 80 {\n    }"
                       "\n}"),
         "`192.0.2.300` is not an IP address", "write `virtual_server 192.0.2.1 80`"},
        {"BadPort",
         server_with({.server = "    real_server 192.0.2.12 >>80000 {\n        weight 1\n    }"}),
         "`80000` is out of range", "a port is a number from 1 to 65535, or left out"},
        {"BadCheckAddress", server_with({.http_get = "            connect_ip >>localhost"}),
         "`localhost` is not an IP address", "the default (that of the real_server) is used"},
        {"StatusRangeBackwards", server_with({.url = "                status_code >>299-200"}),
         "ends before it begins", "write 200-299"},
        {"StatusOutOfRange", server_with({.url = "                status_code 200 >>99"}),
         "`99` is out of range", "codes from 100 to 599"},
        {"BrokenNetmask", server_with({.server = "    persistence_granularity >>255.0.255.0"}),
         "`255.0.255.0` is not a netmask", "such as 255.255.255.0"},
        {"LongPassword",
         instance_with("    authentication {\n        auth_type PASS\n"
                       "        auth_pass >>ninechars\n    }"),
         "at most 8 bytes", "`ninechar`"},
    };
    return cases;
}

const std::vector<Broken>& addresses() {
    static const std::vector<Broken> cases{
        {"AddressPrefixTooLong", in_address("        >>192.0.2.11/33"),
         "no prefix length from 0 to 32", "write `IP[/LENGTH]"},
        {"NotAnAddress", in_address("        >>vip1"), "`vip1` is not an IP address",
         "write `IP[/LENGTH]"},
        {"TwoAddressesOnOneLine", in_address("        192.0.2.11 >>192.0.2.12"),
         "`192.0.2.12` is not an option", "on a line of its own"},
        {"MisspelledAddressOption", in_address("        192.0.2.11 >>lable eth0:1"),
         "`lable` is not an option", "did you mean `label`?"},
        {"AddressOptionWithoutValue", in_address("        192.0.2.11 >>dev"), "`dev` needs a value",
         "dev INTERFACE"},
        {"UnknownScope", in_address("        192.0.2.11 scope >>planet"),
         "`planet` is not a number", "a scope is global, site"},
        {"LongLabel", in_address("        192.0.2.11 label >>eth0:0123456789ab"),
         "cannot be a label", "1 to 15 characters"},
        {"Ipv6Address", in_address("        >>2001:db8::10/64"),
         "this instance is for IPv4 addresses", "write 2001:db8::10 in a vrrp_instance of its own"},
        {"Ipv6Broadcast",
         "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n"
         "    virtual_ipaddress {\n        fe80::10/64 brd >>+\n    }\n}\n",
         "an IPv6 address has no broadcast address", "remove it"},
        {"MulticastAddress", in_address("        >>224.0.0.1"), "cannot be the address of a host",
         ""},
        {"AddressTwice", in_address("        >>192.0.2.10/32"), "is in this instance already",
         "remove this line", Severity::warning},
        {"EmptyAddressBlock", instance_with("    >>virtual_ipaddress {\n    }"),
         "has no address in it", "write `IP[/LENGTH]"},
    };
    return cases;
}

const std::vector<Broken>& braces() {
    static const std::vector<Broken> cases{
        {"StringNotClosed",
         instance_with("    authentication {\n        auth_type PASS\n"
                       "        auth_pass >>\"secret\n    }"),
         "the string that starts here is not closed", "close it with \""},
        {"InnerBlockNotClosed",
         "vrrp_instance VI_1 {\n    interface eth0\n    >>virtual_ipaddress {\n        192.0.2.10\n"
         "    virtual_router_id 51\n}\n",
         "is not closed", "add `}` before `virtual_router_id` on line 5"},
        {"OuterBlockNotClosed",
         instance_with("", ">>dataplane {\n    interface eth0\n" + second_instance),
         "is not closed", "add `}` before `vrrp_instance` on line 11"},
        {"LastBlockNotClosed", ">>" + second_instance.substr(0, second_instance.rfind('}')),
         "is not closed", "add `}` at the end of the file"},
        {"IndentationTellsWhichBlockIsNotClosed",
         instance_with("",
                       "virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    >>real_server 192.0.2.11 80 {\n"
                       "        weight 1\n}"),
         "is not closed", "add `}` before line 15"},
        {"SameBlockInItself",
         instance_with("",
                       "virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    >>real_server 192.0.2.11 80 {\n"
                       "        weight 1\n    real_server 192.0.2.12 80 {\n        weight 1\n"
                       "    }\n}"),
         "is not closed", "add `}` before `real_server` on line 15"},
        {"SurplusBrace", second_instance + ">>}\n", "unexpected `}`: no block is open here",
         "or the one on line 7"},
        {"BlockClosedTooEarly",
         "vrrp_instance VI_1 {\n    interface eth0\n    virtual_ipaddress {\n        192.0.2.10\n"
         "    }\n    >>}\n    virtual_router_id 51\n}\n",
         "closes the block too early", "`virtual_router_id` on line 7 still belongs to"},
        {"OpeningBraceMissing",
         ">>vrrp_instance VI_1\n    interface eth0\n    virtual_router_id 51\n"
         "    virtual_ipaddress {\n        192.0.2.10\n    }\n}\n",
         "its `{` is missing", "write `{` at the end of this line"},
        {"BlockMissing", instance_with("    >>authentication"), "`authentication` needs a block",
         "write `authentication { ... }`"},
        {"BlockOfAPlainKeyword", instance_with("    >>priority 100 {\n    }"),
         "`priority` has no block", "remove the { }"},
        {"BraceWithoutKeyword", instance_with("", ">>{\n    priority 100\n}"),
         "no keyword stands before it", "write a keyword in front of it"},
    };
    return cases;
}

const std::vector<Broken>& relations() {
    static const std::vector<Broken> cases{
        {"NoVirtualRouterId",
         second_instance + ">>vrrp_instance VI_1 {\n    interface eth0\n    virtual_ipaddress {\n"
                           "        192.0.2.10\n    }\n}\n",
         "has no `virtual_router_id`", "without it the block is left out"},
        {"NoInterface",
         second_instance + ">>vrrp_instance VI_1 {\n    virtual_router_id 51\n"
                           "    virtual_ipaddress {\n        192.0.2.10\n    }\n}\n",
         "has no `interface`", "such as eth0"},
        {"NoAddress", ">>vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id 51\n}\n",
         "has no virtual address", "add a `virtual_ipaddress { ... }` block"},
        {"InstanceWithoutName",
         second_instance + ">>vrrp_instance {\n    interface eth0\n    virtual_router_id 51\n"
                           "    virtual_ipaddress {\n        192.0.2.10\n    }\n}\n",
         "`vrrp_instance` needs a value", "write `vrrp_instance NAME`"},
        {"RouterIdTakenOnTheInterface",
         second_instance + "vrrp_instance VI_3 {\n    interface eth0\n    virtual_router_id >>52\n"
                           "    virtual_ipaddress {\n        192.0.2.30\n    }\n}\n",
         "virtual_router_id 52 is taken on `eth0`", "vrrp_instance `VI_2` has it"},
        {"NameTaken",
         second_instance + ">>vrrp_instance VI_2 {\n    interface eth1\n    virtual_router_id 1\n"
                           "    virtual_ipaddress {\n        192.0.2.30\n    }\n}\n",
         "the name `VI_2` is taken", "on line 1 has it"},
        {"NopreemptOfAMaster", instance_with("    state MASTER\n    priority 150\n    >>nopreempt"),
         "`nopreempt` has no effect with `state MASTER`", "write `state BACKUP`",
         Severity::warning},
        {"NopreemptOfTheOwner", instance_with("    priority 255\n    >>nopreempt"),
         "`nopreempt` has no effect with `priority 255`", "from 1 to 254", Severity::warning},
        {"HalfSecondsInVersion2", instance_with("    advert_int >>1.6"), "whole seconds",
         "write `advert_int 2`"},
        {"TooFineInVersion3", instance_with("    version 3\n    advert_int >>0.015"),
         "hundredths of a second", "write `advert_int 0.02`"},
        {"TooLongInVersion3", instance_with("    advert_int >>50\n    version 3"),
         "from 0.01 to 40.95", "write `advert_int 40.95`"},
        {"PasswordInVersion3",
         instance_with("    version 3\n    authentication {\n        auth_type >>PASS\n"
                       "        auth_pass secret\n    }"),
         "VRRP version 3 has no authentication", "or write `version 2`"},
        {"PasswordWithoutType",
         instance_with("    authentication {\n        auth_pass >>secret\n"
                       "    }"),
         "no `auth_type` is given", "write `auth_type PASS`"},
        {"TypeWithoutPassword",
         instance_with("    authentication {\n        auth_type >>PASS\n"
                       "    }"),
         "no password is given", "write `auth_pass PASSWORD`"},
    };
    return cases;
}

// A virtual server whose first lines are given, with one real server.
std::string server(std::string_view head, std::string_view real = "192.0.2.11 80") {
    return "dataplane {\n    interface eth0\n}\n" + std::string(head) + "\n    real_server " +
           std::string(real) + " {\n    }\n}\n";
}

const std::string good =
    "virtual_server 192.0.2.10 80 {\n    lb_algo rr\n"
    "    lb_kind DR\n    protocol TCP";

const std::string only_af_xdp = "dataplane {\n    engine af_xdp\n}\n";

std::string tunnel(const std::string& words) {
    return server("virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    lb_kind " + words +
                  "\n    protocol TCP");
}

const std::vector<Broken>& services() {
    static const std::vector<Broken> cases{
        {"NoProtocol", server(">>virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    lb_kind DR"),
         "has no `protocol`; UDP is assumed", "write `protocol TCP`"},
        {"NoScheduler",
         server(">>virtual_server 192.0.2.10 80 {\n    lb_kind DR\n    protocol TCP"),
         "has no `lb_algo`; the default (wlc)", "write `lb_algo wlc`", Severity::warning},
        {"NoMethod", server(">>virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    protocol TCP"),
         "has no `lb_kind`; the default (NAT)", "write `lb_kind NAT`", Severity::warning},
        {"NatNotCarried", only_af_xdp + tunnel(">>NAT"), "NAT is not carried by `engine af_xdp`",
         "`engine auto`, with which IPVS carries it"},
        {"TooMuchForNat", tunnel("NAT >>type gre"), "`type` is too much for lb_kind",
         "for tunnels (TUN) only"},
        {"NotVs", "global_defs {\n    lvs_flush_on_stop >>vs\n}\n" + server(good), "`vs` is not VS",
         "write `VS`"},
        {"WrongMethod", tunnel(">>TUM"), "`TUM` is not a value of lb_kind", "did you mean `TUN`?"},
        {"WrongTunnel", tunnel("TUN type >>gree"), "`gree` is not a type of tunnel",
         "did you mean `gre`?"},
        {"NoTunnel", tunnel("TUN >>type"), "`type` needs a type of tunnel", "write `lb_kind NAT"},
        {"WrongTunnelOption", tunnel("TUN >>checksum"), "`checksum` is no option of a tunnel",
         "write `lb_kind NAT"},
        {"GueWithoutPort", tunnel("TUN type >>gue csum"), "`gue` needs a port",
         "write `type gue port 6080`"},
        {"GueWithWrongPort", tunnel("TUN type gue port >>70000"), "`70000` is out of range",
         "write `lb_kind NAT"},
        {"GueWithoutNumber", tunnel("TUN type gue >>port"), "`port` needs a number",
         "write `lb_kind NAT"},
        {"PortOfGre", tunnel("TUN type gre >>port 6080"), "`port` is for gue tunnels only",
         "write `lb_kind NAT"},
        {"ChecksumOfIpip", tunnel("TUN >>csum"), "`csum` is for gue and gre tunnels only",
         "write `lb_kind NAT"},
        {"RemoteChecksumOfGre", tunnel("TUN type gre >>remcsum"),
         "`remcsum` is for gue tunnels only", "write `csum`"},
        {"DirectRoutingWithOptions", tunnel("DR >>type ipip"), "`type` is too much for lb_kind",
         "for tunnels (TUN) only"},
        {"FirewallMark",
         instance_with("",
                       "virtual_server fwmark >>0 {\n    lb_algo rr\n    real_server "
                       "192.0.2.11 80 {\n    }\n}"),
         "`0` is out of range", "a mark is a number from 1"},
        {"FirewallMarkWithoutNumber",
         instance_with("",
                       "virtual_server >>fwmark {\n    lb_algo rr\n    real_server "
                       "192.0.2.11 80 {\n    }\n}"),
         "`fwmark` needs a number", "the block is left out"},
        {"CheckWithoutPort",
         instance_with("",
                       "virtual_server 192.0.2.10 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    real_server 192.0.2.11 {\n        >>TCP_CHECK {\n"
                       "        }\n    }\n}"),
         "this check has no port", "write `connect_port PORT`"},
        {"PortOfAllPorts",
         instance_with("",
                       "virtual_server 192.0.2.10 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    real_server >>192.0.2.11 80 {\n    }\n}"),
         "without NAT, the port", "write `real_server 192.0.2.11`; that is used now"},
        {"Ipv6Granularity",
         instance_with("",
                       "virtual_server 2001:db8::1 80 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    persistence_granularity >>255.255.255.0\n"
                       "    real_server 2001:db8::2 80 {\n    }\n}"),
         "255.255.255.0", "a length from 1 to 128"},
        {"Ipv4ServerOfIpv6",
         instance_with("",
                       "virtual_server 2001:db8::1 80 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n    real_server 2001:db8::2 80 {\n    }\n"
                       "    real_server >>192.0.2.11 80 {\n    }\n}"),
         "an IPv4 real server cannot serve an IPv6", "write its IPv6 address"},
    };
    return cases;
}

const std::vector<Broken>& real_servers() {
    static const std::vector<Broken> cases{
        {"NoRealServer",
         instance_with("",
                       ">>virtual_server 192.0.2.10 80 {\n    lb_algo rr\n    lb_kind DR\n"
                       "    protocol TCP\n}"),
         "this virtual_server has no `real_server`", "without it the block is left out"},
        {"RealServerTwice",
         server(good + "\n    real_server 192.0.2.11 80 {\n    }", ">>192.0.2.11 80"),
         "real_server 192.0.2.11:80 is in this virtual_server already", "line 8"},
        {"OtherPortWithoutNat", server(good, ">>192.0.2.11 8080"), "without NAT, the port",
         "write `real_server 192.0.2.11 80`; that is used now"},
        {"RealServerWithoutPort", server(good, ">>192.0.2.11"), "this real_server has no port",
         "write `real_server 192.0.2.11 80`"},
        {"MixedFamilies",
         server(good + "\n    real_server 192.0.2.12 80 {\n    }", ">>2001:db8::2 80"),
         "an IPv6 real server cannot serve", "write its IPv4 address"},
        {"VirtualServerTwice",
         server(good) + "virtual_server >>192.0.2.10 80 {\n    lb_algo wrr\n    lb_kind DR\n"
                        "    protocol TCP\n    real_server 192.0.2.12 80 {\n    }\n}\n",
         "virtual_server 192.0.2.10:80 is there already", "line 4"},
        {"NoUrl",
         server_with({.real_server = "        >>HTTP_GET {\n            retry 1\n        }"}),
         "this HTTP_GET has no `url`", "without it the block is left out"},
        {"NoPath",
         server_with({.http_get = "            >>url {\n                status_code 200\n"
                                  "            }"}),
         "this url has no `path`", "write `path PATH`"},
        {"PathWithoutSlash",
         server_with({.http_get = "            url {\n                path >>index.html\n"
                                  "            }"}),
         "does not begin with a slash", "write `path /index.html`"},
        {"NoInterfaceForPackets", ">>" + good + "\n    real_server 192.0.2.11 80 {\n    }\n}\n",
         "no interface is known", "add `dataplane { interface eth0 }`", Severity::warning},
        {"NoInterfaceForAfXdp",
         "dataplane {\n    engine af_xdp\n}\n>>" + good +
             "\n    real_server 192.0.2.11 80 {\n    }\n}\n",
         "no interface is known", "add `dataplane { interface eth0 }`"},
        {"WrongEngine", "dataplane {\n    engine >>xdp\n}\n" + server(good),
         "`xdp` is not a value of engine", ""},
    };
    return cases;
}

const std::vector<Broken>& substitutions() {
    static const std::vector<Broken> cases{
        {"Variable", "$PRIO=100\n" + instance_with("    priority >>$PRIO"),
         "the variable `$PRIO` is not expanded", "write its value here"},
        {"VariableInBraces", "$NET=192.0.2\n" + in_address("        >>${NET}.11"),
         "the variable `$NET` is not expanded", "write its value here"},
        {"VariableForARequiredKeyword",
         "$VRID=51\n" + second_instance +
             "vrrp_instance VI_1 {\n    interface eth0\n    virtual_router_id >>$VRID\n"
             "    virtual_ipaddress {\n        192.0.2.10\n    }\n}\n",
         "the variable `$VRID` is not expanded", ""},
        {"ConditionalLine", instance_with("    >>@lb1 priority 150"),
         "conditional lines (`@id`) are not supported", "include"},
        {"RepeatedLine", in_address("        >>~SEQ(var,1,1,3) 192.0.2.$var"),
         "repeated lines (`~SEQ`, `~LST`) are not supported", "one by one"},
    };
    return cases;
}

INSTANTIATE_TEST_SUITE_P(Keywords, BrokenConfiguration, testing::ValuesIn(keywords()), case_name);
INSTANTIATE_TEST_SUITE_P(Values, BrokenConfiguration, testing::ValuesIn(values()), case_name);
INSTANTIATE_TEST_SUITE_P(Addresses, BrokenConfiguration, testing::ValuesIn(addresses()), case_name);
INSTANTIATE_TEST_SUITE_P(Braces, BrokenConfiguration, testing::ValuesIn(braces()), case_name);
INSTANTIATE_TEST_SUITE_P(Relations, BrokenConfiguration, testing::ValuesIn(relations()), case_name);
INSTANTIATE_TEST_SUITE_P(Services, BrokenConfiguration, testing::ValuesIn(services()), case_name);
INSTANTIATE_TEST_SUITE_P(RealServers, BrokenConfiguration, testing::ValuesIn(real_servers()),
                         case_name);
INSTANTIATE_TEST_SUITE_P(Substitutions, BrokenConfiguration, testing::ValuesIn(substitutions()),
                         case_name);

TEST(BrokenConfiguration, ReportsFiveDifferentMistakesInFileOrder) {
    const LoadResult result = load_text(R"(vrrp_instance VI_1 {
    state MASTR
    interface eth0
    virtual_router_id 51
    prioritty 150
    advert_int 1;
    virtual_ipaddress {
        192.0.2.10/244
        192.0.2.11
    }
}
virtual_server 192.0.2.11 80 {
    lb_algo rr
    lb_kind DR
    real_server 192.0.2.12 80 {
        TCP_CHECK {
            connect_timeout 3
        }
    }
}
)");
    ASSERT_EQ(result.diagnostics.size(), 5U) << render_report(result.diagnostics);
    const std::pair<std::uint32_t, std::string_view> expected[] = {
        {2, "did you mean `MASTER`?"}, {5, "did you mean `priority`?"}, {6, "leave out the `;`"},
        {8, "write `IP[/LENGTH]"},     {12, "write `protocol TCP`"},
    };
    for (std::size_t index = 0; index < 5; ++index) {
        const auto& [line, hint] = expected[index];
        EXPECT_EQ(result.diagnostics[index].location.line, line);
        EXPECT_NE(result.diagnostics[index].hint.find(hint), std::string::npos)
            << render(result.diagnostics[index]);
    }
    EXPECT_EQ(result.exit_code, exit_usable_with_errors);
    EXPECT_TRUE(render_report(result.diagnostics).ends_with("5 errors, 0 warnings\n"));
}

// Where one brace is missing and another is too many, their number tells nothing; the indentation
// still does.
TEST(BrokenConfiguration, FindsAMissingBraceDespiteASurplusOne) {
    const LoadResult result = load_text(
        "vrrp_instance VI_1 {\n    interface eth0\n    virtual_ipaddress {\n        192.0.2.10\n"
        "    virtual_router_id 51\n}\n}\n" +
        second_instance);
    ASSERT_EQ(result.diagnostics.size(), 2U) << render_report(result.diagnostics);
    EXPECT_EQ(result.diagnostics[0].location.line, 3U);
    EXPECT_NE(result.diagnostics[0].hint.find("before `virtual_router_id` on line 5"),
              std::string::npos);
    EXPECT_EQ(result.diagnostics[1].location.line, 7U);
    EXPECT_EQ(result.config->vrrp.instances.size(), 2U);
}

}  // namespace
}  // namespace headgate::config
