// The VRRP advertisement on the wire: version 2 (RFC 3768) and 3 (RFC 9568), IPv4, multicast.
// Pure: bytes in, values out. The socket is a raw one with IP_HDRINCL, so both directions work on
// whole IPv4 packets, and the IP header's share of the protocol (TTL 255, the group) is here too.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "common/clock.h"
#include "common/net.h"
#include "controlplane/config/model_vrrp.h"

namespace headgate::vrrp {

inline constexpr std::uint8_t ip_protocol_vrrp = 112;
inline constexpr std::uint8_t advert_ttl = 255;
inline constexpr std::uint8_t advert_tos = 0xc0;          // internetwork control
inline constexpr Be32 advert_group{0xe0000012};           // 224.0.0.18
inline constexpr std::uint8_t priority_resign = 0;        // "I stop being master"
inline constexpr std::uint8_t priority_owner = 255;       // owns the addresses: always master
inline constexpr std::size_t auth_bytes = 8;              // trailer of every version 2 advert
inline constexpr std::size_t advert_addresses_max = 255;  // the count is one byte
// IPv4 header, VRRP header, addresses, trailer.
inline constexpr std::size_t advert_bytes_max = 20 + 8 + 4 * advert_addresses_max + auth_bytes;

// Why an advert was not accepted, in the order in which it is checked (keepalived's order).
// The last three do not come from decode(): address_list only warns, the others are about who sent
// it. X(enumerator, words)
#define HEADGATE_ADVERT_ERRORS(X)                                                      \
    X(length, "the packet is shorter than its headers or longer than its fields say")  \
    X(protocol, "not VRRP over IPv4")                                                  \
    X(ttl, "TTL is not 255: it was routed here")                                       \
    X(version, "VRRP version differs from ours")                                       \
    X(vrid, "virtual_router_id differs from ours")                                     \
    X(auth_type, "authentication type differs from ours")                              \
    X(auth_pass, "wrong auth_pass")                                                    \
    X(advert_interval, "advertisement interval differs from ours (version 2) or is 0") \
    X(type, "not an ADVERTISEMENT")                                                    \
    X(checksum, "wrong checksum")                                                      \
    X(destination, "not sent to 224.0.0.18")                                           \
    X(address_list, "its list of virtual addresses differs from ours (accepted)")      \
    X(own_address, "it has our own source address")                                    \
    X(unknown_vrid, "it is for no instance on this interface")

enum class AdvertError : std::uint8_t {
#define HEADGATE_ENUMERATOR(name, words) name,
    HEADGATE_ADVERT_ERRORS(HEADGATE_ENUMERATOR)
#undef HEADGATE_ENUMERATOR
};

inline constexpr std::size_t num_advert_errors =
    static_cast<std::size_t>(AdvertError::unknown_vrid) + 1;

// The enumerator's name, as counters are called; and the sentence for people.
[[nodiscard]] std::string_view name_of(AdvertError error);
[[nodiscard]] std::string_view describe(AdvertError error);

using AuthPass = std::array<std::uint8_t, auth_bytes>;  // zero-padded

// What the routers of one group must agree on. Adverts are written from it and held against it.
struct VirtualRouter {
    std::uint8_t vrid = 0;
    std::uint8_t version = 2;
    Duration advert_interval{};         // v2: whole seconds, 1 to 255; v3: 10 ms to 40.95 s
    std::optional<AuthPass> auth_pass;  // v2 only
    std::vector<Be32> addresses;        // at most advert_addresses_max
    bool operator==(const VirtualRouter&) const = default;
};

[[nodiscard]] VirtualRouter virtual_router(const config::VrrpInstance& instance);

struct Advert {
    IpAddress source;
    std::uint8_t priority = 0;
    Duration advert_interval{};
    bool addresses_match = true;  // the same set as ours, in any order
};

// Writes the IPv4 packet and returns its length. Requires: an IPv4 source; advert_bytes_max bytes
// of room suffice for every router; fewer are a programming error.
std::size_t encode(const VirtualRouter& router, const IpAddress& source, std::uint8_t priority,
                   std::span<std::uint8_t> packet);

// Who an IPv4 packet that may be an advert is from, to find the router to decode() it with.
struct AdvertOrigin {
    IpAddress source;
    std::uint8_t vrid = 0;
};
// Nothing when the packet is too short to say.
[[nodiscard]] std::optional<AdvertOrigin> peek(std::span<const std::uint8_t> packet);

// Reads an IPv4 packet, which may be followed by padding of the link layer.
[[nodiscard]] tl::expected<Advert, AdvertError> decode(std::span<const std::uint8_t> packet,
                                                       const VirtualRouter& router);

}  // namespace headgate::vrrp
