// Goal: the gate follows how busy its worker is, within its bounds, and opens again.
#include <gtest/gtest.h>

#include "dataplane/core/connection_gate.h"

namespace headgate::dataplane {
namespace {

using Kind = ConnectionGate::Kind;

class ConnectionGateTest : public ::testing::Test {
protected:
    std::uint32_t taken(std::uint32_t attempts, Kind kind = Kind::opening) {
        std::uint32_t count = 0;
        for (std::uint32_t attempt = 0; attempt < attempts; ++attempt)
            count += gate.take(kind, configured, now) ? 1 : 0;
        return count;
    }
    void second(std::uint32_t busy_permille) {
        gate.adapt(busy_permille);
        ++now;
    }

    ConnectionGate gate;
    std::optional<std::uint32_t> configured;
    Tick now = 1000;
};

TEST_F(ConnectionGateTest, IsWideOpenAtFirst) {
    EXPECT_EQ(taken(2'000'000), 2'000'000U);
}

TEST_F(ConnectionGateTest, OfABusyWorkerLetsInAQuarterLess) {
    taken(400'000);
    second(950);
    EXPECT_EQ(gate.rate(), 300'000U);
    EXPECT_EQ(taken(400'000), 300'000U);
    second(950);
    EXPECT_EQ(taken(400'000), 225'000U);
}

TEST_F(ConnectionGateTest, StaysWhileTheWorkerIsNeitherBusyNorIdle) {
    taken(400'000);
    second(950);
    second(899);
    second(700);
    EXPECT_EQ(gate.rate(), 300'000U);
}

TEST_F(ConnectionGateTest, NeverShutsForAFewConnections) {
    for (int count = 0; count < 50; ++count)
        second(1000);
    EXPECT_EQ(gate.rate(), ConnectionGate::rate_min);
    EXPECT_EQ(taken(20'000), ConnectionGate::rate_min);
}

TEST_F(ConnectionGateTest, OpensAgainWhenTheWorkerHasTime) {
    second(1000);
    second(100);
    EXPECT_EQ(gate.rate(), 12'500U);
    for (int count = 0; count < 40; ++count)
        second(100);
    EXPECT_EQ(gate.rate(), TokenBudget::unlimited);
}

TEST_F(ConnectionGateTest, AFloodKeepsNobodyOutWhoComesBack) {
    configured = 100;
    EXPECT_EQ(taken(5000), 100U);
    EXPECT_EQ(taken(5000, Kind::returning), 100U);
}

TEST_F(ConnectionGateTest, AConfiguredRateStaysAsItIs) {
    configured = 100;
    second(1000);
    EXPECT_EQ(taken(5000), 100U);
    configured = TokenBudget::unlimited;
    EXPECT_EQ(taken(20'000), 20'000U);
}

}  // namespace
}  // namespace headgate::dataplane
