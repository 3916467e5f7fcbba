// Envelope: a received packet and what the network layer says about it. IPv4 packets bring their
// header along; of IPv6 a raw socket gives the payload, and the rest as ancillary data (RFC 3542).
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "common/net.h"

namespace headgate::vrrp {

inline constexpr std::uint8_t ip_protocol_vrrp = 112;
inline constexpr std::uint8_t ip_protocol_auth = 51;  // AH: RFC 2402
inline constexpr std::size_t auth_header_bytes = 24;
inline constexpr std::size_t ipv4_header_bytes = 20;

struct Envelope {
    IpAddress source;
    IpAddress destination;
    std::optional<std::uint8_t> ttl;            // or hop limit; absent: the kernel did not say
    std::uint8_t protocol = 0;                  // ip_protocol_vrrp or another
    std::span<const std::uint8_t> ip_header{};  // IPv4 only
    std::span<const std::uint8_t> payload{};    // without padding of the link layer
};

// Reads an IPv4 packet, which may be followed by padding of the link layer. Nothing when it is
// shorter than it says. The packet has to outlive the envelope.
[[nodiscard]] std::optional<Envelope> open_ipv4(std::span<const std::uint8_t> packet);

// For which virtual router an envelope is, whatever else may be wrong with it. Nothing when it is
// too short to say.
[[nodiscard]] std::optional<std::uint8_t> vrid_of(const Envelope& envelope);

}  // namespace headgate::vrrp
