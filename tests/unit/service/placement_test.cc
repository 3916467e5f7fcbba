// Goal: what a backend cannot do is said in the words of the configuration.
#include "controlplane/service/placement.h"

#include <gtest/gtest.h>

namespace headgate::service {
namespace {

Capabilities of_the_bypass() {
    return {.methods = {config::ForwardingMethod::dr},
            .schedulers = {config::Scheduler::rr},
            .protocols = {config::Protocol::tcp}};
}

config::VirtualServer carried_by_all() {
    config::VirtualServer server;
    server.scheduler = config::Scheduler::rr;
    return server;
}

TEST(Placement, AMarkNeedsABackendThatKnowsThem) {
    config::VirtualServer server = carried_by_all();
    server.fwmark = 7;
    server.protocol = config::Protocol::udp;
    Capabilities backend = of_the_bypass();
    EXPECT_EQ(why_not_carried(backend, server), "it is selected by a firewall mark");
    backend.firewall_marks = true;
    EXPECT_EQ(why_not_carried(backend, server), "") << "of every protocol";
}

TEST(Placement, SoDoesAPersistenceEngine) {
    config::VirtualServer server = carried_by_all();
    server.persistence_engine = "sip";
    Capabilities backend = of_the_bypass();
    EXPECT_EQ(why_not_carried(backend, server), "persistence_engine sip is not supported");
    backend.persistence_engines = true;
    EXPECT_EQ(why_not_carried(backend, server), "");
}

}  // namespace
}  // namespace headgate::service
