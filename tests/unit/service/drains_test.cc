// Goal: a real server that a reload removes keeps its connections for the time that is configured,
// and no longer.
#include "controlplane/service/drains.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "tests/unit/service/evaluate_rig.h"

namespace headgate::service {
namespace {

class DrainsTest : public EvaluateTest {
protected:
    DrainsTest() { config.virtual_servers[0].drain_timeout = seconds(30); }
    // What a reload makes of it that leaves the first real server out.
    config::Config without_first() const {
        config::Config after = config;
        after.virtual_servers[0].real_servers.erase(after.virtual_servers[0].real_servers.begin());
        return after;
    }
    void reload(config::Config after, Instant now) {
        drains.reload(config, evaluate(config, inputs), after, now);
        config = std::move(after);
    }
    std::size_t draining() const { return drains.of(config.virtual_servers[0]).size(); }

    const Instant begin = Instant{} + seconds(1000);
};

TEST_F(DrainsTest, ARemovedServerKeepsItsTunnel) {
    inputs.capabilities.methods.push_back(config::ForwardingMethod::tun);
    config.virtual_servers[0].real_servers[0].forwarding = {config::ForwardingMethod::tun,
                                                            config::TunnelType::gue, 6080};
    reload(without_first(), begin);
    const api::ServiceTable made = table();
    ASSERT_EQ(made.services(0).destinations_size(), 2);
    EXPECT_TRUE(made.services(0).destinations(1).leaving());
    EXPECT_EQ(made.services(0).destinations(1).method(), api::TUN);
    EXPECT_EQ(made.services(0).destinations(1).tunnel().port(), 6080U);
}

TEST_F(DrainsTest, ARemovedServerKeepsItsConnectionsUntilItsTimeIsOver) {
    reload(without_first(), begin);
    EXPECT_EQ(drains.next(), begin + seconds(30));
    const api::ServiceTable made = table();
    ASSERT_EQ(made.services(0).destinations_size(), 2);
    EXPECT_EQ(made.services(0).destinations(1).address(), "10.0.0.11");
    EXPECT_TRUE(made.services(0).destinations(1).leaving());
    drains.expire(begin + seconds(29));
    EXPECT_EQ(draining(), 1U);
    drains.expire(begin + seconds(30));
    EXPECT_EQ(draining(), 0U);
    EXPECT_EQ(drains.next(), std::nullopt);
    EXPECT_EQ(table().services(0).destinations_size(), 1);
}

TEST_F(DrainsTest, AnotherReloadDoesNotPutItOff) {
    reload(without_first(), begin);
    reload(config, begin + seconds(20));
    EXPECT_EQ(drains.next(), begin + seconds(30));
}

TEST_F(DrainsTest, AServerThatIsDownOrBackOrUnwantedIsNotDrained) {
    result("10.0.0.11", false);
    reload(without_first(), begin);
    EXPECT_EQ(draining(), 0U) << "it was down";
    result("10.0.0.11", true);
    config.virtual_servers[0].real_servers.insert(config.virtual_servers[0].real_servers.begin(),
                                                  real_server("10.0.0.11"));
    const config::Config with = config;
    reload(without_first(), begin);
    EXPECT_EQ(draining(), 1U);
    reload(with, begin);
    EXPECT_EQ(draining(), 0U) << "it is back";
    reload(without_first(), begin);
    config::Config impatient = config;
    impatient.virtual_servers[0].drain_timeout = seconds(0);
    reload(impatient, begin);
    EXPECT_EQ(draining(), 0U) << "the time is 0 now";
}

}  // namespace
}  // namespace headgate::service
