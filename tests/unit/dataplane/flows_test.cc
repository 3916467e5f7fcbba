// Goal: questions about connections are read as they are meant, and answered in the API's words.
// Method: the real core answers the scans.
#include "dataplane/flows.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "tests/unit/core/rig.h"

namespace headgate::dataplane {
namespace {

class FlowsTest : public ::testing::Test {
protected:
    FlowsTest() {
        rig.add_service().destinations = Rig::destinations(2);
        rig.add_service("192.0.2.10", 53, Protocol::udp).destinations = Rig::destinations(2);
        rig.publish();
        for (std::uint32_t client = 0; client < 10; ++client)
            rig.establish(client);
        rig.send_udp(3);
    }
    api::Flows ask() {
        const auto question = load_flows_request(request);
        EXPECT_TRUE(question) << question.error().message;
        InterfaceFlows flows("eth7", rig.publisher.latest(), *question, 1);
        for (const auto& scan : flows.scans()) {
            while (!rig.core.scan(rig.publisher.latest(), *scan, rig.now)) {
            }
            scan->finish();
        }
        EXPECT_TRUE(flows.finished());
        api::Flows answer;
        flows.report(question->limit, answer);
        return answer;
    }

    Rig rig;
    api::FlowsRequest request;
};

TEST_F(FlowsTest, ShowWhatTheyAre) {
    request.set_client("10.1.0.3");
    request.set_service_address("192.0.2.10");
    request.set_service_port(80);
    request.set_service_protocol(api::TCP);
    request.set_limit(5);
    const api::Flows flows = ask();
    ASSERT_EQ(flows.flows_size(), 1);
    const api::Flow& flow = flows.flows(0);
    EXPECT_EQ(flow.client(), "10.1.0.3");
    EXPECT_EQ(flow.client_port(), 40000U);
    EXPECT_EQ(flow.service_address(), "192.0.2.10");
    EXPECT_EQ(flow.service_port(), 80U);
    EXPECT_EQ(flow.protocol(), api::TCP);
    EXPECT_EQ(flow.destination(), "10.0.0.2");
    EXPECT_EQ(flow.destination_port(), 80U);
    EXPECT_EQ(flow.state(), "ESTABLISHED");
    EXPECT_EQ(flow.expires_s(), 900U);
    EXPECT_EQ(flow.interface(), "eth7");
}

TEST_F(FlowsTest, AreFilteredCountedAndLimited) {
    request.set_limit(2);
    EXPECT_EQ(ask().matched(), 11U);
    EXPECT_EQ(ask().flows_size(), 2);
    request.set_client("10.1.0.0/30");
    EXPECT_EQ(ask().matched(), 5U);
    request.set_client("");
    request.set_destination("10.0.0.1");
    EXPECT_EQ(ask().matched(), 6U);
    request.set_destination("10.0.0.9");
    EXPECT_EQ(ask().matched(), 0U);
}

TEST_F(FlowsTest, OfAServiceThatIsNotThereAreNone) {
    request.set_service_address("192.0.2.10");
    request.set_service_port(81);
    request.set_service_protocol(api::TCP);
    EXPECT_EQ(ask().matched(), 0U);
}

TEST_F(FlowsTest, OfAServiceOfEveryPortAreToldApartByPort) {
    ServiceConfig& service = rig.add_service("2001:db8::10", 0, Protocol::sctp);
    service.destinations = {Rig::destination(1)};
    service.destinations[0].endpoint = {packets::ip("fd00::1"), 0};
    service.persistence_prefix_length = 128;
    rig.publish();
    for (const std::uint16_t port : {std::uint16_t{5060}, std::uint16_t{5061}})
        rig.send(
            packets::PacketBuilder::sctp(1).from("2001:db8:1::7", 40000).to("2001:db8::10", port));
    request.set_client("2001:db8:1::/48");
    request.set_limit(5);
    EXPECT_EQ(ask().matched(), 2U);
    request.set_client("2001:db8:2::/48");
    EXPECT_EQ(ask().matched(), 0U);
    request.set_client("");
    request.set_service_address("2001:db8::10");
    request.set_service_protocol(api::SCTP);
    EXPECT_EQ(ask().matched(), 2U) << "port 0: all of the service";
    request.set_service_port(5061);
    const api::Flows flows = ask();
    ASSERT_EQ(flows.flows_size(), 1);
    EXPECT_EQ(flows.flows(0).client(), "2001:db8:1::7");
    EXPECT_EQ(flows.flows(0).service_port(), 5061U);
    EXPECT_EQ(flows.flows(0).destination(), "fd00::1");
    EXPECT_EQ(flows.flows(0).destination_port(), 5061U);
    EXPECT_EQ(flows.flows(0).protocol(), api::SCTP);
    EXPECT_EQ(flows.flows(0).state(), "SYN");
}

TEST_F(FlowsTest, EndWhenAsked) {
    request.set_destination("10.0.0.1");
    request.set_end(true);
    EXPECT_EQ(ask().ended(), 6U);
    EXPECT_EQ(rig.core.flows(), 5U);
}

TEST_F(FlowsTest, ARequestThatSaysNothingUsableIsRefused) {
    for (const char* client : {"web", "10.0.0.0/33"}) {
        request.set_client(client);
        EXPECT_FALSE(load_flows_request(request)) << client;
    }
    request.set_client("");
    request.set_service_address("web");
    EXPECT_FALSE(load_flows_request(request));
    request.set_service_address("192.0.2.10");
    request.set_service_port(65536);
    EXPECT_FALSE(load_flows_request(request));
    request.set_service_port(80);
    request.set_destination("web");
    EXPECT_FALSE(load_flows_request(request));
}

}  // namespace
}  // namespace headgate::dataplane
