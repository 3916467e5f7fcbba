// The states of a connection, and how long each lasts without a packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/core/forwarding_config.h"
#include "dataplane/core/tick.h"

namespace headgate::dataplane {

// What the client's side alone tells: with direct routing the answers do not pass here.
enum class ConnectionState : std::uint8_t { syn, established, fin, closed, udp };

constexpr bool is_closing(ConnectionState state) {
    return state == ConnectionState::fin || state == ConnectionState::closed;
}

// Until a packet with a flag of TCP's other than ACK and PSH changes it.
constexpr bool is_lasting(ConnectionState state) {
    constexpr unsigned lasting = 1U << static_cast<unsigned>(ConnectionState::established) |
                                 1U << static_cast<unsigned>(ConnectionState::udp);
    return (lasting >> static_cast<unsigned>(state) & 1U) != 0;
}

// Idle seconds after which a connection ends, by state.
class StateTimeouts {
public:
    constexpr StateTimeouts() : StateTimeouts(ConnectionTimeouts{}) {}
    // What is not configurable is as in IPVS.
    constexpr explicit StateTimeouts(const ConnectionTimeouts& timeouts)
        : seconds_{60, timeouts.tcp_s, timeouts.tcp_fin_s, 10, timeouts.udp_s} {}

    [[nodiscard]] constexpr Tick of(ConnectionState state) const {
        return seconds_[static_cast<std::size_t>(state)];
    }

private:
    std::array<Tick, 5> seconds_;
};

}  // namespace headgate::dataplane
