// Goal: the connection table is a map, whatever is put in and taken out, up to its last node; and
// its wheel ends every connection in its second, however late or seldom it is asked.
// Method: random operations beside a std::map, with a table so small that buckets overflow.
#include <map>
#include <random>

#include <gtest/gtest.h>

#include "dataplane/core/connection_table.h"

namespace headgate::dataplane {
namespace {

constexpr std::uint32_t all = 1000000;

// Seeded from the system; the seed of a failing run is printed with the failure.
class Random {
public:
    explicit Random(std::uint32_t seed) : engine_(seed) {}
    std::uint32_t operator()() { return static_cast<std::uint32_t>(engine_()); }

private:
    std::mt19937 engine_;
};

ConnectionKey key_of(std::uint32_t number) {
    return {wide_v4(Be32(number)),
            {number % 3 + 1, Be16(static_cast<std::uint16_t>(number)), Be16(80)}};
}

Tick timeout_s(ConnectionState state) {
    return StateTimeouts().of(state);
}

ConnectionIndex add(ConnectionTable& table, std::uint32_t number, ConnectionState state, Tick now) {
    return table.create(key_of(number), table.hash(key_of(number)), state, timeout_s(state), now);
}

void change(ConnectionTable& table, ConnectionIndex index, ConnectionState state, Tick now) {
    table.change_state(index, state, timeout_s(state), now);
}

ConnectionIndex find(const ConnectionTable& table, std::uint32_t number) {
    return table.find(key_of(number), table.hash(key_of(number)));
}

// Ends all connections that are due; returns how many.
std::uint32_t expire(ConnectionTable& table, Tick now) {
    std::uint32_t budget = all;
    std::uint32_t count = 0;
    for (;; ++count) {
        const ConnectionIndex index = table.next_expired(now, budget);
        if (index == no_connection)
            return count;
        table.destroy(index);
    }
}

TEST(ConnectionTable, TakesAtMost96BytesPerConnection) {
    for (const std::uint32_t capacity : {1000U, 65536U, 1000000U}) {
        const ConnectionTable table(capacity, {});
        EXPECT_LE(table.bytes(), std::size_t{capacity} * 96);
    }
}

TEST(ConnectionTable, IsAMapDownToItsLastNode) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    constexpr std::uint32_t capacity = 300;
    ConnectionTable table(capacity, {{random(), random(), random(), random()}});
    std::map<std::uint32_t, ConnectionIndex> model;
    for (int step = 0; step < 200000; ++step) {
        const std::uint32_t number = random() % 600;
        const auto known = model.find(number);
        ASSERT_EQ(find(table, number), known == model.end() ? no_connection : known->second);
        if (known != model.end() && random() % 2 == 0) {
            table.destroy(known->second);
            model.erase(known);
        } else if (known == model.end() && !table.full()) {
            model[number] = add(table, number, ConnectionState::udp, 1000);
        }
        ASSERT_EQ(table.size(), model.size());
        ASSERT_EQ(table.full(), model.size() == capacity);
    }
}

TEST(ConnectionTable, ANewConnectionIsNotInTheFlowCache) {
    ConnectionTable table(1, {});
    for (const ConnectionState state : {ConnectionState::udp, ConnectionState::syn}) {
        const ConnectionIndex index = add(table, 1, state, 0);
        change(table, index, ConnectionState::established, 0);
        EXPECT_EQ(table.at(index).cached(), not_cached);
        EXPECT_EQ(table.at(index).followed, 0);
        table.at(index).set_cached(7);
        table.at(index).followed = 3;
        EXPECT_EQ(table.at(index).cached(), 7U);
        table.destroy(index);
        EXPECT_EQ(table.at(add(table, 2, ConnectionState::udp, 0)).cached(), not_cached);
        table.destroy(index);
    }
    EXPECT_EQ(table.at(add(table, 1, ConnectionState::syn, 0)).cached(), not_cached);
}

TEST(ConnectionTable, TheCandidateIsTheConnectionAlmostAlways) {
    constexpr std::uint32_t capacity = 10000;
    ConnectionTable table(capacity, {});
    for (std::uint32_t number = 0; number < capacity; ++number)
        add(table, number, ConnectionState::udp, 1000);
    std::uint32_t wrong = 0;
    for (std::uint32_t number = 0; number < capacity; ++number) {
        const std::uint64_t hash = table.hash(key_of(number));
        const Connection* candidate = table.prefetch_candidate(table.prefetch_place(hash), hash);
        wrong += candidate == &table.at(find(table, number)) ? 0 : 1;
    }
    EXPECT_LT(wrong, capacity / 50);
}

TEST(ConnectionTable, ConnectionsEndInTheSecondAfterTheirDeadline) {
    for (const auto state : {ConnectionState::syn, ConnectionState::established,
                             ConnectionState::fin, ConnectionState::closed, ConnectionState::udp}) {
        ConnectionTable table(8, {});
        expire(table, 5000);
        add(table, 1, state, 5000);
        EXPECT_EQ(expire(table, 5000 + timeout_s(state)), 0U);
        EXPECT_EQ(expire(table, 5000 + timeout_s(state) + 1), 1U);
    }
}

TEST(ConnectionTable, ATouchedConnectionIsMovedOnNotEnded) {
    ConnectionTable table(8, {});
    const ConnectionIndex index = add(table, 1, ConnectionState::udp, 1000);
    for (Tick now = 1000; now < 3000; now += 299) {
        EXPECT_EQ(expire(table, now), 0U);
        ConnectionTable::touch(table.at(index), timeout_s(ConnectionState::udp), now);
    }
}

TEST(ConnectionTable, AStateWithAShorterTimeoutIsNoticedInTime) {
    ConnectionTable table(8, {});
    const ConnectionIndex index = add(table, 1, ConnectionState::syn, 1000);
    change(table, index, ConnectionState::established, 1000);
    EXPECT_EQ(expire(table, 1200), 0U);
    change(table, index, ConnectionState::closed, 1200);
    EXPECT_EQ(expire(table, 1210), 0U);
    EXPECT_EQ(expire(table, 1211), 1U);
}

TEST(ConnectionTable, AfterALongSleepAllThatIsDueEnds) {
    ConnectionTable table(2000, {});
    for (std::uint32_t number = 0; number < 2000; ++number)
        add(table, number, ConnectionState::established, 1000 + number % 500);
    EXPECT_EQ(expire(table, 1000000), 2000U);
    EXPECT_EQ(table.size(), 0U);
}

TEST(ConnectionTable, ExpiryIsBoundedAndGoesOnWhereItStopped) {
    ConnectionTable table(1000, {});
    for (std::uint32_t number = 0; number < 1000; ++number)
        add(table, number, ConnectionState::closed, 1000);
    std::uint32_t calls = 0;
    while (table.size() > 0) {
        std::uint32_t budget = 64;
        ++calls;
        for (;;) {
            const ConnectionIndex index = table.next_expired(1011, budget);
            if (index == no_connection)
                break;
            table.destroy(index);
        }
    }
    EXPECT_EQ(calls, 16U);
}

class WheelFrom : public ::testing::TestWithParam<Tick> {};
// The second one: ticks wrap on the way.
INSTANTIATE_TEST_SUITE_P(Ticks, WheelFrom, ::testing::Values(1000, 0xffffff00));

TEST_P(WheelFrom, IsRightWhenItIsAskedSeldomAndInPieces) {
    const std::uint32_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    Random random(seed);
    ConnectionTable table(500, {});
    std::map<ConnectionIndex, Tick> deadlines;
    Tick now = GetParam();
    const auto random_timeout = [&random] {
        static constexpr Tick timeouts[] = {1,    10,   60,   300,  900,  1021,
                                            1022, 1023, 1024, 5000, 86400};
        return timeouts[random() % std::size(timeouts)];
    };
    for (int step = 0; step < 50000; ++step) {
        now += random() % 8 == 0 ? random() % 400 : 0;
        std::uint32_t budget = random() % 20;
        for (;;) {
            const ConnectionIndex index = table.next_expired(now, budget);
            if (index == no_connection)
                break;
            ASSERT_TRUE(is_past(deadlines.at(index), now));
            deadlines.erase(index);
            table.destroy(index);
        }
        if (!table.full()) {
            const auto state = static_cast<ConnectionState>(random() % 5);
            const std::uint32_t number = random();
            const Tick timeout = random_timeout();
            if (find(table, number) == no_connection)
                deadlines[table.create(key_of(number), table.hash(key_of(number)), state, timeout,
                                       now)] = now + timeout;
        }
        if (!deadlines.empty()) {
            const ConnectionIndex index = deadlines.begin()->first;
            const Tick timeout = random_timeout();
            table.change_state(index, static_cast<ConnectionState>(random() % 5), timeout, now);
            deadlines[index] = now + timeout;
        }
    }
    std::uint32_t ended = 0;
    for (int second = 0; second < 90000; ++second)
        ended += expire(table, ++now);
    EXPECT_EQ(ended, deadlines.size());
}

TEST(ConnectionTable, ATimeoutBeyondTheWheelIsKeptToTheSecond) {
    for (const Tick timeout : {1022U, 1023U, 1024U, 1025U, 100'000U}) {
        ConnectionTable table(8, {});
        expire(table, 0xffffff00);
        table.create(key_of(1), table.hash(key_of(1)), ConnectionState::established, timeout,
                     0xffffff00);
        Tick now = 0xffffff00;
        while (expire(table, now) == 0)
            ++now;
        EXPECT_EQ(now - 0xffffff00, timeout + 1);
    }
}

TEST(ConnectionTable, TheOldestHalfOpenConnectionIsKnown) {
    ConnectionTable table(8, {});
    const ConnectionIndex first = add(table, 1, ConnectionState::syn, 1000);
    const ConnectionIndex second = add(table, 2, ConnectionState::syn, 1001);
    const ConnectionIndex third = add(table, 3, ConnectionState::syn, 1002);
    EXPECT_EQ(table.oldest_half_open(), first);
    change(table, first, ConnectionState::established, 1003);
    EXPECT_EQ(table.oldest_half_open(), second);
    table.destroy(third);
    table.destroy(second);
    EXPECT_EQ(table.oldest_half_open(), no_connection);
}

}  // namespace
}  // namespace headgate::dataplane
