// Goal: over random tables and random lives of connections, every scheduler but twos, which draws,
// picks exactly the server that the model picks.
// Method: a seeded generator, one worker, connections that open, get established, are reset and
// time out. HEADGATE_SEED=n repeats a run.
#include <cstdlib>
#include <random>
#include <string>

#include <gtest/gtest.h>

#include "tests/unit/core/rig.h"
#include "tests/unit/core/scheduler_model.h"
#include "tests/unit/effort.h"

namespace headgate::dataplane {
namespace {

class Life {
public:
    explicit Life(std::uint32_t seed, Scheduler scheduler) : random_(seed), is_v4_(one_in(2)) {
        ServiceConfig& service = rig_.add_service(is_v4_ ? "192.0.2.10" : "2001:db8::10");
        service.scheduler = scheduler;
        service.hash_port = one_in(2);
        service.hash_fallback = one_in(2);
        const std::uint32_t servers = 1 + below(8);
        for (std::uint8_t number = 1; number <= servers; ++number) {
            DestinationConfig& server =
                service.destinations.emplace_back(Rig::destination(number, below(5)));
            if (!is_v4_)
                server.endpoint.address = IpAddress::v6({0xfd, number, 7, number});
            server.inhibited = one_in(8);
            if (one_in(8))
                server.mac.reset();
            if (one_in(3))
                server.connections_upper = 1 + below(12);
            if (server.connections_upper > 0 && one_in(2))
                server.connections_lower = 1 + below(server.connections_upper);
        }
        rig_.publish();
        model_.emplace(service);
    }

    void run(int steps) {
        for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
            const std::uint32_t what = below(100);
            if (what < 50)
                open();
            else if (what < 80)
                establish();
            else if (what < 98)
                reset();
            else
                wait(what == 98 ? 5 : 100'000);
        }
    }

private:
    enum class State : std::uint8_t { syn, established, closed };
    struct Connection {
        Endpoint client;
        std::size_t server = 0;
        State state = State::syn;
        Tick deadline = 0;
    };

    std::uint32_t below(std::uint32_t bound) {
        return std::uniform_int_distribution<std::uint32_t>(0, bound - 1)(random_);
    }
    bool one_in(std::uint32_t chances) { return below(chances) == 0; }

    Sent send(const Endpoint& client, std::uint8_t flags) {
        return rig_.send(packets::PacketBuilder::tcp(flags).from(client).to(
            is_v4_ ? "192.0.2.10" : "2001:db8::10", 80));
    }

    IpAddress any_address() {
        const std::uint32_t number = below(1U << 16U);
        if (is_v4_)
            return IpAddress::v4(Be32(0x0a010000U + number));
        const auto low = static_cast<std::uint8_t>(number);
        const auto high = static_cast<std::uint8_t>(number >> 8U);
        return IpAddress::v6({0x20, 1, 0xd, 0xb8, 0, low, 0, 0, high, 0, 0, 0, 0, low, high, 1});
    }

    void open() {
        const Endpoint client{any_address(), next_port_++};
        const auto expected = model_->pick(client, rig_.now);
        const Sent sent = send(client, flag::syn);
        if (!expected) {
            ASSERT_EQ(sent.reason, Reason::no_destination);
            return;
        }
        ASSERT_EQ(sent.reason, Reason::none);
        ASSERT_EQ(sent.to, *model_->servers()[*expected].config.mac) << client.to_string();
        model_->count(*expected, 0, 1);
        connections_.push_back({client, *expected, State::syn, rig_.now + 60});
    }

    Connection* any() {
        return connections_.empty()
                   ? nullptr
                   : &connections_[below(static_cast<std::uint32_t>(connections_.size()))];
    }

    void establish() {
        Connection* connection = any();
        if (connection == nullptr || connection->state == State::closed)
            return;
        send(connection->client, flag::ack);
        if (connection->state == State::syn)
            model_->count(connection->server, 1, -1);
        connection->state = State::established;
        connection->deadline = rig_.now + 900;
    }

    void reset() {
        Connection* connection = any();
        if (connection == nullptr)
            return;
        send(connection->client, flag::rst);
        if (connection->state == State::established)
            model_->count(connection->server, -1, 1);
        connection->state = State::closed;
        connection->deadline = rig_.now + 10;
    }

    void wait(Tick seconds) {
        rig_.now += seconds;
        // As often as it takes: one call is a bounded piece of work.
        for (std::uint64_t before = rig_.core.flows() + 1; before != rig_.core.flows();) {
            before = rig_.core.flows();
            rig_.core.expire(rig_.publisher.latest(), rig_.now);
        }
        std::erase_if(connections_, [this](const Connection& connection) {
            if (connection.deadline >= rig_.now)
                return false;
            const bool active = connection.state == State::established;
            model_->count(connection.server, active ? -1 : 0, active ? 0 : -1);
            return true;
        });
        ASSERT_EQ(rig_.core.flows(), connections_.size());
    }

    std::mt19937 random_;
    bool is_v4_;
    Rig rig_;
    std::optional<SchedulerModel> model_;
    std::vector<Connection> connections_;
    std::uint16_t next_port_ = 1;
};

class SchedulerDifferential : public ::testing::TestWithParam<Scheduler> {};

TEST_P(SchedulerDifferential, PicksAsTheModelDoes) {
    const char* given = std::getenv("HEADGATE_SEED");
    const auto first = given != nullptr ? static_cast<std::uint32_t>(std::atoll(given))
                                        : std::uint32_t{std::random_device{}()};
    const std::uint32_t runs = given != nullptr ? 1 : rounds(15);
    for (std::uint32_t seed = first; seed != first + runs && !HasFailure(); ++seed) {
        SCOPED_TRACE("HEADGATE_SEED=" + std::to_string(seed));
        Life(seed, GetParam()).run(400);
    }
}

INSTANTIATE_TEST_SUITE_P(All, SchedulerDifferential,
                         ::testing::Values(Scheduler::rr, Scheduler::wrr, Scheduler::lc,
                                           Scheduler::wlc, Scheduler::sed, Scheduler::nq,
                                           Scheduler::sh, Scheduler::dh, Scheduler::mh,
                                           Scheduler::fo, Scheduler::ovf, Scheduler::lblc,
                                           Scheduler::lblcr));

}  // namespace
}  // namespace headgate::dataplane
