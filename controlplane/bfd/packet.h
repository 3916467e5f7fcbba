// The BFD control packet on the wire (RFC 5880 section 4.1, without authentication). Pure: bytes
// in, values out. It is the payload of a UDP datagram; what the headers around it have to say (TTL,
// addresses, ports) is checked by whoever has them.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include <tl/expected.hpp>

#include "common/x_list.h"

namespace headgate::bfd {

inline constexpr std::uint16_t port_single_hop = 3784;  // RFC 5881
inline constexpr std::uint16_t port_multihop = 4784;    // RFC 5883
inline constexpr std::size_t packet_bytes = 24;

// Values as on the wire.
enum class State : std::uint8_t { admin_down, down, init, up };
// "AdminDown", "Down", "Init", "Up": as keepalived's log has them.
[[nodiscard]] std::string_view name_of(State state);

// Why a session last left Up, RFC 5880 4.1. X(enumerator, words); values as on the wire. A peer may
// send one of the reserved ones, up to 31.
#define HEADGATE_BFD_DIAGNOSTICS(X)                             \
    X(none, "No Diagnostic")                                    \
    X(detection_time_expired, "Control Detection Time Expired") \
    X(echo_failed, "Echo Function Failed")                      \
    X(neighbor_down, "Neighbor Signaled Session Down")          \
    X(forwarding_plane_reset, "Forwarding Plane Reset")         \
    X(path_down, "Path Down")                                   \
    X(concatenated_path_down, "Concatenated Path Down")         \
    X(administratively_down, "Administratively Down")           \
    X(reverse_concatenated_path_down, "Reverse Concatenated Path Down")

enum class Diagnostic : std::uint8_t { HEADGATE_BFD_DIAGNOSTICS(HEADGATE_ENUMERATOR) };
// keepalived's words; "Unknown" for a reserved one.
[[nodiscard]] std::string_view describe(Diagnostic diagnostic);

// Why a packet was not accepted, in the order in which it is checked. Those after `discriminator`
// do not come from decode(): they are about whom it is from and for. X(enumerator, words)
#define HEADGATE_BFD_ERRORS(X)                                                           \
    X(length, "shorter than its header or than its length field says")                   \
    X(version, "BFD version is not 1")                                                   \
    X(multiplier, "detection multiplier is 0")                                           \
    X(multipoint, "the multipoint bit is set")                                           \
    X(authentication, "it is authenticated, and we use no authentication")               \
    X(poll_and_final, "both the poll and the final bit are set")                         \
    X(discriminator, "a discriminator that must not be 0 is 0")                          \
    X(session, "it is for no session here")                                              \
    X(source, "it names our session and does not come from its neighbor")                \
    X(ttl, "its TTL or hop limit is too low: it came over more routers than `max_hops`") \
    X(admin_down, "the session is administratively down")

enum class PacketError : std::uint8_t { HEADGATE_BFD_ERRORS(HEADGATE_ENUMERATOR) };
inline constexpr std::size_t num_packet_errors =
    static_cast<std::size_t>(PacketError::admin_down) + 1;

// The enumerator's name, as counters are called; and the sentence for people.
[[nodiscard]] std::string_view name_of(PacketError error);
[[nodiscard]] std::string_view describe(PacketError error);

// Times on the wire are microseconds, 32 bits of them.
using Microseconds = std::chrono::duration<std::uint32_t, std::micro>;

struct ControlPacket {
    State state = State::down;
    Diagnostic diagnostic = Diagnostic::none;
    bool poll = false;
    bool final = false;
    bool control_plane_independent = false;
    bool demand = false;
    std::uint8_t detect_multiplier = 0;
    std::uint32_t my_discriminator = 0;
    std::uint32_t your_discriminator = 0;
    Microseconds desired_min_tx{};
    Microseconds required_min_rx{};
    Microseconds required_min_echo_rx{};
    bool operator==(const ControlPacket&) const = default;
};

[[nodiscard]] std::array<std::uint8_t, packet_bytes> encode(const ControlPacket& packet);

// Reads the payload of a datagram; it may be longer than the packet in it (RFC 5880 6.8.6).
[[nodiscard]] tl::expected<ControlPacket, PacketError> decode(std::span<const std::uint8_t> bytes);

}  // namespace headgate::bfd
