// Goal: the kernel's list of connections is read as it is written, filtered and counted; whatever
// else stands there is passed over.
#include "controlplane/forwarding/ipvs/connections.h"

#include <sstream>

#include <gtest/gtest.h>

#include "common/api.pb.h"

namespace headgate::forwarding::ipvs {
namespace {

constexpr const char* list_of_the_kernel =
    "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"
    "TCP C0000265 9C42 C000020A 0050 C000020B 0050 ESTABLISHED     899\n"
    "TCP C0000265 0000 C000020A 0050 C000020B 0050 NONE             47\n"
    "UDP C6336407 0035 C000020A 0035 C000020C 14EB UDP             299 sip call-id@host\n"
    "TCP 2001:0db8:0000:0000:0000:0000:0000:0007 9C43 2001:0db8:0000:0000:0000:0000:0000:0010 "
    "0050 2001:db8::11 0050 SYN_RECV         59\n"
    "TCP C0000266 9C42 C000020A 0051 C000020C 0050 FIN_WAIT        119\n";

Result<api::Flows> read(const api::FlowsRequest& request,
                        const std::string& text = list_of_the_kernel) {
    std::istringstream lines(text);
    return connections_in(lines, request);
}

api::FlowsRequest all() {
    api::FlowsRequest request;
    request.set_limit(100);
    return request;
}

TEST(Connections, AreReadAsTheKernelWritesThem) {
    const auto flows = read(all());
    ASSERT_TRUE(flows);
    EXPECT_EQ(flows->matched(), 5U);
    ASSERT_EQ(flows->flows_size(), 5);
    EXPECT_EQ(flows->flows(0).ShortDebugString(),
              "client: \"192.0.2.101\" client_port: 40002 service_address: \"192.0.2.10\" "
              "service_port: 80 protocol: TCP destination: \"192.0.2.11\" destination_port: 80 "
              "state: \"ESTABLISHED\" expires_s: 899");
    EXPECT_TRUE(flows->flows(1).persistent()) << "a client that is bound";
    EXPECT_EQ(flows->flows(2).destination_port(), 5355U);
    EXPECT_EQ(flows->flows(2).state(), "UDP");
    EXPECT_EQ(flows->flows(3).client(), "2001:db8::7");
    EXPECT_EQ(flows->flows(3).destination(), "2001:db8::11");
    EXPECT_EQ(flows->flows(3).state(), "SYN");
    EXPECT_EQ(flows->flows(4).state(), "FIN");
}

TEST(Connections, AreFilteredAndCountedBeyondTheLimit) {
    const auto count = [](auto&& ask) {
        api::FlowsRequest request = all();
        ask(request);
        return read(request)->matched();
    };
    EXPECT_EQ(count([](auto& request) { request.set_client("192.0.2.0/24"); }), 3U);
    EXPECT_EQ(count([](auto& request) { request.set_client("2001:db8::/64"); }), 1U);
    EXPECT_EQ(count([](auto& request) { request.set_destination("192.0.2.12"); }), 2U);
    const auto service = [&count](std::uint32_t port, api::Protocol protocol) {
        return count([&](auto& request) {
            request.set_service_address("192.0.2.10");
            request.set_service_port(port);
            request.set_service_protocol(protocol);
        });
    };
    EXPECT_EQ(service(80, api::TCP), 2U);
    EXPECT_EQ(service(80, api::UDP), 0U);
    EXPECT_EQ(service(0, api::TCP), 3U) << "of every port";
    api::FlowsRequest request = all();
    request.set_limit(2);
    EXPECT_EQ(read(request)->flows_size(), 2);
    EXPECT_EQ(read(request)->matched(), 5U);
}

TEST(Connections, OtherLinesArePassedOver) {
    for (const char* line : {"", "TCP", "ICMP C0000265 9C42 C000020A 0050 C000020B 0050 NONE 1",
                             "TCP C000026 9C42 C000020A 0050 C000020B 0050 NONE 1",
                             "TCP C0000265 9C42 C000020A 0050 C000020B 10050 NONE 1",
                             "TCP C0000265 9C42 C000020A 0050 C000020B 0050 NONE x",
                             "TCP C0000265 9C42 2001::1::2 0050 C000020B 0050 NONE 1"})
        EXPECT_EQ(read(all(), line)->matched(), 0U) << line;
}

TEST(Connections, WhatIsNoAddressIsSaid) {
    for (const auto& set : {&api::FlowsRequest::set_client<const char*>,
                            &api::FlowsRequest::set_destination<const char*>,
                            &api::FlowsRequest::set_service_address<const char*>}) {
        api::FlowsRequest request = all();
        (request.*set)("somewhere");
        EXPECT_FALSE(read(request));
    }
}

}  // namespace
}  // namespace headgate::forwarding::ipvs
