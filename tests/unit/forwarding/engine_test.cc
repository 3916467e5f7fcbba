// Goal: the pure parts of supervision: which engine a configuration wants, what fits it, how long
// to wait before a restart; and that the publisher sends the latest table only, one at a time.
#include "controlplane/forwarding/engine.h"

#include <gtest/gtest.h>

#include "common/api.pb.h"
#include "controlplane/config/model.h"
#include "controlplane/forwarding/backoff.h"
#include "controlplane/forwarding/table_publisher.h"

namespace headgate::forwarding {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(Backoff, RestartsAtOnceThenSlower) {
    Backoff backoff;
    for (const int delay_ms : {0, 100, 200, 400, 800, 1600, 3200, 5000, 5000})
        EXPECT_EQ(backoff.next(seconds(1)), milliseconds(delay_ms));
}

TEST(Backoff, ForgetsAfterAHealthyLife) {
    Backoff backoff;
    backoff.next({});
    backoff.next({});
    EXPECT_EQ(backoff.next(seconds(10)), milliseconds(0));
    EXPECT_EQ(backoff.next(milliseconds(9999)), milliseconds(100));
}

TEST(Engine, TakesItsInterfacesFromTheBlockElseFromVrrp) {
    config::Config config;
    EXPECT_TRUE(engine_of(config).interfaces.empty());
    config.vrrp.instances.resize(3);
    config.vrrp.instances[0].interface = "eth1";
    config.vrrp.instances[1].interface = "eth0";
    config.vrrp.instances[2].interface = "eth1";
    EXPECT_EQ(engine_of(config).interfaces, (std::vector<std::string>{"eth0", "eth1"}));
    config.dataplane.interfaces = {"eth7"};
    config.dataplane.mode = config::XdpMode::generic;
    const Engine engine = engine_of(config);
    EXPECT_EQ(engine.interfaces, (std::vector<std::string>{"eth7"}));
    EXPECT_EQ(arguments_of(engine, "/run/x/dataplane.sock", "/sys/fs/bpf/x"),
              (std::vector<std::string>{"--socket", "/run/x/dataplane.sock", "--pins",
                                        "/sys/fs/bpf/x", "--xdp-mode", "generic", "--flow-cache",
                                        "1048576", "--interface", "eth7"}));
}

TEST(Engine, FitsByInterfacesModeAndFlowCache) {
    api::DataplaneState state;
    state.set_flow_cache(flow_cache_defaults::flows);
    const auto add = [&state](const char* interface, const char* mode) {
        state.add_ports()->set_interface(interface);
        state.mutable_ports()->rbegin()->set_mode(mode);
    };
    add("eth1", "native copy");
    add("eth0", "native copy");
    using config::XdpMode;
    EXPECT_TRUE(runs_as({{"eth0", "eth1"}, XdpMode::automatic}, state));
    EXPECT_TRUE(runs_as({{"eth0", "eth1"}, XdpMode::native}, state));
    EXPECT_FALSE(runs_as({{"eth0", "eth1"}, XdpMode::generic}, state));
    EXPECT_FALSE(runs_as({{"eth0"}, XdpMode::automatic}, state));
    EXPECT_FALSE(runs_as({{"eth0", "eth1"}, XdpMode::automatic, 0}, state));
    EXPECT_FALSE(runs_as({{"eth0", "eth1", "eth2"}, XdpMode::automatic}, state));
    state.mutable_ports(0)->set_mode("generic copy");
    EXPECT_FALSE(runs_as({{"eth0", "eth1"}, XdpMode::native}, state));
    state.mutable_ports(0)->set_mode("not attached");
    EXPECT_TRUE(runs_as({{"eth0", "eth1"}, XdpMode::native}, state));
}

// Keeps the requests and lets the test answer them.
class ScriptedConnection final : public DataplaneConnection {
public:
    void request(const api::DataplaneRequest& request, ReplyHandler handler) override {
        requests.push_back(request);
        handlers.push_back(std::move(handler));
    }
    void close() override { closed = true; }
    [[nodiscard]] pid_t peer_pid() const override { return 1; }
    [[nodiscard]] std::optional<Instant> waiting_since() const override { return {}; }

    void answer(std::size_t index, const std::string& error = "") {
        api::DataplaneReply reply;
        reply.set_error(error);
        handlers[index](reply);
    }

    std::vector<api::DataplaneRequest> requests;
    std::vector<ReplyHandler> handlers;
    bool closed = false;
};

api::ServiceTable table(std::uint64_t generation) {
    api::ServiceTable table;
    table.set_generation(generation);
    return table;
}

TEST(TablePublisher, SkipsTablesThatWereOvertaken) {
    TablePublisher publisher;
    auto connection = std::make_shared<ScriptedConnection>();
    publisher.set_table(table(1));
    publisher.attach(connection);
    publisher.set_table(table(2));
    publisher.set_table(table(3));
    ASSERT_EQ(connection->requests.size(), 1U);
    EXPECT_FALSE(publisher.confirmed());
    connection->answer(0);
    EXPECT_TRUE(publisher.confirmed());
    ASSERT_EQ(connection->requests.size(), 2U);
    EXPECT_EQ(connection->requests[1].apply().generation(), 3U);
    connection->answer(1);
    EXPECT_EQ(connection->requests.size(), 2U);
}

TEST(TablePublisher, ReportsARefusalUntilATableIsTaken) {
    TablePublisher publisher;
    auto connection = std::make_shared<ScriptedConnection>();
    publisher.attach(connection);
    EXPECT_TRUE(connection->requests.empty());
    publisher.set_table(table(1));
    connection->answer(0, "too many services");
    EXPECT_EQ(publisher.error(), "too many services");
    EXPECT_FALSE(publisher.confirmed());
    publisher.set_table(table(2));
    connection->answer(1);
    EXPECT_EQ(publisher.error(), "");
}

TEST(TablePublisher, PublishesAgainOnEveryConnection) {
    TablePublisher publisher;
    publisher.set_table(table(1));
    auto first = std::make_shared<ScriptedConnection>();
    publisher.attach(first);
    first->answer(0);
    publisher.detach("lost");
    EXPECT_TRUE(first->closed);
    EXPECT_FALSE(publisher.confirmed());
    auto second = std::make_shared<ScriptedConnection>();
    publisher.attach(second);
    ASSERT_EQ(second->requests.size(), 1U);
    EXPECT_EQ(second->requests[0].apply().generation(), 1U);
}

TEST(TablePublisher, AnswersEveryQuestionAlsoWhenTheConnectionIsLost) {
    TablePublisher publisher;
    int good = 0;
    int bad = 0;
    const auto count = [&](const Result<api::DataplaneState>& state) { ++(state ? good : bad); };
    publisher.stats(count);
    EXPECT_EQ(bad, 1);
    auto connection = std::make_shared<ScriptedConnection>();
    publisher.attach(connection);
    publisher.stats(count);
    publisher.stats(count);
    EXPECT_EQ(connection->requests.size(), 1U);
    connection->answer(0);
    EXPECT_EQ(good, 2);
    publisher.stats(count);
    publisher.detach("lost");
    EXPECT_EQ(bad, 2);
}

}  // namespace
}  // namespace headgate::forwarding
